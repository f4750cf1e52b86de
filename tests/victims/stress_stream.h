/* SPDX-License-Identifier: BSD-2-Clause
   The bytes of a connection: each sends one line that no other sends, and must get exactly that line back. */
#pragma once

#include "stress_connection.h"

static ssize_t SendSomehow(struct Worker* worker, int fd, const char* data, size_t size) {
  struct iovec parts[2] = {{(char*)data, size / 2}, {(char*)data + size / 2, size - size / 2}};
  const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  switch (Below(worker, 5)) {
    case 0: return write(fd, data, size);
    case 1: return writev(fd, parts, 2);
    case 2: return sendmsg(fd, &message, MSG_NOSIGNAL);
    case 3: return sendto(fd, data, size, MSG_NOSIGNAL, NULL, 0);
    default: return send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

static ssize_t ReceiveSomehow(struct Worker* worker, int fd, char* data, size_t size) {
  struct iovec parts[2] = {{data, size / 2}, {data + size / 2, size - size / 2}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  switch (Below(worker, 5)) {
    case 0: return read(fd, data, size);
    case 1: return readv(fd, parts, 2);
    case 2: return recvmsg(fd, &message, 0);
    case 3: return recvfrom(fd, data, size, 0, NULL, NULL);
    default: return recv(fd, data, size, MSG_DONTWAIT);
  }
}

/* What a failed or fruitless transfer may say in this state; `dead` is what a socket says whose error has
   been taken: EPIPE when sending, 0 (the end) when receiving. */
static void CheckNoTransfer(struct Worker* worker, struct Connection* connection, const char* call, int error,
                            int dead) {
  if (error == EAGAIN && (connection->state == kPending || connection->state == kUp)) return;
  if (connection->state == kConsumed && error == dead) return;
  if (CheckRefusal(worker, connection, call, error)) BecomeConsumed(connection);
}

/* Sends up to `most` bytes of what is left of the line. */
static void SendSome(struct Worker* worker, struct Connection* connection, size_t most) {
  size_t size = connection->length - connection->sent;
  if (size > most) size = most;
  if (size == 0 || connection->is_shut) return;
  const ssize_t sent =
      SendSomehow(worker, AnyFd(worker, connection), connection->line + connection->sent, size);
  const int error = sent < 0 ? errno : 0;
  Trace(worker, "%u send %zu: %zd %s", connection->generation, size, sent, ErrorName(error));
  if (sent < 0) {
    CheckNoTransfer(worker, connection, "send", error, EPIPE);
    return;
  }
  if (connection->state != kUp) BecomeUp(worker, connection, "send");
  connection->sent += (size_t)sent;
  for (int i = 0; i < kSets; ++i) connection->registrations[i].is_in_owed = 1;
}

/* Takes what is there; the stream's end counts as what is there only after shutdown(). True at the end. */
static int ReceiveSome(struct Worker* worker, struct Connection* connection) {
  char buffer[kLineSize];
  const size_t size = 1 + Below(worker, sizeof buffer);
  if (OneIn(worker, 8) && connection->state == kUp) {
    const ssize_t seen = recv(connection->fd, buffer, size, MSG_PEEK | MSG_DONTWAIT);
    if (seen > 0 && ((size_t)seen > connection->sent - connection->received ||
                     memcmp(buffer, connection->line + connection->received, (size_t)seen) != 0))
      Violation(worker, connection, "MSG_PEEK shows other bytes than were sent");
  }
  const ssize_t got = ReceiveSomehow(worker, AnyFd(worker, connection), buffer, size);
  const int error = got < 0 ? errno : 0;
  Trace(worker, "%u receive: %zd %s", connection->generation, got, ErrorName(error));
  if (got == 0 && connection->state == kUp && connection->is_shut) {
    if (connection->received != connection->sent) {
      atomic_fetch_add(&g_counts.wrong_bytes, connection->sent - connection->received);
      Violation(worker, connection, "the end after %zu of %zu bytes", connection->received, connection->sent);
    }
    return 1;
  }
  if (got <= 0) {
    CheckNoTransfer(worker, connection, "receive", got == 0 ? 0 : error, 0);
    return 0;
  }
  const char* expected = connection->line + connection->received;
  if (HasFault("bytes")) ++expected;
  if ((size_t)got > connection->sent - connection->received || memcmp(buffer, expected, (size_t)got) != 0) {
    atomic_fetch_add(&g_counts.wrong_bytes, (size_t)got);
    Violation(worker, connection, "%zd other bytes than were sent, at %zu: \"%.*s\"", got,
              connection->received, got < 40 ? (int)got : 40, buffer);
    return 0;
  }
  connection->received += (size_t)got;
  atomic_fetch_add(&g_statistics.bytes, (size_t)got);
  if (connection->received == connection->sent)
    for (int i = 0; i < kSets; ++i) connection->registrations[i].is_in_owed = 0;
  return 0;
}

/* Sends in the blocking way, which first waits for a connection that is pending. */
static void SendBlocking(struct Worker* worker, struct Connection* connection) {
  const int was_pending = connection->state == kPending;
  Trace(worker, "%u send in the blocking way", connection->generation);
  SetBlocking(connection->fd, 1);
  const ssize_t sent = send(connection->fd, connection->line, connection->length, MSG_NOSIGNAL);
  const int error = sent < 0 ? errno : 0;
  SetBlocking(connection->fd, 0);
  Trace(worker, "%u sent in the blocking way: %zd %s", connection->generation, sent, ErrorName(error));
  if (sent < 0 && error == EAGAIN) {
    Violation(worker, connection, "a blocking send says EAGAIN%s", was_pending ? " while pending" : "");
  } else if (sent < 0) {
    CheckNoTransfer(worker, connection, "blocking send", error, EPIPE);
  } else {
    BecomeUp(worker, connection, "a blocking send");
    connection->sent = (size_t)sent;
    for (int i = 0; i < kSets; ++i) connection->registrations[i].is_in_owed = 1;
  }
}
