/* SPDX-License-Identifier: BSD-2-Clause
   streams STREAMS BYTES SIZE HOST PORT [PROXY]: has BYTES sent over each of STREAMS connections at once, and
   reads them, SIZE bytes at most with each read(2): one stream by blocking reads, more of them by poll(2).
   Prints the MiB per second, and how many reads there were. */
#include "client.h"

#include <poll.h>
#include <sys/resource.h>

static double ProcessorSeconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

enum { kMostStreams = 64, kMostSize = 1 << 20 };

int main(int argc, char** argv) {
  static char data[kMostSize];
  struct pollfd streams[kMostStreams];
  if (argc < 6) return 2;
  const int count = atoi(argv[1]);
  const unsigned long long bytes = strtoull(argv[2], NULL, 10);
  const size_t size = strtoul(argv[3], NULL, 10);
  if (count < 1 || count > kMostStreams || size < 1 || size > kMostSize) return 2;
  for (int i = 0; i < count; ++i)
    streams[i] = (struct pollfd){.fd = OpenStream(argv[4], argv[5], argv[6]), .events = POLLIN};
  unsigned long long got = 0;
  unsigned long long reads = 0;
  const double started = Seconds();
  const double used = ProcessorSeconds();
  for (int i = 0; i < count; ++i) Order(streams[i].fd, bytes);
  for (int open = count; open > 0;) {
    if (count > 1 && poll(streams, (nfds_t)count, -1) <= 0) Fail("poll");
    for (int i = 0; i < count; ++i) {
      if (count > 1 && streams[i].revents == 0) continue;
      const ssize_t part = read(streams[i].fd, data, size);
      if (part < 0) Fail("read");
      ++reads;
      got += (unsigned long long)part;
      if (part > 0) continue;
      close(streams[i].fd);
      streams[i].fd = -1; /* poll(2) passes over it */
      --open;
    }
  }
  const double seconds = Seconds() - started;
  const double processor_seconds = ProcessorSeconds() - used;
  if (got != bytes * (unsigned long long)count) {
    fprintf(stderr, "%llu bytes came, not %llu\n", got, bytes * (unsigned long long)count);
    return 1;
  }
  const double mib = (double)got / (1 << 20);
  printf("%.2f %llu %.2f\n", mib / seconds, reads, processor_seconds * 1000 / (mib / 1024));
  return 0;
}
