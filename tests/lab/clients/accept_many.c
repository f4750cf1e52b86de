/* SPDX-License-Identifier: BSD-2-Clause
   accept_many HOW COUNT FILE: listens at any port of the wildcard address, and accepts COUNT connections,
   one after another. Before each it appends to FILE the address where it listens now, as getsockname(2)
   has it. It prints each peer's address as accept(2), and once more as getpeername(2) has it, sends a line
   back, and closes. HOW is accept, accept4, epoll or poll. Prints the name of the first error instead. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int Check(int result) {
  if (result >= 0) return result;
  printf("%s\n", strerrorname_np(errno));
  exit(1);
}

static void Print(FILE* file, const struct sockaddr_in* address, char end) {
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
  fprintf(file, "%s %d%c", text, ntohs(address->sin_port), end);
}

static int AcceptBy(const char* how, int listener, int set, struct sockaddr_in* peer) {
  for (;;) {
    socklen_t size = sizeof *peer;
    if (strcmp(how, "epoll") == 0) {
      struct epoll_event event;
      Check(epoll_wait(set, &event, 1, -1));
    } else if (strcmp(how, "poll") == 0) {
      struct pollfd wait = {.fd = listener, .events = POLLIN};
      Check(poll(&wait, 1, -1));
    }
    const int fd = strcmp(how, "accept") == 0
                       ? accept(listener, (struct sockaddr*)peer, &size)
                       : accept4(listener, (struct sockaddr*)peer, &size, SOCK_CLOEXEC);
    if (fd < 0 && errno == EAGAIN) continue;
    return Check(fd);
  }
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int waits = strcmp(argv[1], "epoll") == 0 || strcmp(argv[1], "poll") == 0;
  const int listener = Check(socket(AF_INET, SOCK_STREAM | (waits ? SOCK_NONBLOCK : 0), 0));
  struct sockaddr_in address = {.sin_family = AF_INET};
  Check(bind(listener, (struct sockaddr*)&address, sizeof address));
  Check(listen(listener, 8));
  const int set = Check(epoll_create1(EPOLL_CLOEXEC));
  struct epoll_event event = {.events = EPOLLIN};
  Check(epoll_ctl(set, EPOLL_CTL_ADD, listener, &event));
  FILE* const file = fopen(argv[3], "w");
  if (file == NULL) Check(-1);
  for (int left = atoi(argv[2]); left > 0; --left) {
    socklen_t size = sizeof address;
    Check(getsockname(listener, (struct sockaddr*)&address, &size));
    Print(file, &address, '\n');
    fflush(file);
    struct sockaddr_in peer, same_peer;
    const int fd = AcceptBy(argv[1], listener, set, &peer);
    size = sizeof same_peer;
    Check(getpeername(fd, (struct sockaddr*)&same_peer, &size));
    Print(stdout, &peer, ' ');
    Print(stdout, &same_peer, '\n');
    char line[64];
    const ssize_t count = recv(fd, line, sizeof line, 0);
    if (count > 0 && send(fd, line, (size_t)count, 0) != count) Check(-1);
    close(fd);
  }
  return 0;
}
