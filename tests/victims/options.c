/* SPDX-License-Identifier: BSD-2-Clause
   options HOST PORT: sets options, flags and a local port before connect(2) and prints what is left of them.
 */
#include "victim.h"

static const struct {
  const char* name;
  int level, option, value;
} kOptions[] = {
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1},
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1},
    {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 40000},
    {"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 5},
    {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, 5},
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1},
    {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 77},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 4},
    {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 12345},
};

int main(int argc, char** argv) {
  (void)argc;
  struct addrinfo* to = Resolve(argv[1], argv[2], AF_INET);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  for (size_t i = 0; i < sizeof kOptions / sizeof *kOptions; ++i) {
    if (setsockopt(fd, kOptions[i].level, kOptions[i].option, &kOptions[i].value, sizeof(int)) != 0) {
      Fail(kOptions[i].name);
    }
  }
  struct sockaddr_in local = {.sin_family = AF_INET};
  socklen_t size = sizeof local;
  if (bind(fd, (struct sockaddr*)&local, sizeof local) != 0) Fail("bind");
  getsockname(fd, (struct sockaddr*)&local, &size);
  const int flags = fcntl(fd, F_GETFL);
  if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) Fail("connect");
  for (size_t i = 0; i < sizeof kOptions / sizeof *kOptions; ++i) {
    int value = -1;
    size = sizeof value;
    getsockopt(fd, kOptions[i].level, kOptions[i].option, &value, &size);
    printf("%s %d\n", kOptions[i].name, value);
  }
  printf("FD_CLOEXEC %d\n", fcntl(fd, F_GETFD));
  printf("flags kept %d\n", fcntl(fd, F_GETFL) == flags);
  int type = 0, domain = 0;
  size = sizeof type;
  getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
  getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  printf("stream %d inet %d\n", type == SOCK_STREAM, domain == AF_INET);
  Echo(fd, "hello");
  /* The server tells in its record which port it saw. */
  printf("port %d\n", ntohs(local.sin_port));
  return 0;
}
