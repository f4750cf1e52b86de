/* SPDX-License-Identifier: BSD-2-Clause
   connect HOST PORT [plain|syscall|nonblock|twice|v6socket|bound]: connects, says how that went, sends a line
   and prints its echo, its peer as getpeername(2) has it, and how many descriptors it has got more than
   before. */
#include "victim.h"

#include <dirent.h>
#include <poll.h>
#include <sys/syscall.h>

static int CountDescriptors(void) {
  int count = 0;
  DIR* directory = opendir("/proc/self/fd");
  while (readdir(directory) != NULL) ++count;
  closedir(directory);
  return count;
}

int main(int argc, char** argv) {
  const char* mode = argc > 3 ? argv[3] : "plain";
  struct addrinfo* to = Resolve(argv[1], argv[2], strcmp(mode, "v6socket") == 0 ? AF_INET6 : AF_UNSPEC);
  const int before = CountDescriptors();
  const int nonblock = strcmp(mode, "nonblock") == 0;
  const int fd = socket(to->ai_family, SOCK_STREAM | (nonblock ? SOCK_NONBLOCK : 0), 0);
  if (strcmp(mode, "bound") == 0) {
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (bind(fd, (struct sockaddr*)&local, sizeof local) != 0) Fail("bind");
  }
  errno = 0;
  int result;
  if (strcmp(mode, "syscall") == 0) {
    result = (int)syscall(SYS_connect, fd, to->ai_addr, to->ai_addrlen);
  } else {
    result = connect(fd, to->ai_addr, to->ai_addrlen);
  }
  if (result != 0 && !(nonblock && errno == EINPROGRESS)) Fail("connect");
  if (result == 0 && errno != 0) printf("errno touched: %d\n", errno);
  if (nonblock) {
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    if (poll(&writable, 1, 10000) != 1) Fail("poll");
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      printf("connect: %s\n", strerrorname_np(error));
      return 1;
    }
    if ((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0) printf("O_NONBLOCK is gone\n");
    fcntl(fd, F_SETFL, 0);
  }
  if (strcmp(mode, "twice") == 0) {
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
      printf("connected twice\n");
    else
      printf("again: %s\n", strerrorname_np(errno));
  }
  Echo(fd, "hello");
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  if (getpeername(fd, (struct sockaddr*)&peer, &size) != 0) Fail("getpeername");
  printf("peer is target: %d\n", size == to->ai_addrlen && memcmp(&peer, to->ai_addr, size) == 0);
  printf("descriptors more: %d\n", CountDescriptors() - before);
  return 0;
}
