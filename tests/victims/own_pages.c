/* SPDX-License-Identifier: BSD-2-Clause
   own_pages ADDRESS PORT: connects, and prints how much of each mapping that is not the program's and not
   that of a library of others is memory of its own (proc_pid_smaps(5), Anonymous), in KiB: of the preload's
   file, and of the mapping that holds what it knows of descriptors, by its size. */
#include "victim.h"

int main(int argc, char** argv) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  char line[4096];
  int of_file = 0;
  int of_descriptors = 0;
  int* place = NULL;
  if (argc != 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) return 2;
  to.sin_port = htons((unsigned short)atoi(argv[2]));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr*)&to, sizeof to) != 0) Fail("connect");
  FILE* const maps = fopen("/proc/self/smaps", "r");
  if (maps == NULL) Fail("smaps");
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long begin = 0;
    unsigned long end = 0;
    int size = 0;
    if (sscanf(line, "%lx-%lx ", &begin, &end) == 2) {
      const int is_flags = end - begin == (4096UL << 10) + 8192 && strchr(line, '/') == NULL;
      place = strstr(line, "/libsocksify.so") != NULL ? &of_file : is_flags ? &of_descriptors : NULL;
    } else if (place != NULL && sscanf(line, "Anonymous: %d kB", &size) == 1) {
      *place += size;
    }
  }
  fclose(maps);
  printf("file %d, descriptors %d\n", of_file, of_descriptors);
  Echo(fd, "hello");
  return 0;
}
