/* SPDX-License-Identifier: BSD-2-Clause
   descriptors HOST PORT: copies, closes and re-uses the descriptor of a connection, in all the ways there
   are, and prints for each whether the peer is still the destination. */
#include "victim.h"

#include <sys/syscall.h>
#include <sys/wait.h>

static const struct addrinfo* g_to;

static void Show(const char* what, int fd) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  if (getpeername(fd, (struct sockaddr*)&peer, &size) != 0) {
    printf("%s: %s\n", what, strerrorname_np(errno));
    return;
  }
  printf("%s: %s\n", what, memcmp(&peer, g_to->ai_addr, size) == 0 ? "target" : "something else");
}

static int Connect(void) {
  const int fd = socket(g_to->ai_family, SOCK_STREAM, 0);
  if (connect(fd, g_to->ai_addr, g_to->ai_addrlen) != 0) Fail("connect");
  return fd;
}

int main(int argc, char** argv) {
  (void)argc;
  g_to = Resolve(argv[1], argv[2], AF_INET);
  const int fd = Connect();
  Show("connected", fd);
  Show("dup", dup(fd));
  Show("dup2", dup2(fd, 100));
  Show("dup3", dup3(fd, 101, O_CLOEXEC));
  Show("F_DUPFD", fcntl(fd, F_DUPFD, 200));
  Show("F_DUPFD_CLOEXEC", fcntl(fd, F_DUPFD_CLOEXEC, 200));
  Show("dup by number", (int)syscall(SYS_dup, fd));
  close(fd);
  Show("closed", fd);
  Show("its copy", 100);
  const int plain = socket(AF_INET, SOCK_STREAM, 0);
  printf("number re-used: %d\n", plain == fd);
  Show("re-used", plain);
  close(plain);

  /* Closed by fclose(3), which no preload sees, and used again. */
  const int hidden = Connect();
  fclose(fdopen(hidden, "r+"));
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) Fail("socketpair");
  printf("number re-used: %d\n", pair[0] == hidden);
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  printf("unix: %d", getpeername(pair[0], (struct sockaddr*)&peer, &size));
  printf(" family %d\n", peer.ss_family == AF_UNIX);

  /* A child of vfork(2) shares our memory, but not our descriptors. */
  if (vfork() == 0) {
    close(100);
    _exit(0);
  }
  wait(NULL);
  Show("after vfork", 100);
  if (fork() == 0) {
    Show("in the child of fork", 100);
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
  close_range(150, ~0U, 0);
  Show("close_range", 200);
  Show("below it", 101);
  closefrom(101);
  Show("closefrom", 101);
  Show("below that", 100);
  const int again = Connect();
  Echo(again, "hello");
  return 0;
}
