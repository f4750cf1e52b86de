/* SPDX-License-Identifier: BSD-2-Clause
   pending_modes MODE HOST PORT [HOST PORT]: what a program may do to a socket whose connection is pending:
   shut it down, close it, dissolve it, make it blocking, copy it. */
#include "pending.h"

#include <sys/ioctl.h>
#include <sys/resource.h>

/* Whatever the direction, the attempt is over; what is left is a socket that was reset. */
static void ShutDown(int how) {
  const int fd = Start();
  Say("shutdown", shutdown(fd, how));
  SaySocketError("error", fd);
  SaySocketError("error again", fd);
  SayPeer("peer", fd, g_to);
  SayEvents("poll", Poll(fd, POLLIN | POLLOUT | POLLRDHUP, 0));
  Say("send", send(fd, "x", 1, MSG_NOSIGNAL));
  char byte;
  Say("read", read(fd, &byte, 1));
  Say("shutdown again", shutdown(fd, how));
  SetBlocking(fd);
  Say("connect elsewhere", Connect(fd, g_other));
}
static void ShutDownBoth(void) {
  ShutDown(SHUT_RDWR);
}
static void ShutDownRead(void) {
  ShutDown(SHUT_RD);
}
static void ShutDownWrite(void) {
  ShutDown(SHUT_WR);
}

/* Closed while pending; the next socket of that number is nobody's heir. */
static void Close(void) {
  const int fd = Start();
  Say("close", close(fd));
  Say("connect", Connect(fd, g_to));
  const int next = socket(AF_INET, SOCK_STREAM, 0);
  printf("number re-used: %d\n", next == fd);
  SayPeer("peer", next, g_to);
  SaySocketError("error", next);
  SayEvents("poll", Poll(next, POLLOUT, 0));
  Say("connect elsewhere", Connect(next, g_other));
  Use(next, g_other);
}

/* fclose(3) closes without calling close(2) by name. */
static void CloseHidden(void) {
  const int fd = Start();
  fclose(fdopen(fd, "r+"));
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) Fail("socketpair");
  printf("number re-used: %d\n", pair[0] == fd);
  SayEvents("poll", Poll(pair[0], POLLIN | POLLOUT, 0));
  Say("write", write(pair[0], "x", 1));
  SayEvents("poll", Poll(pair[1], POLLIN, 0));
  close(pair[0]);
  const int next = socket(AF_INET, SOCK_STREAM, 0);
  printf("number re-used: %d\n", next == fd);
  Say("connect elsewhere", Connect(next, g_other));
  Use(next, g_other);
}

/* dup2(2) over a pending socket closes it. */
static void Overwrite(void) {
  const int fd = Start();
  const int next = socket(AF_INET, SOCK_STREAM, 0);
  printf("dup2: %d\n", dup2(next, fd) == fd);
  close(next);
  SayPeer("peer", fd, g_to);
  Say("connect elsewhere", Connect(fd, g_other));
  Use(fd, g_other);
}

static void Dissolve(void) {
  const int fd = Start();
  const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
  Say("connect nowhere", connect(fd, &nowhere, sizeof nowhere));
  SaySocketError("error", fd);
  SayPeer("peer", fd, g_to);
  SayEvents("poll", Poll(fd, POLLOUT, 0));
  SetBlocking(fd);
  Say("connect elsewhere", Connect(fd, g_other));
  Use(fd, g_other);
}

static void BlockingWrite(void) {
  const int fd = Start();
  SetBlocking(fd);
  Echo(fd, "hello");
  Use(fd, g_to);
}

static void BlockingWriteByIoctl(void) {
  const int fd = Start();
  int off = 0;
  Say("ioctl", ioctl(fd, FIONBIO, &off));
  Echo(fd, "hello");
  Use(fd, g_to);
}

static void BlockingSend(void) {
  const int fd = Start();
  SetBlocking(fd);
  Say("send MSG_DONTWAIT", send(fd, "hello", 5, MSG_NOSIGNAL | MSG_DONTWAIT));
  Say("send", send(fd, "hello", 5, MSG_NOSIGNAL));
  char buffer[8];
  Say("recv", recv(fd, buffer, 5, MSG_WAITALL));
  Use(fd, g_to);
}

/* The destination speaks only when spoken to, so a read is tried with a time limit. */
static void BlockingRead(void) {
  const int fd = Start();
  const struct timeval limit = {.tv_sec = 2};
  SetBlocking(fd);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char byte;
  Say("read", read(fd, &byte, 1));
  SayPeer("peer", fd, g_to);
  Use(fd, g_to);
}

static void BlockingConnect(void) {
  const int fd = Start();
  SetBlocking(fd);
  Say("connect", Connect(fd, g_to));
  Say("connect again", Connect(fd, g_to));
  Use(fd, g_to);
}

/* What the descriptor's copies see while the connection is pending, and after the original has been closed.
 */
static void GoOnWith(int fd, int copy) {
  Say("connect", Connect(copy, g_to));
  SayPeer("peer", copy, g_to);
  SayEvents("poll", Poll(copy, POLLOUT, 0));
  Say("close", close(fd));
  Say("send", send(copy, "x", 1, MSG_NOSIGNAL));
  Finish(copy);
}
static void Dup(void) {
  const int fd = Start();
  GoOnWith(fd, dup(fd));
}
static void Dup2(void) {
  const int fd = Start();
  GoOnWith(fd, dup2(fd, 100));
}
static void DupCloseOnExec(void) {
  const int fd = Start();
  GoOnWith(fd, fcntl(fd, F_DUPFD_CLOEXEC, 200));
}

/* Waits with one copy, and uses the other. */
static void DupBoth(void) {
  const int fd = Start();
  const int copy = dup(fd);
  SayEvents("poll", Poll(copy, POLLOUT, kPatienceMs));
  SayEvents("poll original", Poll(fd, POLLOUT, 0));
  SayPeer("peer", copy, g_to);
  Use(fd, g_to);
}

/* Both copies in one poll(2). */
static void DupTogether(void) {
  const int fd = Start();
  struct pollfd both[2] = {{.fd = fd, .events = POLLOUT}, {.fd = dup(fd), .events = POLLIN | POLLOUT}};
  Say("poll", poll(both, 2, kPatienceMs));
  SayEvents("original", (unsigned)both[0].revents);
  SayEvents("copy", (unsigned)both[1].revents);
  Use(fd, g_to);
}

/* A descriptor too high for select(2). */
static void High(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const int fd = fcntl(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), F_DUPFD, 3000);
  Say("connect", Connect(fd, g_to));
  SayPeer("peer", fd, g_to);
  SayEvents("poll", Poll(fd, POLLOUT, 0));
  Finish(fd);
}

/* A program that waits for another descriptor at the same time. */
static void Mixed(void) {
  const int fd = Start();
  int ends[2];
  if (pipe(ends) != 0 || write(ends[1], "x", 1) != 1) Fail("pipe");
  struct pollfd both[3] = {{.fd = fd, .events = POLLOUT}, {.fd = ends[0], .events = POLLIN}, {.fd = -1}};
  Say("poll", poll(both, 3, kPatienceMs));
  SayEvents("socket", (unsigned)both[0].revents);
  SayEvents("pipe", (unsigned)both[1].revents);
  both[1].fd = 999;
  Say("poll", poll(both, 3, kPatienceMs));
  SayEvents("socket", (unsigned)both[0].revents);
  SayEvents("closed", (unsigned)both[1].revents);
  Finish(fd);
}

/* A time limit that ends before the connection is there, and reports nothing. */
static void TooShort(void) {
  const int fd = Start();
  struct timespec before;
  struct timespec after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  SayEvents("poll", Poll(fd, POLLOUT, 100));
  clock_gettime(CLOCK_MONOTONIC, &after);
  const long waited = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
  printf("waited: %d\n", waited >= 99);
  Finish(fd);
}

int main(int argc, char** argv) {
  static const struct Mode kModes[] = {{"shutdown", ShutDownBoth},
                                       {"shutdown-read", ShutDownRead},
                                       {"shutdown-write", ShutDownWrite},
                                       {"close", Close},
                                       {"close-hidden", CloseHidden},
                                       {"overwrite", Overwrite},
                                       {"dissolve", Dissolve},
                                       {"blocking-write", BlockingWrite},
                                       {"blocking-write-ioctl", BlockingWriteByIoctl},
                                       {"blocking-send", BlockingSend},
                                       {"blocking-read", BlockingRead},
                                       {"blocking-connect", BlockingConnect},
                                       {"dup", Dup},
                                       {"dup2", Dup2},
                                       {"dup-cloexec", DupCloseOnExec},
                                       {"dup-both", DupBoth},
                                       {"dup-together", DupTogether},
                                       {"high", High},
                                       {"mixed", Mixed},
                                       {"too-short", TooShort},
                                       {NULL, NULL}};
  return RunMode(kModes, argc, argv);
}
