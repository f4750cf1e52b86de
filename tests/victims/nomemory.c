/* SPDX-License-Identifier: BSD-2-Clause
   nomemory IP PORT: connects 40 times while malloc(3) has nothing to give, then once more, and prints how
   each went; the 40 as one as long as they went alike. Ends there if they wanted no memory. */
#include "victim.h"

static int g_is_empty;

/* The program's own comes first for everybody in the process. */
extern void* __libc_malloc(size_t size);
void* malloc(size_t size) {
  if (!g_is_empty) return __libc_malloc(size);
  errno = ENOMEM;
  return NULL;
}

static struct addrinfo* g_to;

/* Returns 0 or an errno value. */
static int Connect(int* fd) {
  *fd = socket(g_to->ai_family, SOCK_STREAM, 0);
  return connect(*fd, g_to->ai_addr, g_to->ai_addrlen) == 0 ? 0 : errno;
}

static void Say(const char* when, int error) {
  printf("%s: %s\n", when, error == 0 ? "0" : strerrorname_np(error));
}

int main(int argc, char** argv) {
  int fd = -1;
  if (argc < 3) return 2;
  g_to = Resolve(argv[1], argv[2], AF_INET);
  printf("start\n");
  int last = -1;
  for (int i = 0; i < 40; ++i) {
    g_is_empty = 1;
    const int error = Connect(&fd);
    g_is_empty = 0;
    close(fd);
    if (error != last) Say("without memory", error);
    last = error;
  }
  if (last != ENOMEM) return 0;
  Say("again", Connect(&fd));
  Echo(fd, "hello");
  return 0;
}
