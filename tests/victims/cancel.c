/* SPDX-License-Identifier: BSD-2-Clause
   cancel ADDRESS PORT [syscall]: cancels a thread that waits in connect(2) (pthreads(7): a cancellation
   point). */
#include "victim.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

static int g_fd;
static int g_by_number;
static struct addrinfo* g_to;

static void Clean(void* unused) {
  (void)unused;
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  printf("cleaned up, O_NONBLOCK %d, connected %d\n", (fcntl(g_fd, F_GETFL) & O_NONBLOCK) != 0,
         getpeername(g_fd, (struct sockaddr*)&peer, &size) == 0);
}

static void* Connect(void* unused) {
  (void)unused;
  pthread_cleanup_push(Clean, NULL);
  g_fd = socket(AF_INET, SOCK_STREAM, 0);
  if (g_by_number)
    syscall(SYS_connect, g_fd, g_to->ai_addr, g_to->ai_addrlen);
  else
    connect(g_fd, g_to->ai_addr, g_to->ai_addrlen);
  printf("connect returned\n");
  pthread_cleanup_pop(0);
  return NULL;
}

int main(int argc, char** argv) {
  g_by_number = argc > 3;
  g_to = Resolve(argv[1], argv[2], AF_INET);
  pthread_t thread;
  pthread_create(&thread, NULL, Connect, NULL);
  const struct timespec pause = {.tv_nsec = 200000000};
  nanosleep(&pause, NULL);
  pthread_cancel(thread);
  void* result = NULL;
  pthread_join(thread, &result);
  printf("cancelled %d\n", result == PTHREAD_CANCELED);
  return 0;
}
