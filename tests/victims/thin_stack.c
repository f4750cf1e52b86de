/* SPDX-License-Identifier: BSD-2-Clause
   thin_stack ADDRESS PORT: connects for the first time in a thread that has the least stack that pthreads(7)
   gives, and exchanges a line. */
#include "victim.h"

#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>

static struct sockaddr_in g_to = {.sin_family = AF_INET};
static int g_fd = -1;
static int g_error;

static void* Connect(void* unused) {
  (void)unused;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (const struct sockaddr*)&g_to, sizeof g_to) == 0)
    g_fd = fd;
  else
    g_error = errno;
  return NULL;
}

int main(int argc, char** argv) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t size = PTHREAD_STACK_MIN;
  pthread_attr_t attributes;
  pthread_t thread;
  if (argc != 3 || inet_pton(AF_INET, argv[1], &g_to.sin_addr) != 1) return 2;
  g_to.sin_port = htons((unsigned short)atoi(argv[2]));
  char* const memory = mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) Fail("mmap");
  pthread_attr_init(&attributes);
  if (pthread_attr_setstack(&attributes, memory + page, size) != 0 ||
      pthread_create(&thread, &attributes, Connect, NULL) != 0 || pthread_join(thread, NULL) != 0)
    Fail("a thread");
  errno = g_error;
  if (g_fd < 0) Fail("connect");
  Echo(g_fd, "hello");
  return 0;
}
