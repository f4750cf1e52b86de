/* SPDX-License-Identifier: BSD-2-Clause
   pending_calls MODE HOST PORT [HOST PORT]: what the calls say about a connection while it is pending, once
   it is there, and once it has been refused. */
#include "pending.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static char g_buffer[64];
static struct iovec g_parts[2] = {{g_buffer, 8}, {g_buffer + 8, 8}};

/* Not known to the compiler: that is when a fortified program calls __read_chk and its like. */
static volatile size_t g_room = sizeof g_buffer;

static void Receive(int fd) {
  const size_t room = g_room;
  struct msghdr message = {.msg_iov = g_parts, .msg_iovlen = 2};
  struct mmsghdr messages[1] = {{.msg_hdr = message}};
  struct sockaddr_storage from;
  socklen_t size = sizeof from;
  Say("read", read(fd, g_buffer, room));
  Say("readv", readv(fd, g_parts, 2));
  Say("recv", recv(fd, g_buffer, room, 0));
  Say("recv MSG_DONTWAIT", recv(fd, g_buffer, room, MSG_DONTWAIT));
  Say("recv MSG_PEEK", recv(fd, g_buffer, room, MSG_PEEK));
  Say("recvfrom", recvfrom(fd, g_buffer, room, 0, (struct sockaddr*)&from, &size));
  Say("recvmsg", recvmsg(fd, &message, 0));
  Say("recvmmsg", recvmmsg(fd, messages, 1, 0, NULL));
}

static void Send(int fd) {
  struct msghdr message = {.msg_iov = g_parts, .msg_iovlen = 2};
  struct mmsghdr messages[1] = {{.msg_hdr = message}};
  Say("write", write(fd, g_buffer, 8));
  Say("writev", writev(fd, g_parts, 2));
  Say("send", send(fd, g_buffer, 8, MSG_NOSIGNAL));
  Say("send MSG_DONTWAIT", send(fd, g_buffer, 8, MSG_NOSIGNAL | MSG_DONTWAIT));
  Say("sendto", sendto(fd, g_buffer, 8, MSG_NOSIGNAL, NULL, 0));
  Say("sendmsg", sendmsg(fd, &message, MSG_NOSIGNAL));
  Say("sendmmsg", sendmmsg(fd, messages, 1, MSG_NOSIGNAL));
}

static void Move(int fd) {
  int ends[2];
  const int self = open("/proc/self/exe", O_RDONLY);
  if (pipe(ends) != 0 || write(ends[1], "12345678", 8) != 8) Fail("pipe");
  Say("sendfile", sendfile(fd, self, NULL, 8));
  Say("splice in", splice(ends[0], NULL, fd, NULL, 8, SPLICE_F_NONBLOCK));
  Say("splice out", splice(fd, NULL, ends[1], NULL, 8, SPLICE_F_NONBLOCK));
  close(self);
  close(ends[0]);
  close(ends[1]);
}

static void Ask(int fd) {
  struct tcp_info info = {0};
  struct sockaddr_in local = {0};
  socklen_t size = sizeof info;
  int value = -1;
  Say("getsockopt TCP_INFO", getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size));
  printf("established: %d\n", info.tcpi_state == TCP_ESTABLISHED);
  Say("ioctl FIONREAD", ioctl(fd, FIONREAD, &value));
  printf("bytes: %d\n", value);
  size = sizeof local;
  Say("getsockname", getsockname(fd, (struct sockaddr*)&local, &size));
  printf("bound: %d\n", local.sin_port != 0);
  Say("non-blocking", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

static void Select(int fd, const char* what) {
  fd_set readable;
  fd_set writable;
  fd_set odd;
  struct timeval none = {0};
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  FD_ZERO(&odd);
  FD_SET(fd, &readable);
  FD_SET(fd, &writable);
  FD_SET(fd, &odd);
  Say(what, select(fd + 1, &readable, &writable, &odd, &none));
  printf("read %d write %d except %d\n", FD_ISSET(fd, &readable) != 0, FD_ISSET(fd, &writable) != 0,
         FD_ISSET(fd, &odd) != 0);
}

static void Pending(void) {
  const int fd = Start();
  struct sockaddr_in any = {.sin_family = AF_INET};
  Say("connect", Connect(fd, g_to));
  if (g_other != NULL) Say("connect elsewhere", Connect(fd, g_other));
  SaySocketError("error", fd);
  SayPeer("peer", fd, g_to);
  Receive(fd);
  Send(fd);
  Move(fd);
  Ask(fd);
  Say("bind", bind(fd, (struct sockaddr*)&any, sizeof any));
  Say("listen", listen(fd, 1));
  Say("accept", accept(fd, NULL, NULL));
  SayEvents("poll", Poll(fd, POLLIN | POLLOUT | POLLRDHUP, 0));
  Select(fd, "select");
  SaySocketError("error", fd);
  Finish(fd);
}

static void Completed(void) {
  const int fd = Start();
  SayEvents("poll", Poll(fd, POLLIN | POLLOUT | POLLRDHUP, kPatienceMs));
  Select(fd, "select");
  SaySocketError("error", fd);
  Say("connect", Connect(fd, g_to));
  Say("connect again", Connect(fd, g_to));
  SayPeer("peer", fd, g_to);
  Receive(fd);
  Ask(fd);
  SayEvents("poll", Poll(fd, POLLIN | POLLOUT | POLLRDHUP, 0));
  Use(fd, g_to);
}

/* A program that never waits, but asks again and again. */
static void AskedByConnect(void) {
  const int fd = Start();
  int result = -1;
  int polls = 0;
  while ((result = Connect(fd, g_to)) != 0 && errno == EALREADY && ++polls < kPatienceMs / 10) Pause(10);
  printf("asked: %d\n", polls > 1);
  Say("connect", result);
  Use(fd, g_to);
}

static void AskedByWrite(void) {
  const int fd = Start();
  ssize_t result = -1;
  int polls = 0;
  while ((result = write(fd, "hello", 5)) < 0 && errno == EAGAIN && ++polls < kPatienceMs / 10) Pause(10);
  printf("asked: %d\n", polls > 1);
  Say("write", result);
  SayEvents("poll", Poll(fd, POLLIN, kPatienceMs));
  Say("read", read(fd, g_buffer, sizeof g_buffer));
}

static void AskedByPeerName(void) {
  const int fd = Start();
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  int polls = 0;
  while (getpeername(fd, (struct sockaddr*)&peer, &size) != 0 && ++polls < kPatienceMs / 10) Pause(10);
  printf("asked: %d\n", polls > 1);
  Use(fd, g_to);
}

/* After a refusal that SO_ERROR has told: the rest is silence. */
static void Refused(void) {
  const int fd = Start();
  SayEvents("poll", Poll(fd, POLLIN | POLLOUT | POLLRDHUP, kPatienceMs));
  SayEvents("poll again", Poll(fd, POLLOUT, 0));
  Select(fd, "select");
  SaySocketError("error", fd);
  SaySocketError("error again", fd);
  SayPeer("peer", fd, g_to);
  SayEvents("poll", Poll(fd, POLLIN | POLLOUT | POLLRDHUP, 0));
  Receive(fd);
  Send(fd);
}

static void RefusedRead(void) {
  const int fd = Start();
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  Say("read", read(fd, g_buffer, sizeof g_buffer));
  Say("read again", read(fd, g_buffer, sizeof g_buffer));
  SaySocketError("error", fd);
}

static void RefusedWrite(void) {
  const int fd = Start();
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  Say("send", send(fd, g_buffer, 8, MSG_NOSIGNAL));
  Say("send again", send(fd, g_buffer, 8, MSG_NOSIGNAL));
  SaySocketError("error", fd);
}

/* connect(2) itself tells the error; the next attempt starts afresh. */
static void RefusedConnect(void) {
  const int fd = Start();
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  Say("connect", Connect(fd, g_to));
  SaySocketError("error", fd);
  SetBlocking(fd);
  Say("connect elsewhere", Connect(fd, g_other));
  Use(fd, g_other);
}

/* SO_ERROR has told the error; Linux still tells the next connect(2) of an abortion, once. */
static void RefusedThenElsewhere(void) {
  const int fd = Start();
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  SaySocketError("error", fd);
  SetBlocking(fd);
  Say("connect elsewhere", Connect(fd, g_other));
  Say("connect elsewhere", Connect(fd, g_other));
  Use(fd, g_other);
}

int main(int argc, char** argv) {
  static const struct Mode kModes[] = {{"pending", Pending},
                                       {"completed", Completed},
                                       {"asked-by-connect", AskedByConnect},
                                       {"asked-by-write", AskedByWrite},
                                       {"asked-by-getpeername", AskedByPeerName},
                                       {"refused", Refused},
                                       {"refused-read", RefusedRead},
                                       {"refused-write", RefusedWrite},
                                       {"refused-connect", RefusedConnect},
                                       {"refused-then-elsewhere", RefusedThenElsewhere},
                                       {NULL, NULL}};
  return RunMode(kModes, argc, argv);
}
