/* SPDX-License-Identifier: BSD-2-Clause
   pending_by_number MODE HOST PORT [HOST PORT]: the calls around a pending connection, by syscall(2). */
#include "pending.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static int StartByNumber(void) {
  const int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  Say("connect", syscall(SYS_connect, fd, g_to->ai_addr, g_to->ai_addrlen));
  return fd;
}

static void SayErrorByNumber(int fd) {
  int error = -1;
  socklen_t size = sizeof error;
  Say("getsockopt", syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &size));
  printf("error: %s\n", error == 0 ? "none" : strerrorname_np(error));
}

static void Look(int fd) {
  char buffer[8] = "";
  struct iovec part = {buffer, sizeof buffer};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  Say("connect", syscall(SYS_connect, fd, g_to->ai_addr, g_to->ai_addrlen));
  Say("getpeername", syscall(SYS_getpeername, fd, &peer, &size));
  Say("read", syscall(SYS_read, fd, buffer, sizeof buffer));
  Say("recvfrom", syscall(SYS_recvfrom, fd, buffer, sizeof buffer, 0, NULL, NULL));
  Say("recvmsg", syscall(SYS_recvmsg, fd, &message, 0));
  Say("write", syscall(SYS_write, fd, buffer, 1));
  Say("writev", syscall(SYS_writev, fd, &part, 1));
  Say("sendto", syscall(SYS_sendto, fd, buffer, 1, MSG_NOSIGNAL, NULL, 0));
  Say("sendmsg", syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL));
  SayErrorByNumber(fd);
}

static void Waits(void) {
  struct pollfd ready = {.events = POLLIN | POLLOUT};
  const struct timespec none = {0};
  const struct timespec long_enough = {.tv_sec = kPatienceMs / 1000};
  const int fd = StartByNumber();
  Look(fd);
  ready.fd = fd;
  Say("ppoll", syscall(SYS_ppoll, &ready, 1, &none, NULL, 8));
  Say("ppoll", syscall(SYS_ppoll, &ready, 1, &long_enough, NULL, 8));
  SayEvents("events", (unsigned)ready.revents);
  Use(fd, g_to);
}

static void Sets(void) {
  struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.u64 = 7};
  const int fd = StartByNumber();
  const int set = (int)syscall(SYS_epoll_create1, 0);
  Say("epoll_ctl", syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, fd, &event));
  Say("epoll_pwait", syscall(SYS_epoll_pwait, set, &event, 1, 0, NULL, 8));
  Say("epoll_pwait", syscall(SYS_epoll_pwait, set, &event, 1, kPatienceMs, NULL, 8));
  printf("data kept: %d\n", event.data.u64 == 7);
  SayEvents("events", event.events);
  Use(fd, g_to);
}

static void Copies(void) {
  const int fd = StartByNumber();
  const int copy = (int)syscall(SYS_dup3, fd, 100, O_CLOEXEC);
  Say("close", syscall(SYS_close, fd));
  SayPeer("peer", copy, g_to);
  Say("send", send(copy, "x", 1, MSG_NOSIGNAL));
  Finish(copy);
}

int main(int argc, char** argv) {
  static const struct Mode kModes[] = {{"waits", Waits}, {"sets", Sets}, {"copies", Copies}, {NULL, NULL}};
  return RunMode(kModes, argc, argv);
}
