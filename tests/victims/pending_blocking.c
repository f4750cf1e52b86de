/* SPDX-License-Identifier: BSD-2-Clause
   pending_blocking MODE HOST PORT [HOST PORT]: blocking connects that something comes between: a signal, a
   time limit, another thread. */
#include "pending.h"

#include <pthread.h>
#include <setjmp.h>
#include <sys/time.h>

static volatile sig_atomic_t g_signals;
static sigjmp_buf g_out;

static void Count(int number) {
  (void)number;
  ++g_signals;
}

static void Leave(int number) {
  (void)number;
  siglongjmp(g_out, 1);
}

/* One SIGALRM after `milliseconds`. */
static void Arrange(void (*handler)(int), int flags, int milliseconds) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  const struct itimerval once = {.it_value = {.tv_usec = milliseconds * 1000}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &once, NULL);
}

static void LimitTime(int fd, int milliseconds) {
  const struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) Fail("setsockopt");
}

static void SayPending(int fd) {
  SaySocketError("error", fd);
  SayPeer("peer", fd, g_to);
  SayEvents("poll", Poll(fd, POLLOUT, 0));
  Say("blocking", (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
}

static void Plain(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  Say("connect", Connect(fd, g_to));
  Say("connect again", Connect(fd, g_to));
  Use(fd, g_to);
}

static void Refused(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  Say("connect", Connect(fd, g_to));
  SaySocketError("error", fd);
  SayPeer("peer", fd, g_to);
  SayEvents("poll", Poll(fd, POLLIN | POLLOUT, 0));
  Say("connect elsewhere", Connect(fd, g_other));
  Use(fd, g_other);
}

/* Without SA_RESTART the call ends, and the connection goes on: poll(2) tells of its end. */
static void Interrupted(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  Arrange(Count, 0, 100);
  Say("connect", Connect(fd, g_to));
  printf("signals: %d\n", (int)g_signals);
  SayPending(fd);
  Finish(fd);
}

/* After EINTR the call may be repeated, and waits. */
static void Repeated(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  Arrange(Count, 0, 100);
  Say("connect", Connect(fd, g_to));
  Say("connect", Connect(fd, g_to));
  Say("connect", Connect(fd, g_to));
  Use(fd, g_to);
}

/* After EINTR a write waits for the connection too. */
static void Written(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  Arrange(Count, 0, 100);
  Say("connect", Connect(fd, g_to));
  Echo(fd, "hello");
  Use(fd, g_to);
}

static void Restarted(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  Arrange(Count, SA_RESTART, 100);
  Say("connect", Connect(fd, g_to));
  printf("signals: %d\n", (int)g_signals);
  Use(fd, g_to);
}

/* As of programs in Rust, and of those with a sanitizer. */
static void RestartedBesideFaults(void) {
  const struct sigaction action = {.sa_handler = Count};
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
  Restarted();
}

static void RestartedRefused(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  Arrange(Count, SA_RESTART, 100);
  Say("connect", Connect(fd, g_to));
  printf("signals: %d\n", (int)g_signals);
  SaySocketError("error", fd);
}

/* Ignored signals and those without a handler interrupt nothing. */
static void Ignored(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  Arrange(SIG_IGN, 0, 100);
  Say("connect", Connect(fd, g_to));
  Use(fd, g_to);
}

/* signal(7): with a time limit SA_RESTART is without effect. */
static void LimitedAndRestarted(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  LimitTime(fd, 5000);
  Arrange(Count, SA_RESTART, 100);
  Say("connect", Connect(fd, g_to));
  Finish(fd);
}

/* connect(2): EINPROGRESS at the end of SO_SNDTIMEO. */
static void Limited(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  LimitTime(fd, 100);
  Say("connect", Connect(fd, g_to));
  SayPending(fd);
  Say("connect", Connect(fd, g_to));
  Finish(fd);
}

/* By the number that the option has for times of 64 bits, on all machines. */
static void LimitedByNewNumber(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const long long limit[2] = {0, 100000};
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO_NEW, limit, sizeof limit) != 0) Fail("setsockopt");
  Say("connect", Connect(fd, g_to));
  Finish(fd);
}

static void LimitedRefused(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  LimitTime(fd, 100);
  Say("connect", Connect(fd, g_to));
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  SaySocketError("error", fd);
}

static void LimitedAmply(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  LimitTime(fd, 8000);
  Say("connect", Connect(fd, g_to));
  Use(fd, g_to);
}

/* A limit of receiving does not concern connect(2). */
static void LimitedReceiving(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const struct timeval limit = {.tv_usec = 100000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  Say("connect", Connect(fd, g_to));
  SayPeer("peer", fd, g_to);
}

static void JumpedOut(void) {
  static int fd;
  fd = socket(AF_INET, SOCK_STREAM, 0);
  if (sigsetjmp(g_out, 1) == 0) {
    Arrange(Leave, 0, 100);
    Connect(fd, g_to);
    printf("connect returned\n");
  }
  SayPending(fd);
  Finish(fd);
  const int next = socket(AF_INET, SOCK_STREAM, 0);
  Say("connect elsewhere", Connect(next, g_other));
  Use(next, g_other);
}

static void JumpedOutAndClosed(void) {
  static int fd;
  fd = socket(AF_INET, SOCK_STREAM, 0);
  if (sigsetjmp(g_out, 1) == 0) {
    Arrange(Leave, 0, 100);
    Connect(fd, g_to);
    printf("connect returned\n");
  }
  Say("close", close(fd));
  const int next = socket(AF_INET, SOCK_STREAM, 0);
  printf("number re-used: %d\n", next == fd);
  Say("connect elsewhere", Connect(next, g_other));
  Use(next, g_other);
}

static void* ConnectInThread(void* fd) {
  return (void*)(long)Connect(*(int*)fd, g_to);
}

/* One thread connects, the other waits for the same socket. */
static void Watched(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  pthread_t thread;
  void* result = NULL;
  pthread_create(&thread, NULL, ConnectInThread, &fd);
  Pause(100);
  SayPending(fd);
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  pthread_join(thread, &result);
  Say("connect", (long)result);
  Use(fd, g_to);
}

/* The other thread connects the same socket, too: it waits for the first. */
static void Twice(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  pthread_t thread;
  void* result = NULL;
  pthread_create(&thread, NULL, ConnectInThread, &fd);
  Pause(100);
  const long mine = Connect(fd, g_to);
  const int mine_is_again = mine != 0 && errno == EISCONN;
  pthread_join(thread, &result);
  /* Both wait on; who is the first to return is told of success, the other of EISCONN or success. */
  printf("both: %d\n", (mine == 0 || mine_is_again) && (result == NULL || mine == 0));
  Use(fd, g_to);
}

int main(int argc, char** argv) {
  static const struct Mode kModes[] = {{"plain", Plain},
                                       {"refused", Refused},
                                       {"interrupted", Interrupted},
                                       {"repeated", Repeated},
                                       {"written", Written},
                                       {"restarted", Restarted},
                                       {"restarted-beside-faults", RestartedBesideFaults},
                                       {"restarted-refused", RestartedRefused},
                                       {"ignored", Ignored},
                                       {"limited-restarted", LimitedAndRestarted},
                                       {"limited", Limited},
                                       {"limited-by-new-number", LimitedByNewNumber},
                                       {"limited-refused", LimitedRefused},
                                       {"limited-amply", LimitedAmply},
                                       {"limited-receiving", LimitedReceiving},
                                       {"jumped-out", JumpedOut},
                                       {"jumped-out-closed", JumpedOutAndClosed},
                                       {"watched", Watched},
                                       {"twice", Twice},
                                       {NULL, NULL}};
  return RunMode(kModes, argc, argv);
}
