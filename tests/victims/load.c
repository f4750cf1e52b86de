/* SPDX-License-Identifier: BSD-2-Clause
   load ROUNDS PORT HOST...: in each round a connection to each HOST, one after the other, every second one
   non-blocking. Prints how many were connected, and the errno of each that was not. Nothing is sent: what
   becomes of a connection that was made does not count. */
#include "victim.h"

#include <poll.h>

/* The error of the connection, or 0. */
static int Connect(const struct addrinfo* to, int is_nonblocking) {
  const int fd = socket(to->ai_family, SOCK_STREAM | (is_nonblocking ? SOCK_NONBLOCK : 0), 0);
  if (fd < 0) Fail("socket");
  int error = connect(fd, to->ai_addr, to->ai_addrlen) == 0 ? 0 : errno;
  if (is_nonblocking && error == EINPROGRESS) {
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    if (poll(&writable, 1, 30000) != 1) Fail("poll");
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) Fail("getsockopt");
  }
  close(fd);
  return error;
}

int main(int argc, char** argv) {
  const int rounds = atoi(argv[1]);
  int connected = 0;
  int tried = 0;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 3; i < argc; ++i, ++tried) {
      struct addrinfo* const to = Resolve(argv[i], argv[2], AF_UNSPEC);
      const int error = Connect(to, tried % 2);
      freeaddrinfo(to);
      if (error == 0)
        ++connected;
      else
        printf("%s: %s\n", argv[i], strerrorname_np(error));
    }
  }
  printf("connected %d\n", connected);
  return connected == tried ? 0 : 1;
}
