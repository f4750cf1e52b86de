/* SPDX-License-Identifier: BSD-2-Clause
   What the victims that listen share: peers on the outside, and what is said about a connection that was
   accepted. Peers are processes forked before anything listens; they connect to 127.0.0.1, which is the test
   server's address as well as that of a wildcard listener without a proxy. */
#pragma once

#include "victim.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static int g_orders = -1;

/* One peer: says where it connects from, and waits for that to come back. Whoever is turned away tries again:
   between two peers there is a moment in which a proxy listens for nobody. It ends with the last holder of
   the other end of `orders`: once the victim is gone, the port may be that of another test. */
MAYBE_UNUSED static void BePeer(uint16_t port, int orders) {
  const struct timespec pause = {.tv_nsec = 3000000};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 4000; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr*)&to, sizeof to) == 0) {
      struct sockaddr_in own;
      socklen_t size = sizeof own;
      char text[32] = "", back[32] = "";
      getsockname(fd, (struct sockaddr*)&own, &size);
      snprintf(text, sizeof text, "%05d", ntohs(own.sin_port));
      if (send(fd, text, 5, MSG_NOSIGNAL) == 5 && recv(fd, back, 5, MSG_WAITALL) == 5 &&
          memcmp(text, back, 5) == 0)
        _exit(0);
    }
    close(fd);
    struct pollfd victim = {.fd = orders};
    if (ppoll(&victim, 1, &pause, NULL) != 0) break;
  }
  _exit(1);
}

/* Before anything else: a process that makes peers by order. */
MAYBE_UNUSED static void StartPeers(void) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) Fail("pipe");
  if (fork() != 0) {
    close(ends[0]);
    g_orders = ends[1];
    return;
  }
  close(ends[1]);
  /* Who waits for the victim's output does not wait for its peers. */
  close(STDOUT_FILENO);
  close(STDERR_FILENO);
  signal(SIGCHLD, SIG_IGN);
  uint16_t port;
  while (read(ends[0], &port, sizeof port) == sizeof port) {
    if (fork() == 0) BePeer(port, ends[0]);
  }
  _exit(0);
}

MAYBE_UNUSED static void OrderPeer(uint16_t port) {
  if (write(g_orders, &port, sizeof port) != sizeof port) Fail("order");
}

MAYBE_UNUSED static uint16_t PortOf(const struct sockaddr_storage* address) {
  return ntohs(address->ss_family == AF_INET6 ? ((const struct sockaddr_in6*)address)->sin6_port
                                              : ((const struct sockaddr_in*)address)->sin_port);
}

MAYBE_UNUSED static uint16_t OwnPort(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  if (getsockname(fd, (struct sockaddr*)&address, &size) != 0) Fail("getsockname");
  return PortOf(&address);
}

MAYBE_UNUSED static int BindAny(int family, int type, uint16_t port) {
  const int fd = socket(family, SOCK_STREAM | type, 0);
  struct sockaddr_storage any = {.ss_family = (sa_family_t)family};
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  ((struct sockaddr_in*)&any)->sin_port = htons(port); /* where sin6_port is, too */
  if (fd < 0 || bind(fd, (struct sockaddr*)&any,
                     family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) != 0)
    Fail("bind");
  return fd;
}

/* A listener on the wildcard address and a port of the kernel's. */
MAYBE_UNUSED static int ListenAny(int family, int type) {
  const int fd = BindAny(family, type, 0);
  if (listen(fd, 8) != 0) Fail("listen");
  return fd;
}

MAYBE_UNUSED static void PrintAddress(const char* what, const struct sockaddr_storage* address,
                                      socklen_t size, uint16_t port) {
  char text[64] = "?";
  const void* const ip = address->ss_family == AF_INET6
                             ? (const void*)&((const struct sockaddr_in6*)address)->sin6_addr
                             : (const void*)&((const struct sockaddr_in*)address)->sin_addr;
  inet_ntop(address->ss_family, ip, text, sizeof text);
  printf("%s %s size %d port %s\n", what, text, (int)size, PortOf(address) == port ? "right" : "wrong");
}

/* Serves the peer behind `fd`, which listener `port` accepted, and closes it. */
MAYBE_UNUSED static void Serve(int fd, const struct sockaddr_storage* from, socklen_t from_size,
                               uint16_t port) {
  char said[8] = "";
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  if (fd < 0) Fail("accept");
  const int status = fcntl(fd, F_GETFL);
  printf("%s, %s\n", (status & O_NONBLOCK) != 0 ? "non-blocking" : "blocking",
         (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 ? "closed on exec" : "kept on exec");
  fcntl(fd, F_SETFL, status & ~O_NONBLOCK);
  if (recv(fd, said, 5, MSG_WAITALL) != 5) Fail("recv");
  const uint16_t said_port = (uint16_t)atoi(said);
  if (from != NULL) PrintAddress("from", from, from_size, said_port);
  if (getpeername(fd, (struct sockaddr*)&address, &size) != 0) Fail("getpeername");
  PrintAddress("peer", &address, size, said_port);
  size = sizeof address;
  if (getsockname(fd, (struct sockaddr*)&address, &size) != 0) Fail("getsockname");
  PrintAddress("local", &address, size, port);
  if (send(fd, said, 5, 0) != 5) Fail("send");
  close(fd);
}

/* accept4(2) and Serve(). */
MAYBE_UNUSED static void AcceptAndServe(int listener, int flags, uint16_t port) {
  struct sockaddr_storage from;
  socklen_t size = sizeof from;
  memset(&from, 0, sizeof from);
  const int fd = accept4(listener, (struct sockaddr*)&from, &size, flags);
  Serve(fd, &from, size, port);
}

/* How many descriptors the process has. */
MAYBE_UNUSED static int CountDescriptors(void) {
  DIR* const all = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(all) != NULL) ++count;
  closedir(all);
  return count;
}
