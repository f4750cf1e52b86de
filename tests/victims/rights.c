/* SPDX-License-Identifier: BSD-2-Clause
   rights chroot DIRECTORY HOST PORT: goes there, where nobody has a login name, and connects.
   rights setuid UID HOST PORT: connects, becomes that user and connects again. HOST is an address. */
#include "victim.h"

static void Try(const char* host, const char* port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  if (inet_pton(AF_INET, host, &to.sin_addr) != 1) Fail("inet_pton");
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr*)&to, sizeof to) == 0) {
    printf("connected\n");
  } else {
    printf("connect: %s\n", strerrorname_np(errno));
  }
  close(fd);
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  if (strcmp(argv[1], "chroot") == 0) {
    if (chroot(argv[2]) != 0 || chdir("/") != 0) Fail("chroot");
  } else {
    Try(argv[3], argv[4]);
    if (setuid((uid_t)atoi(argv[2])) != 0) Fail("setuid");
  }
  Try(argv[3], argv[4]);
  return 0;
}
