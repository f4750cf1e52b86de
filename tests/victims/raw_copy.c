/* SPDX-License-Identifier: BSD-2-Clause
   raw_copy ADDRESS PORT SIZE COUNT: connects, and makes a child in a way that no preload sees. The child
   first maps COUNT times SIZE bytes, connects without blocking, and goes on with a copy of its socket. */
#include "victim.h"

#include <dlfcn.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

static int Connect(const struct sockaddr_in* to, int flags) {
  const int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  if (fd < 0) Fail("socket");
  if (connect(fd, (const struct sockaddr*)to, sizeof *to) != 0 && errno != EINPROGRESS) Fail("connect");
  return fd;
}

int main(int argc, char** argv) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  struct sockaddr_in peer;
  socklen_t size = sizeof peer;
  int status = 0;
  if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) return 2;
  to.sin_port = htons((unsigned short)atoi(argv[2]));
  Connect(&to, 0);
  pid_t (*fork_unseen)(void) = (pid_t(*)(void))dlsym(dlopen("libc.so.6", RTLD_LAZY), "_Fork");
  if (fork_unseen == NULL) Fail("dlsym");
  const pid_t child = fork_unseen();
  if (child != 0) {
    if (waitpid(child, &status, 0) != child) Fail("waitpid");
    return status == 0 ? 0 : 1;
  }
  for (int i = 0; i < atoi(argv[4]); ++i) {
    if (mmap(NULL, strtoul(argv[3], NULL, 0), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
        MAP_FAILED)
      Fail("mmap");
  }
  const int fd = Connect(&to, SOCK_NONBLOCK);
  const int copy = dup(fd);
  close(fd);
  struct pollfd writable = {.fd = copy, .events = POLLOUT};
  if (poll(&writable, 1, 10000) != 1) Fail("poll");
  if (getpeername(copy, (struct sockaddr*)&peer, &size) != 0) Fail("getpeername");
  printf("peer is target: %d\n", peer.sin_addr.s_addr == to.sin_addr.s_addr);
  fcntl(copy, F_SETFL, 0);
  Echo(copy, "hello");
  fflush(stdout);
  _exit(0);
}
