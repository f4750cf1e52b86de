/* SPDX-License-Identifier: BSD-2-Clause
   memory HOST PORT [PROXY]: connects, has a byte sent, and prints the kernel's account of its own memory,
   /proc/self/smaps_rollup, while the connection is there. */
#include "client.h"

#include <fcntl.h>

int main(int argc, char** argv) {
  static char text[4096];
  if (argc < 3) return 2;
  const int fd = OpenStream(argv[1], argv[2], argv[3]);
  Order(fd, 1);
  if (read(fd, text, 1) != 1) Fail("read");
  const int account = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  const ssize_t size = read(account, text, sizeof text);
  if (size <= 0) Fail("smaps_rollup");
  return write(STDOUT_FILENO, text, (size_t)size) != size;
}
