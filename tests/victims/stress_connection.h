/* SPDX-License-Identifier: BSD-2-Clause
   The life of one connection, and what each call may say in each of its states. Linux's rules: an error is
   reported once, by whoever asks first; connect() after an error that something else has taken says
   ECONNABORTED once; after an error that connect() itself reports, the socket is as good as new. */
#pragma once

#include "stress_world.h"

/* Either of the descriptors that name the socket. */
static int AnyFd(struct Worker* worker, const struct Connection* connection) {
  return connection->alias >= 0 && OneIn(worker, 2) ? connection->alias : connection->fd;
}

static void SetBlocking(int fd, int is_blocking) {
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, is_blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

static const struct sockaddr* Destination(const struct Connection* connection) {
  return (const struct sockaddr*)&g_options.destinations[connection->is_refusing];
}

/* Checks that an error is one that the connection may have; true for ECONNREFUSED where it belongs. */
static int CheckRefusal(struct Worker* worker, struct Connection* connection, const char* call, int error) {
  if (error == ECONNREFUSED && connection->is_refusing &&
      (connection->state == kPending || connection->state == kRefused))
    return 1;
  if (error == ECONNREFUSED) atomic_fetch_add(&g_counts.misplaced_refusals, 1);
  Violation(worker, connection, "%s: %s", call, ErrorName(error));
  return 0;
}

static void BecomeUp(struct Worker* worker, struct Connection* connection, const char* how) {
  if (connection->is_refusing != HasFault("refusal")) {
    atomic_fetch_add(&g_counts.misplaced_refusals, 1);
    Violation(worker, connection, "%s says that it is connected", how);
  }
  if (connection->state != kUp) atomic_fetch_add(&g_statistics.completed, 1);
  connection->state = kUp;
}

static void BecomeConsumed(struct Connection* connection) {
  atomic_fetch_add(&g_statistics.refused, 1);
  connection->state = kConsumed;
}

/* connect() has reported the failure. */
static void BecomeFresh(struct Connection* connection) {
  connection->state = kFresh;
  connection->may_say_zero = 0;
}

/* A new line, not to be confused with that of any other connection. */
static void WriteLine(struct Worker* worker, struct Connection* connection) {
  int size = snprintf(connection->line, kLineSize, "%llu.%u.%u.%u:", (unsigned long long)g_options.seed,
                      worker->index, connection->generation, Below(worker, 1000000));
  const int padding = OneIn(worker, 4) ? (int)Below(worker, kLineSize - 80) : 0;
  for (int i = 0; i < padding; ++i) connection->line[size++] = (char)('!' + Below(worker, 90));
  connection->line[size++] = '\n';
  connection->length = (size_t)size;
  connection->sent = connection->received = 0;
}

/* getpeername: true when connected. */
static int HasPeer(struct Worker* worker, struct Connection* connection) {
  struct sockaddr_in peer;
  socklen_t size = sizeof peer;
  if (getpeername(AnyFd(worker, connection), (struct sockaddr*)&peer, &size) != 0) {
    if (errno != ENOTCONN) Violation(worker, connection, "getpeername: %s", ErrorName(errno));
    return 0;
  }
  const struct sockaddr_in* to = (const struct sockaddr_in*)Destination(connection);
  if (size != sizeof peer || peer.sin_addr.s_addr != to->sin_addr.s_addr || peer.sin_port != to->sin_port)
    Violation(worker, connection, "getpeername: not the destination but port %d", ntohs(peer.sin_port));
  return 1;
}

static void AskPeer(struct Worker* worker, struct Connection* connection) {
  const int has_peer = HasPeer(worker, connection);
  Trace(worker, "%u getpeername %d", connection->generation, has_peer);
  if (has_peer && connection->state == kPending) BecomeUp(worker, connection, "getpeername");
  if (has_peer != (connection->state == kUp) && !connection->is_shut)
    Violation(worker, connection, "getpeername %s", has_peer ? "succeeds" : "says ENOTCONN");
}

static void AskError(struct Worker* worker, struct Connection* connection) {
  int error = -1;
  socklen_t size = sizeof error;
  if (getsockopt(AnyFd(worker, connection), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    Violation(worker, connection, "getsockopt: %s", ErrorName(errno));
  Trace(worker, "%u SO_ERROR %s", connection->generation, ErrorName(error));
  if (error == 0 && connection->state == kRefused)
    Violation(worker, connection, "SO_ERROR is 0 although the connection has failed");
  if (error != 0 && CheckRefusal(worker, connection, "SO_ERROR", error)) BecomeConsumed(connection);
}

/* connect() once more, on a socket that has been connected before. */
static void ConnectAgain(struct Worker* worker, struct Connection* connection) {
  const int result = connect(AnyFd(worker, connection), Destination(connection), sizeof(struct sockaddr_in));
  const int error = result == 0 ? 0 : errno;
  Trace(worker, "%u connect again %s", connection->generation, ErrorName(error));
  if (error == EALREADY && connection->state == kPending) return;
  if (error == 0 && connection->may_say_zero && (connection->state == kPending || connection->state == kUp)) {
    connection->may_say_zero = 0;
    BecomeUp(worker, connection, "connect again");
  } else if (error == EISCONN && (connection->state == kPending || connection->state == kUp)) {
    connection->may_say_zero = 0;
    BecomeUp(worker, connection, "EISCONN");
  } else if (error == ECONNABORTED && connection->state == kConsumed) {
    BecomeFresh(connection);
  } else if (CheckRefusal(worker, connection, "connect again", error)) {
    atomic_fetch_add(&g_statistics.refused, 1);
    BecomeFresh(connection);
  }
}

enum ConnectHow { kNonBlocking, kBlocking, kWithTimeLimit };

/* The first connect() of a fresh socket; the socket does not block afterwards, whatever it did before. */
static void Connect(struct Worker* worker, struct Connection* connection, enum ConnectHow how) {
  const int fd = AnyFd(worker, connection);
  const struct timeval limit = {.tv_usec = 1000 + Below(worker, 20000)};
  const struct timeval none = {0};
  WriteLine(worker, connection);
  for (int i = 0; i < kSets; ++i) {
    struct Registration* registration = &connection->registrations[i];
    registration->is_in_owed = 0;
    if (registration->is_live && registration->is_armed && registration->mask & EPOLLOUT)
      registration->is_owed = 1;
  }
  Trace(worker, "%u connect %s %s", connection->generation, connection->is_refusing ? "refusing" : "echo",
        how == kNonBlocking ? ""
        : how == kBlocking  ? "blocking"
                            : "with a time limit");
  SetBlocking(fd, how != kNonBlocking);
  if (how == kWithTimeLimit) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  connection->state = kPending;
  const int result = connect(fd, Destination(connection), sizeof(struct sockaddr_in));
  const int error = result == 0 ? 0 : errno;
  if (how == kWithTimeLimit) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
  SetBlocking(fd, 0);
  Trace(worker, "%u connect: %s", connection->generation, ErrorName(error));
  if (error == EINPROGRESS && how != kBlocking) {
    atomic_fetch_add(&g_statistics.pending, 1);
    connection->may_say_zero = 1;
  } else if (error == 0) {
    BecomeUp(worker, connection, "connect");
  } else if (CheckRefusal(worker, connection, "connect", error)) {
    atomic_fetch_add(&g_statistics.refused, 1);
    BecomeFresh(connection);
  }
}

/* A new connection must know nothing of the one that had its descriptor before. */
static void CheckFresh(struct Worker* worker, struct Connection* connection) {
  char byte;
  AskPeer(worker, connection);
  AskError(worker, connection);
  struct pollfd ready = {.fd = connection->fd, .events = POLLIN | POLLOUT};
  if (poll(&ready, 1, 0) != 1 || ready.revents != (POLLOUT | POLLHUP))
    Violation(worker, connection, "poll of a fresh socket: %x", ready.revents);
  if (recv(connection->fd, &byte, 1, MSG_DONTWAIT) != -1 || errno != ENOTCONN)
    Violation(worker, connection, "recv of a fresh socket: %s", ErrorName(errno));
  if (send(connection->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) != -1 || errno != EPIPE)
    Violation(worker, connection, "send of a fresh socket: %s", ErrorName(errno));
}

/* Ends the connection but not the socket. What was under way is reported as ECONNRESET, once. */
static void Disconnect(struct Worker* worker, struct Connection* connection) {
  const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
  int error = 0;
  socklen_t size = sizeof error;
  Trace(worker, "%u disconnect", connection->generation);
  if (connect(connection->fd, &nobody, sizeof nobody) != 0)
    Violation(worker, connection, "connect to AF_UNSPEC: %s", ErrorName(errno));
  getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  const int may_refuse =
      connection->is_refusing && connection->state != kFresh && connection->state != kConsumed;
  if (error != 0 && error != ECONNRESET && !(may_refuse && error == ECONNREFUSED))
    Violation(worker, connection, "after AF_UNSPEC SO_ERROR is %s", ErrorName(error));
  BecomeFresh(connection);
  connection->is_shut = 0;
}
