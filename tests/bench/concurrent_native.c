/* SPDX-License-Identifier: BSD-2-Clause
   concurrent_native COUNT PROXY_PORT HOST PORT [PROXY_HOST]: what `many -t epoll` does in a program that
   speaks SOCKS5 (RFC 1928) itself, which shows what the proxy and the machine can do: no preload can be
   faster. Prints the same lines. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kMost = 4096, kMethodSize = 2, kReplySize = 10 }; /* the server names an IPv4 address in its reply */

struct Connection {
  int fd;
  int has_asked; /* the request is sent, after the greeting and its answer */
  size_t got;
  unsigned char answer[kReplySize];
};

static struct Connection g_connections[kMost];
static unsigned char g_request[10] = {5, 1, 0, 1}; /* version, CONNECT, reserved, IPv4 */

static void Fail(const char* what) {
  perror(what);
  exit(1);
}

static void Send(int fd, const void* data, size_t size) {
  if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) Fail("send");
}

/* Returns whether the connection is there. */
static int GoOn(struct Connection* connection) {
  const size_t wanted = connection->has_asked ? kReplySize : kMethodSize;
  const ssize_t count =
      recv(connection->fd, connection->answer + connection->got, wanted - connection->got, 0);
  if (count <= 0) Fail("recv");
  connection->got += (size_t)count;
  if (connection->got < wanted) return 0;
  if (connection->answer[1] != 0) Fail("refused");
  if (connection->has_asked) return 1;
  Send(connection->fd, g_request, sizeof g_request);
  connection->has_asked = 1;
  connection->got = 0;
  return 0;
}

static long Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char** argv) {
  const int count = argc > 4 ? atoi(argv[1]) : 0;
  if (count < 1 || count > kMost) return 2;
  struct sockaddr_in proxy = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  if (inet_pton(AF_INET, argc > 5 ? argv[5] : "127.0.0.1", &proxy.sin_addr) != 1) return 2;
  const unsigned short port = htons((unsigned short)atoi(argv[4]));
  if (inet_pton(AF_INET, argv[3], g_request + 4) != 1) return 2;
  memcpy(g_request + 8, &port, sizeof port);
  const int set = epoll_create1(0);
  const long started = Now();
  for (int i = 0; i < count; ++i) {
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (unsigned)i};
    g_connections[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(g_connections[i].fd, (struct sockaddr*)&proxy, sizeof proxy);
    if (epoll_ctl(set, EPOLL_CTL_ADD, g_connections[i].fd, &event) != 0) Fail("epoll_ctl");
  }
  for (int connected = 0; connected < count;) {
    struct epoll_event events[64];
    const int ready = epoll_wait(set, events, 64, 10000);
    if (ready <= 0) Fail("epoll_wait");
    for (int i = 0; i < ready; ++i) {
      struct Connection* const connection = &g_connections[events[i].data.u32];
      if ((events[i].events & EPOLLOUT) != 0) {
        events[i].events = EPOLLIN;
        if (epoll_ctl(set, EPOLL_CTL_MOD, connection->fd, &events[i]) != 0) Fail("epoll_ctl");
        Send(connection->fd, "\5\1\0", 3);
      } else {
        connected += GoOn(connection);
      }
    }
  }
  printf("milliseconds %ld\nconnected %d\nwrong 0\n", Now() - started, count);
  return 0;
}
