/* SPDX-License-Identifier: BSD-2-Clause
   early MODE HOST PORT [HOST PORT]: a connection that is there before the proxy has replied. It is an echo's
   unless the mode says otherwise, and the reply takes its time. */
#include "early_readers.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

/* What has been written is at the proxy. */
static void AwaitSent(int fd) {
  int unsent = 1;
  for (int i = 0; unsent != 0 && i < kPatienceMs; ++i) {
    Pause(1);
    if (ioctl(fd, SIOCOUTQ, &unsent) != 0) Fail("SIOCOUTQ");
  }
  Say("unsent", unsent);
}

/* Nothing is there to read, by any call that does not wait. */
static void SayNothing(int fd) {
  struct iovec part = {g_buffer, 8};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  fd_set readable;
  fd_set writable;
  struct timeval none = {0};
  int value = -1;
  int ends[2];
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  FD_SET(fd, &readable);
  FD_SET(fd, &writable);
  Say("recv", recv(fd, g_buffer, 8, MSG_DONTWAIT));
  Say("peek", recv(fd, g_buffer, 8, MSG_DONTWAIT | MSG_PEEK));
  Say("recvmsg", recvmsg(fd, &message, MSG_DONTWAIT));
  if (ioctl(fd, FIONREAD, &value) != 0) Fail("FIONREAD");
  Say("waiting", value);
  if (pipe(ends) != 0) Fail("pipe");
  if ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) {
    Say("readv", readv(fd, &part, 1));
    Say("splice", splice(fd, NULL, ends[1], NULL, 8, SPLICE_F_NONBLOCK));
  }
  close(ends[0]);
  close(ends[1]);
  SayEvents("poll", Poll(fd, POLLIN | POLLOUT | POLLRDHUP, 0));
  Say("select", select(fd + 1, &readable, &writable, NULL, &none));
  printf("readable %d writable %d\n", FD_ISSET(fd, &readable) != 0, FD_ISSET(fd, &writable) != 0);
}

static void Plain(void) {
  const int fd = Blocking();
  Say("connect again", Connect(fd, g_to));
  SayPeer("peer", fd, g_to);
  SaySocketError("error", fd);
  Say("write", write(fd, "hello", 5));
  AwaitSent(fd);
  SayNothing(fd);
  SayRead("read", fd);
  Echo(fd, "again");
}

static void Nonblocking(void) {
  const int fd = Start();
  SayEvents("poll", Poll(fd, POLLIN | POLLOUT, kPatienceMs));
  SaySocketError("error", fd);
  Say("connect", Connect(fd, g_to));
  Say("connect again", Connect(fd, g_to));
  SayPeer("peer", fd, g_to);
  Say("write", write(fd, "hello", 5));
  AwaitSent(fd);
  SayNothing(fd);
  SayEvents("poll", Poll(fd, POLLIN, kPatienceMs));
  SayRead("read", fd);
  Use(fd, g_to);
}

static void Select(void) {
  const int fd = Start();
  fd_set readable;
  fd_set writable;
  FD_ZERO(&writable);
  FD_SET(fd, &writable);
  Say("select", select(fd + 1, NULL, &writable, NULL, NULL));
  Say("write", write(fd, "hello", 5));
  AwaitSent(fd);
  FD_ZERO(&readable);
  FD_SET(fd, &readable);
  Say("select", select(fd + 1, &readable, NULL, NULL, NULL));
  SayRead("read", fd);
}

static void Epoll(unsigned flags, int is_before) {
  struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | flags, .data.u64 = 4711};
  const int set = epoll_create1(0);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (is_before && epoll_ctl(set, EPOLL_CTL_ADD, fd, &wanted) != 0) Fail("epoll_ctl");
  Say("connect", Connect(fd, g_to));
  if (!is_before && epoll_ctl(set, EPOLL_CTL_ADD, fd, &wanted) != 0) Fail("epoll_ctl");
  Wait("connected", set, kPatienceMs);
  Say("write", write(fd, "hello", 5));
  AwaitSent(fd);
  Wait("no more", set, 0);
  wanted.events = EPOLLIN | flags;
  if (epoll_ctl(set, EPOLL_CTL_MOD, fd, &wanted) != 0) Fail("epoll_ctl");
  Wait("nothing", set, 50);
  Wait("answer", set, kPatienceMs);
  SayRead("read", fd);
  Wait("no more", set, 0);
}
static void Level(void) {
  Epoll(0, 0);
}
static void Edge(void) {
  Epoll(EPOLLET, 1);
}
static void OneShot(void) {
  Epoll(EPOLLONESHOT, 0);
}

/* The end of the stream comes behind the echo. */
static void HalfClose(void) {
  const int fd = Blocking();
  Say("write", write(fd, "hello", 5));
  Say("shutdown", shutdown(fd, SHUT_WR));
  Say("send", send(fd, "more", 4, MSG_NOSIGNAL));
  SayRead("read", fd);
  SayRead("read", fd);
}

static void ShutDown(void) {
  const int fd = Blocking();
  Say("write", write(fd, "hello", 5));
  Say("shutdown", shutdown(fd, SHUT_RDWR));
  Say("send", send(fd, "more", 4, MSG_NOSIGNAL));
}

static void ServerFirst(void) {
  const int fd = Blocking();
  SayRead("read", fd);
  Echo(fd, "hello");
}

static void Closed(void) {
  const int fd = Blocking();
  Say("write", write(fd, "hello", 5));
  Say("close", close(fd));
}

/* Of the copies none is the last one. */
static void ClosedTogether(void) {
  const int fd = Blocking();
  if (fcntl(fd, F_DUPFD, fd + 1) != fd + 1) Fail("F_DUPFD");
  Say("write", write(fd, "hello", 5));
  Say("close", close_range((unsigned)fd, (unsigned)fd + 1, 0));
}
static void Ended(void) {
  const int fd = Blocking();
  if (dup(fd) < 0) Fail("dup");
  Say("write", write(fd, "hello", 5));
}

/* Never a wait: what the proxy will say nobody hears. */
static void ClosedNonblocking(void) {
  const int fd = Start();
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  Say("write", write(fd, "hello", 5));
  Say("close", close(fd));
}

static void Limited(void) {
  const int fd = Blocking();
  const struct timeval limit = {.tv_usec = 50000};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) Fail("setsockopt");
  SayRead("read", fd);
  Say("write", write(fd, "hello", 5));
  SayEvents("poll", Poll(fd, POLLIN, kPatienceMs));
  SayRead("read", fd);
}

static int NoDelay(int fd) {
  int value = -1;
  socklen_t size = sizeof value;
  if (getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size) != 0) Fail("getsockopt");
  return value;
}

static void Delays(void) {
  const int on = 1;
  int fd = Blocking();
  Say("no delay", NoDelay(fd));
  Echo(fd, "hello");
  Say("no delay", NoDelay(fd));
  fd = Blocking();
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) Fail("setsockopt");
  Say("no delay", NoDelay(fd));
  Echo(fd, "hello");
  Say("no delay", NoDelay(fd));
}

static void Copied(void) {
  const int fd = Blocking();
  const int copy = dup(fd);
  Say("write", write(fd, "hello", 5));
  SayPeer("peer", copy, g_to);
  Say("close", close(fd));
  SayRead("read", copy);
}

static void Dissolved(void) {
  const struct sockaddr none = {.sa_family = AF_UNSPEC};
  const int fd = Blocking();
  Say("dissolve", connect(fd, &none, sizeof none));
  SayPeer("peer", fd, g_to);
  Say("connect", Connect(fd, g_other));
  Use(fd, g_other);
}

static int g_pipe_signals;
static void CountSignal(int number) {
  (void)number;
  ++g_pipe_signals;
}

/* The destination refuses. */
static void RefusedRead(void) {
  const int fd = Blocking();
  Say("write", write(fd, "hello", 5));
  SayRead("read", fd);
  SayRead("read", fd);
  SaySocketError("error", fd);
  SayPeer("peer", fd, g_to);
  signal(SIGPIPE, CountSignal);
  Say("write", write(fd, "hello", 5));
  Say("signals", g_pipe_signals);
}

static void RefusedPoll(void) {
  const int fd = Start();
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  Say("write", write(fd, "hello", 5));
  SayEvents("poll", Poll(fd, POLLIN, kPatienceMs));
  SaySocketError("error", fd);
  SaySocketError("error", fd);
  SayRead("read", fd);
}

static void RefusedSelect(void) {
  const int fd = Start();
  fd_set readable;
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  FD_ZERO(&readable);
  FD_SET(fd, &readable);
  Say("select", select(fd + 1, &readable, NULL, NULL, NULL));
  SayRead("read", fd);
  SayRead("read", fd);
}

static void RefusedEpoll(void) {
  const int fd = Start();
  struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u64 = 4711};
  const int set = epoll_create1(0);
  if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &wanted) != 0) Fail("epoll_ctl");
  Wait("connected", set, kPatienceMs);
  Say("write", write(fd, "hello", 5));
  wanted.events = EPOLLIN | EPOLLET;
  if (epoll_ctl(set, EPOLL_CTL_MOD, fd, &wanted) != 0) Fail("epoll_ctl");
  Wait("refused", set, kPatienceMs);
  Say("send", send(fd, "hello", 5, MSG_NOSIGNAL));
  Say("send", send(fd, "hello", 5, MSG_NOSIGNAL));
}

int main(int argc, char** argv) {
  static const struct Mode kModes[] = {{"plain", Plain},
                                       {"nonblocking", Nonblocking},
                                       {"select", Select},
                                       {"level", Level},
                                       {"edge", Edge},
                                       {"oneshot", OneShot},
                                       {"half-close", HalfClose},
                                       {"shutdown", ShutDown},
                                       {"server-first", ServerFirst},
                                       {"closed", Closed},
                                       {"closed-together", ClosedTogether},
                                       {"ended", Ended},
                                       {"closed-nonblocking", ClosedNonblocking},
                                       {"limited", Limited},
                                       {"delays", Delays},
                                       {"copied", Copied},
                                       {"dissolved", Dissolved},
                                       {"standard", Standard},
                                       {"standard-input", StandardInput},
                                       {"stream-first", StreamFirst},
                                       {"standard-input-first", StandardInputFirst},
                                       {"standard-input-at-once", StandardInputAtOnce},
                                       {"forked", Forked},
                                       {"executed", Executed},
                                       {"executed-by-number", ExecutedByNumber},
                                       {"executed-with-environment", ExecutedWithEnvironment},
                                       {"spawned", Spawned},
                                       {"spawned-by-vfork", SpawnedByVfork},
                                       {"replaced-during-vfork", ReplacedDuringVfork},
                                       {"watched-during-vfork", WatchedDuringVfork},
                                       {"kept-during-vfork", KeptDuringVfork},
                                       {"piped", Piped},
                                       {"passed", Passed},
                                       {"passed-without-end", PassedWithoutEnd},
                                       {"refused-read", RefusedRead},
                                       {"refused-poll", RefusedPoll},
                                       {"refused-select", RefusedSelect},
                                       {"refused-epoll", RefusedEpoll},
                                       {NULL, NULL}};
  return RunMode(kModes, argc, argv);
}
