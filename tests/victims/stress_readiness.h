/* SPDX-License-Identifier: BSD-2-Clause
   What poll, select and epoll may say of a connection, and waiting by the first two. */
#pragma once

#include "stress_connection.h"

/* Judges what a wait has said. `asked` are POLLIN, POLLOUT and POLLRDHUP (the bits of epoll are the same); no
   event is as much of a statement as one. */
static void Judge(struct Worker* worker, struct Connection* connection, uint32_t events, uint32_t asked,
                  const char* call) {
  const uint32_t always = POLLERR | POLLHUP;
  uint32_t must = 0;
  uint32_t may = 0;
  if (events != 0 && connection->state != kUp) /* what is up is shown again and again */
    Trace(worker, "%u %s shows %x of %x", connection->generation, call, events, asked);
  if (connection->state == kPending && events != 0) {
    /* The connection is decided: the calls that tell how must agree from now on. */
    if (connection->is_refusing) {
      connection->state = kRefused;
      if (events & POLLOUT && !(events & POLLERR))
        Violation(worker, connection, "%s shows %x, without an error", call, events);
    } else if (HasPeer(worker, connection)) {
      BecomeUp(worker, connection, call);
    } else {
      Violation(worker, connection, "%s shows %x before it is connected", call, events);
    }
    if (connection->is_spoilt) return;
  }
  const int has_data = connection->sent > connection->received;
  switch (connection->state) {
    case kUnused: Violation(worker, connection, "%s: an unused slot", call); return;
    case kFresh: must = may = POLLOUT | POLLHUP; break;
    case kPending: return;
    case kUp:
      must = POLLOUT;
      may = POLLOUT | (has_data ? POLLIN : 0);
      if (connection->is_shut) may |= POLLIN | POLLRDHUP | POLLHUP;
      break;
    case kRefused:
      must = POLLOUT | POLLIN | POLLERR | POLLHUP;
      may = must | POLLRDHUP;
      break;
    case kConsumed:
      must = POLLOUT | POLLIN | POLLHUP;
      may = must | POLLRDHUP;
      break;
  }
  must &= asked | always;
  may &= asked | always;
  if (HasFault("readiness")) must |= POLLERR;
  if ((events & must) != must || (events & ~may) != 0)
    Violation(worker, connection, "%s shows %x of %x, wants %x, may have %x", call, events, asked, must, may);
}

/* What select can say is less: an error is readable and writable. */
static void JudgeSelect(struct Worker* worker, struct Connection* connection, int is_readable,
                        int is_writable, uint32_t asked) {
  if (!is_readable && !is_writable && connection->state == kPending) return;
  Trace(worker, "%u select shows %d %d of %x", connection->generation, is_readable, is_writable, asked);
  struct pollfd ready = {.fd = connection->fd, .events = POLLIN | POLLOUT | POLLRDHUP};
  poll(&ready, 1, 0);
  if (ready.revents == 0) {
    Violation(worker, connection, "select shows what poll does not");
    return;
  }
  Judge(worker, connection, (uint32_t)ready.revents, POLLIN | POLLOUT | POLLRDHUP, "poll after select");
  const int must_be_readable = connection->state != kUp;
  if ((asked & POLLOUT && !is_writable) || (asked & POLLIN && must_be_readable && !is_readable) ||
      (is_readable && !must_be_readable && connection->sent == connection->received && !connection->is_shut))
    Violation(worker, connection, "select shows %d %d of %x", is_readable, is_writable, asked);
}

enum WaitWay { kPoll, kPpoll, kSelect, kPselect, kWaitWays };

/* One wait for up to `timeout_ms` for some connections, with judgement of all; `wanted` is always among them.
 */
static void WaitFor(struct Worker* worker, const struct Connection* wanted, enum WaitWay way,
                    uint32_t wanted_events, int timeout_ms) {
  struct pollfd ready[kSlots];
  struct Connection* of[kSlots];
  uint32_t asked[kSlots];
  int count = 0;
  int highest = -1;
  fd_set readable;
  fd_set writable;
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  for (int i = 0; i < kSlots; ++i) {
    struct Connection* connection = &worker->connections[i];
    if (connection->state == kUnused || connection->is_spoilt) continue;
    /* The others are included while they are undecided: what is ready would end the wait. */
    if (connection != wanted && (connection->state != kPending || OneIn(worker, 3))) continue;
    const int fd = AnyFd(worker, connection);
    asked[count] = connection == wanted ? wanted_events : OneIn(worker, 4) ? POLLIN : POLLOUT | POLLIN;
    if (fd > highest) highest = fd;
    of[count] = connection;
    ready[count] = (struct pollfd){.fd = fd, .events = (short)asked[count]};
    ++count;
  }
  if (highest >= FD_SETSIZE && way >= kSelect) way = kPoll;
  const struct timespec limit = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
  struct timeval select_limit = {.tv_sec = limit.tv_sec, .tv_usec = limit.tv_nsec / 1000};
  for (int i = 0; i < count && way >= kSelect; ++i) {
    if (asked[i] & POLLIN) FD_SET(ready[i].fd, &readable);
    if (asked[i] & POLLOUT) FD_SET(ready[i].fd, &writable);
  }
  int result = 0;
  switch (way) {
    case kPoll: result = poll(ready, (nfds_t)count, timeout_ms); break;
    case kPpoll: result = ppoll(ready, (nfds_t)count, &limit, NULL); break;
    case kSelect: result = select(highest + 1, &readable, &writable, NULL, &select_limit); break;
    default: result = pselect(highest + 1, &readable, &writable, NULL, &limit, NULL); break;
  }
  if (result < 0) {
    Violation(worker, NULL, "a wait fails: %s", ErrorName(errno));
    return;
  }
  if (result == 0 && way >= kSelect) {
    FD_ZERO(&readable);
    FD_ZERO(&writable);
  }
  int said = 0;
  for (int i = 0; i < count; ++i) {
    if (way < kSelect) {
      said += ready[i].revents != 0;
      Judge(worker, of[i], (uint32_t)ready[i].revents, asked[i], way == kPoll ? "poll" : "ppoll");
    } else {
      const int is_readable = FD_ISSET(ready[i].fd, &readable) != 0;
      const int is_writable = FD_ISSET(ready[i].fd, &writable) != 0;
      said += is_readable + is_writable;
      JudgeSelect(worker, of[i], is_readable, is_writable, asked[i]);
    }
  }
  if (said != result) Violation(worker, NULL, "a wait returns %d and shows %d", result, said);
}
