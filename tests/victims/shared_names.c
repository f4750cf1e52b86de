/* SPDX-License-Identifier: BSD-2-Clause
   shared_names HOST PORT: a child looks a name up, its parent connects to the address. */
#include "victim.h"

#include <sys/wait.h>

int main(int argc, char** argv) {
  (void)argc;
  int channel[2];
  if (pipe(channel) != 0) Fail("pipe");
  if (fork() == 0) {
    struct addrinfo* to = Resolve(argv[1], argv[2], AF_INET);
    if (write(channel[1], to->ai_addr, sizeof(struct sockaddr_in)) < 0) Fail("write");
    _exit(0);
  }
  wait(NULL);
  struct sockaddr_in address;
  if (read(channel[0], &address, sizeof address) != sizeof address) Fail("read");
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) Fail("connect");
  Echo(fd, "hello");
  return 0;
}
