/* SPDX-License-Identifier: BSD-2-Clause
   cancel ADDRESS PORT [syscall]: cancels a thread that waits in connect(2) (pthreads(7): a cancellation
   point).
   cancel ADDRESS PORT inherited: in another program, that has the connection as descriptor FD (cancel FD), a
   thread that has been cancelled calls getpeername(2), which is none. */
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

static void* AskPeer(void* unused) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  pthread_cancel(pthread_self());
  const int result = getpeername(g_fd, (struct sockaddr*)&peer, &size);
  int previous;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &previous);
  printf("getpeername: %d\n", result);
  return unused;
}

static int Inherit(const char* fd) {
  pthread_t thread;
  g_fd = atoi(fd);
  pthread_create(&thread, NULL, AskPeer, NULL);
  return pthread_join(thread, NULL);
}

static int HandOver(const char* program, const struct addrinfo* to) {
  char number[16];
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) return 1;
  snprintf(number, sizeof number, "%d", fd);
  execl(program, program, number, NULL);
  return 1;
}

int main(int argc, char** argv) {
  if (argc == 2) return Inherit(argv[1]);
  g_by_number = argc > 3;
  g_to = Resolve(argv[1], argv[2], AF_INET);
  if (g_by_number && strcmp(argv[3], "inherited") == 0) return HandOver(argv[0], g_to);
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
