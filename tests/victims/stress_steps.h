/* SPDX-License-Identifier: BSD-2-Clause
   What a thread does next: a random step with a random one of its connections, as its state permits. */
#pragma once

#include "stress_process.h"
#include "stress_stream.h"

static void Open(struct Worker* worker, struct Connection* connection) {
  memset(connection, 0, sizeof *connection);
  connection->alias = -1;
  connection->generation = ++worker->generation;
  connection->is_refusing = OneIn(worker, 4);
  connection->fd = socket(AF_INET, SOCK_STREAM | (OneIn(worker, 2) ? SOCK_NONBLOCK : 0) | SOCK_CLOEXEC, 0);
  Trace(worker, "%u socket %d", connection->generation, connection->fd);
  if (connection->fd < 0) {
    Violation(worker, NULL, "socket: %s", ErrorName(errno));
    return;
  }
  atomic_fetch_add(&g_statistics.connections, 1);
  connection->state = kFresh;
  OpenSharedSlot(worker, connection);
  if (OneIn(worker, 3)) CheckFresh(worker, connection);
}

static void WaitSomehow(struct Worker* worker, struct Connection* connection) {
  static const uint32_t kAsked[] = {POLLOUT, POLLIN, POLLIN | POLLOUT, POLLOUT | POLLRDHUP};
  const int timeout_ms = OneIn(worker, 2) ? 0 : (int)Below(worker, 20);
  if (Has("epoll") && OneIn(worker, 2)) {
    WaitForSet(worker, (int)Below(worker, Has("shared") ? kSets : kPrivateSets), timeout_ms);
  } else {
    WaitFor(worker, connection, (enum WaitWay)Below(worker, kWaitWays), kAsked[Below(worker, 4)], timeout_ms);
  }
}

/* Waits until the connection is decided, by one way alone, so that a way that forgets it is noticed. */
static void Decide(struct Worker* worker, struct Connection* connection) {
  const struct Registration* shared = &connection->registrations[kSharedSet];
  const int set = FindOwingSet(connection);
  const enum WaitWay way = (enum WaitWay)Below(worker, kWaitWays);
  const long end = NowMs() + kPatienceMs;
  if (set >= 0 && !OneIn(worker, 4)) {
    AwaitBySet(worker, connection, set);
  } else if (shared->is_live && !shared->is_ghost && shared->mask & EPOLLOUT && OneIn(worker, 2)) {
    AwaitByShared(worker, connection);
  }
  while (connection->state == kPending && !connection->is_spoilt) {
    if (NowMs() > end) {
      Lost(worker, connection, "no wait shows that the connection is decided");
      return;
    }
    WaitFor(worker, connection, way, POLLOUT, 1 + (int)Below(worker, 100));
  }
}

/* Waits until there is something to read, which there must be. */
static void AwaitData(struct Worker* worker, struct Connection* connection) {
  const long end = NowMs() + kPatienceMs;
  const enum WaitWay way = (enum WaitWay)Below(worker, kWaitWays);
  for (int set = 0; set < kPrivateSets && OneIn(worker, 2); ++set) {
    const struct Registration* registration = &connection->registrations[set];
    if (!registration->is_live || !registration->is_armed || !(registration->mask & EPOLLIN)) continue;
    if (!registration->is_in_owed) continue;
    Trace(worker, "%u await data by set %d", connection->generation, set);
    while (registration->is_in_owed && registration->is_armed && !connection->is_spoilt) {
      if (NowMs() > end) return Lost(worker, connection, "a set does not show what came");
      WaitForSet(worker, set, 1 + (int)Below(worker, 100));
    }
    return;
  }
  /* A wait for what is not readable yet shows nothing, and goes on. */
  struct pollfd ready = {.fd = connection->fd, .events = POLLIN};
  do {
    WaitFor(worker, connection, way, POLLIN, 1 + (int)Below(worker, 100));
    if (NowMs() > end) return Lost(worker, connection, "no wait shows what came");
  } while (!connection->is_spoilt && poll(&ready, 1, 0) == 0);
}

/* The whole conversation of a connection that is up, to its end or nearly. */
static void Converse(struct Worker* worker, struct Connection* connection) {
  while (connection->sent < connection->length && !connection->is_spoilt)
    SendSome(worker, connection, OneIn(worker, 3) ? 1 + Below(worker, 20) : kLineSize);
  while (connection->received < connection->sent && !connection->is_spoilt) {
    AwaitData(worker, connection);
    ReceiveSome(worker, connection);
  }
  if (connection->is_spoilt || OneIn(worker, 3)) return;
  if (shutdown(AnyFd(worker, connection), SHUT_WR) != 0)
    Violation(worker, connection, "shutdown: %s", ErrorName(errno));
  connection->is_shut = 1;
  do {
    AwaitData(worker, connection);
  } while (!connection->is_spoilt && !ReceiveSome(worker, connection));
}

/* Brings a connection to an end that proves what it was, and closes it. */
static void Finish(struct Worker* worker, struct Connection* connection) {
  if (connection->state == kPending) Decide(worker, connection);
  if (connection->state == kUp && !connection->is_spoilt) Converse(worker, connection);
  if (connection->state == kRefused && !connection->is_spoilt) AskError(worker, connection);
  CloseConnection(worker, connection);
}

static void StepFresh(struct Worker* worker, struct Connection* connection) {
  const int is_used = connection->length != 0;
  if (is_used && (connection->was_shared || !Has("reconnect"))) {
    /* A late event of its first attempt could be mistaken for one of the second. */
    CloseConnection(worker, connection);
    return;
  }
  switch (Below(worker, 12)) {
    case 0: CloseConnection(worker, connection); break;
    case 1: AddAlias(worker, connection); break;
    case 2: WaitSomehow(worker, connection); break;
    case 3: CheckFresh(worker, connection); break;
    case 4:
    case 5:
    case 6:
      if (Has("epoll")) ChangeRegistration(worker, connection);
      break;
    default: {
      const unsigned how = Below(worker, 10);
      if (is_used) connection->is_refusing = OneIn(worker, 4);
      Connect(worker, connection,
              how == 0                       ? kBlocking
              : how == 1 && Has("timelimit") ? kWithTimeLimit
                                             : kNonBlocking);
    }
  }
}

/* A step with a connection that is under way, or was. */
static void StepConnected(struct Worker* worker, struct Connection* connection) {
  switch (Below(worker, 30)) {
    case 0:
    case 1: AskPeer(worker, connection); break;
    case 2: AskError(worker, connection); break;
    case 3:
      if (Has("again")) ConnectAgain(worker, connection);
      break;
    case 4:
    case 5: SendSome(worker, connection, 1 + Below(worker, kLineSize)); break;
    case 6:
    case 7: ReceiveSome(worker, connection); break;
    case 8:
      if (connection->sent == 0 && connection->state <= kUp) SendBlocking(worker, connection);
      break;
    case 9: AddAlias(worker, connection); break;
    case 10: DropAlias(worker, connection); break;
    case 11:
      if (Has("fork") && OneIn(worker, 4)) Fork(worker, connection);
      break;
    case 12:
      if (!connection->was_shared && OneIn(worker, 3) && Has("disconnect")) Disconnect(worker, connection);
      break;
    case 13: /* abandoned: whatever the sides have sent to each other is void */
      if (OneIn(worker, 2)) shutdown(connection->fd, (int)Below(worker, 3));
      CloseConnection(worker, connection);
      break;
    case 14:
    case 15:
    case 16: Finish(worker, connection); break;
    case 17:
    case 18:
    case 19:
    case 20:
    case 21:
      if (Has("epoll")) ChangeRegistration(worker, connection);
      break;
    default: WaitSomehow(worker, connection); break;
  }
}

static void Step(struct Worker* worker) {
  struct Connection* connection = &worker->connections[Below(worker, kSlots)];
  ++worker->operation;
  atomic_fetch_add(&g_statistics.operations, 1);
  if (connection->state == kUnused) {
    Open(worker, connection);
  } else if (connection->is_spoilt) {
    CloseConnection(worker, connection);
  } else if (connection->state == kFresh) {
    StepFresh(worker, connection);
  } else {
    StepConnected(worker, connection);
  }
}
