/* SPDX-License-Identifier: BSD-2-Clause
   copy_in_handler HOST PORT: threads connect all the time, and signal handlers of theirs make copies of the
   process, which connect, too. All of them come to an end. */
#include "victim.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { kThreads = 3, kCopies = 150 };

static const struct addrinfo* g_to;
static atomic_bool g_is_over;
static atomic_int g_made;
static atomic_int g_failed;

/* Nothing of this allocates. */
static int TryOne(void) {
  char answer[5];
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int is_right = connect(fd, g_to->ai_addr, g_to->ai_addrlen) == 0 && send(fd, "hello", 5, 0) == 5 &&
                       recv(fd, answer, 5, MSG_WAITALL) == 5 && memcmp(answer, "hello", 5) == 0;
  close(fd);
  return is_right;
}

static void* ConnectOn(void* nothing) {
  while (!g_is_over) {
    if (!TryOne()) ++g_failed;
  }
  return nothing;
}

static void Copy(int signal_number) {
  (void)signal_number;
  int status = -1;
  const int number = g_made;
  const pid_t child = number % 2 == 0 ? _Fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    alarm(10);
    _exit(TryOne() ? 0 : 1);
  }
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) ++g_failed;
  ++g_made;
}

int main(int argc, char** argv) {
  pthread_t threads[kThreads];
  const struct sigaction action = {.sa_handler = Copy, .sa_flags = SA_RESTART};
  if (argc != 3) return 2;
  g_to = Resolve(argv[1], argv[2], AF_INET);
  sigaction(SIGUSR1, &action, NULL);
  for (int i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, ConnectOn, NULL);
  for (int i = 0; i < kCopies; ++i) {
    pthread_kill(threads[i % kThreads], SIGUSR1);
    while (g_made <= i) usleep(200);
  }
  g_is_over = 1;
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  printf("copies: %d, failed: %d\n", g_made, g_failed);
  return 0;
}
