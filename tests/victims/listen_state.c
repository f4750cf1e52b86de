/* SPDX-License-Identifier: BSD-2-Clause
   listen_state FAMILY CASE...: what a listener tells of itself and hands on to its connections.
   listen_state fail TRIES PORT: prints what listen(2) and accept(2) say, TRIES times; PORT 0 is any. */
#include "listen.h"

static int Option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, name, &value, &size) == 0 ? value : -errno;
}

static void PrintOptions(const char* what, int fd) {
  printf("%s type %d accepts %d domain %d error %d nodelay %d keepalive %d rcvbuf %d\n", what,
         Option(fd, SOL_SOCKET, SO_TYPE), Option(fd, SOL_SOCKET, SO_ACCEPTCONN),
         Option(fd, SOL_SOCKET, SO_DOMAIN), Option(fd, SOL_SOCKET, SO_ERROR),
         Option(fd, IPPROTO_TCP, TCP_NODELAY), Option(fd, SOL_SOCKET, SO_KEEPALIVE),
         Option(fd, SOL_SOCKET, SO_RCVBUF));
}

static void Set(int fd, int level, int name, int value) {
  if (setsockopt(fd, level, name, &value, sizeof value) != 0) Fail("setsockopt");
}

/* Options set before listen(2) and behind it. */
static void Options(int family) {
  const int fd = BindAny(family, 0, 0);
  Set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  Set(fd, SOL_SOCKET, SO_RCVBUF, 40000);
  PrintOptions("bound", fd);
  if (listen(fd, 5) != 0) Fail("listen");
  Set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  PrintOptions("listening", fd);
  OrderPeer(OwnPort(fd));
  const int accepted = accept(fd, NULL, NULL);
  PrintOptions("accepted", accepted);
  Serve(accepted, NULL, 0, OwnPort(fd));
  close(fd);
}

static void Calls(int family) {
  const int fd = ListenAny(family, 0);
  const uint16_t port = OwnPort(fd);
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  printf("again %d", listen(fd, 20));
  printf(" peer %d", getpeername(fd, (struct sockaddr*)&address, &size));
  printf(" %s\n", strerrorname_np(errno));
  printf("flags %d", accept4(fd, NULL, NULL, 0x40000000));
  printf(" %s\n", strerrorname_np(errno));
  printf("port kept: %d\n", OwnPort(fd) == port);
  OrderPeer(port);
  AcceptAndServe(fd, 0, port);
  close(fd);
}

/* listen(2) without bind(2). */
static void Unbound(int family) {
  const int fd = socket(family, SOCK_STREAM, 0);
  if (listen(fd, 5) != 0) Fail("listen");
  const uint16_t port = OwnPort(fd);
  OrderPeer(port);
  AcceptAndServe(fd, 0, port);
  close(fd);
}

static void Failing(int tries, uint16_t port) {
  const int before = CountDescriptors();
  const int fd = BindAny(AF_INET, 0, port);
  for (int i = 0; i < tries; ++i) {
    if (listen(fd, 5) != 0) {
      printf("listen %s\n", strerrorname_np(errno));
      continue;
    }
    OrderPeer(OwnPort(fd));
    const int accepted = accept(fd, NULL, NULL);
    if (accepted < 0) {
      printf("accept %s\n", strerrorname_np(errno));
      continue;
    }
    char said[64] = "";
    const ssize_t count = recv(accepted, said, 5, MSG_WAITALL);
    printf("accepted %.5s\n", count == 5 && atoi(said) > 0 ? "peer" : said);
    if (count == 5) send(accepted, said, 5, MSG_NOSIGNAL);
    close(accepted);
  }
  close(fd);
  printf("descriptors left: %d\n", CountDescriptors() - before);
}

int main(int argc, char** argv) {
  alarm(15);
  StartPeers();
  if (strcmp(argv[1], "fail") == 0) {
    Failing(atoi(argv[2]), (uint16_t)atoi(argv[3]));
    return 0;
  }
  const int family = strcmp(argv[1], "6") == 0 ? AF_INET6 : AF_INET;
  for (int i = 2; i < argc; ++i) {
    const int before = CountDescriptors();
    if (strcmp(argv[i], "options") == 0) Options(family);
    if (strcmp(argv[i], "calls") == 0) Calls(family);
    if (strcmp(argv[i], "unbound") == 0) Unbound(family);
    printf("descriptors left: %d\n", CountDescriptors() - before);
  }
  return 0;
}
