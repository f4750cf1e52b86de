/* SPDX-License-Identifier: BSD-2-Clause
   closeall HOST PORT closefrom|close_range|loop: closes all that it did not open, as ssh does, between a
   look-up and a connection. */
#include "victim.h"

int main(int argc, char** argv) {
  (void)argc;
  struct addrinfo* to = Resolve(argv[1], argv[2], AF_INET);
  const int first = socket(to->ai_family, SOCK_STREAM, 0);
  if (connect(first, to->ai_addr, to->ai_addrlen) != 0) Fail("connect");
  if (strcmp(argv[3], "closefrom") == 0) closefrom(3);
  if (strcmp(argv[3], "close_range") == 0) close_range(3, ~0U, 0);
  if (strcmp(argv[3], "loop") == 0) {
    for (int fd = 3; fd < 4096; ++fd) close(fd);
  }
  to = Resolve(argv[1], argv[2], AF_INET);
  const int fd = socket(to->ai_family, SOCK_STREAM, 0);
  printf("descriptor %d\n", fd);
  if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) Fail("connect");
  Echo(fd, "hello");
  return 0;
}
