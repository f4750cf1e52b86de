/* SPDX-License-Identifier: BSD-2-Clause
   fork_in_set_up: forks, without handlers, while another thread is in the middle of its first look-up, and
   looks an address up in the child. A library that asks for the environment meanwhile, as one does that sets
   itself up, is kept waiting until the child has ended. */
#include "victim.h"

#include <pthread.h>
#include <sys/wait.h>

static int g_begun[2];
static int g_may_end[2];
static pid_t g_parent;

/* In the place of libc's. */
char* secure_getenv(const char* name) {
  char ignored = 'b';
  if (getpid() == g_parent && (write(g_begun[1], &ignored, 1) != 1 || read(g_may_end[0], &ignored, 1) != 0))
    Fail("wait");
  return getenv(name);
}

static void* LookUp(void* address) {
  struct addrinfo* const result = Resolve("127.0.0.1", "80", AF_INET);
  *(struct in_addr*)address = ((struct sockaddr_in*)result->ai_addr)->sin_addr;
  freeaddrinfo(result);
  if (getpid() == g_parent && write(g_begun[1], "e", 1) != 1) Fail("write");
  return NULL;
}

int main(void) {
  char ignored;
  struct in_addr address = {0};
  pthread_t thread;
  if (pipe(g_begun) != 0 || pipe(g_may_end) != 0) Fail("pipe");
  g_parent = getpid();
  if (pthread_create(&thread, NULL, &LookUp, &address) != 0) Fail("pthread_create");
  if (read(g_begun[0], &ignored, 1) != 1) Fail("read");
  const pid_t child = _Fork();
  if (child == 0) {
    alarm(10);
    LookUp(&address);
    printf("child %s\n", inet_ntoa(address));
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) Fail("waitpid");
  printf("child ended with %d\n", status);
  close(g_may_end[1]);
  pthread_join(thread, NULL);
  printf("thread %s\n", inet_ntoa(address));
  return 0;
}
