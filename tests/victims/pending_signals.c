/* SPDX-License-Identifier: BSD-2-Clause
   pending_signals MODE HOST PORT [HOST PORT]: signals that arrive while a connection is pending. */
#include "pending.h"

#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

static volatile sig_atomic_t g_signals;
static volatile sig_atomic_t g_exchanged;
static sigjmp_buf g_out;

static void Arrange(void (*handler)(int), int flags, int milliseconds) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  const struct itimerval once = {.it_value = {.tv_usec = milliseconds * 1000}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &once, NULL);
}

static void Count(int number) {
  (void)number;
  ++g_signals;
}

static void Leave(int number) {
  (void)number;
  siglongjmp(g_out, 1);
}

/* signal-safety(7) allows all of these. */
static void TalkElsewhere(int number) {
  (void)number;
  const int saved = errno;
  char answer[8] = "";
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (Connect(fd, g_other) == 0 && send(fd, "signal", 6, MSG_NOSIGNAL) == 6 && recv(fd, answer, 6, 0) == 6 &&
      memcmp(answer, "signal", 6) == 0)
    g_exchanged = 1;
  close(fd);
  errno = saved;
}

static void StartElsewhere(int number) {
  (void)number;
  const int saved = errno;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct pollfd ready = {.fd = fd, .events = POLLOUT};
  if (Connect(fd, g_other) == 0 || errno == EINPROGRESS) {
    if (poll(&ready, 1, kPatienceMs) == 1 && ready.revents == POLLOUT &&
        send(fd, "signal", 6, MSG_NOSIGNAL) == 6)
      g_exchanged = 1;
  }
  close(fd);
  errno = saved;
}

/* No wait is restarted, with SA_RESTART or without (signal(7)). */
static void Interrupted(int flags) {
  const int fd = Start();
  struct pollfd ready = {.fd = fd, .events = POLLOUT};
  struct epoll_event event = {.events = EPOLLOUT};
  fd_set writable;
  const int set = epoll_create1(0);
  epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
  Arrange(Count, flags, 50);
  Say("poll", poll(&ready, 1, kPatienceMs));
  Arrange(Count, flags, 50);
  Say("epoll_wait", epoll_wait(set, &event, 1, kPatienceMs));
  FD_ZERO(&writable);
  FD_SET(fd, &writable);
  Arrange(Count, flags, 50);
  Say("select", select(fd + 1, NULL, &writable, NULL, NULL));
  printf("signals: %d\n", (int)g_signals);
  SayPeer("peer", fd, g_to);
  Finish(fd);
}
static void InterruptedPlain(void) {
  Interrupted(0);
}
static void InterruptedRestart(void) {
  Interrupted(SA_RESTART);
}

/* A blocked signal is let in by the wait's own mask, and only there. */
static void Masked(void) {
  const int fd = Start();
  struct pollfd ready = {.fd = fd, .events = POLLOUT};
  sigset_t alarms;
  sigset_t none;
  sigemptyset(&none);
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  sigprocmask(SIG_BLOCK, &alarms, NULL);
  Arrange(Count, 0, 30);
  Say("poll", poll(&ready, 1, 80));
  printf("signals: %d\n", (int)g_signals);
  Say("ppoll", ppoll(&ready, 1, NULL, &none));
  printf("signals: %d\n", (int)g_signals);
  struct epoll_event event = {.events = EPOLLOUT};
  const int set = epoll_create1(0);
  epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
  raise(SIGALRM);
  Say("epoll_pwait", epoll_pwait(set, &event, 1, kPatienceMs, &none));
  printf("signals: %d\n", (int)g_signals);
  fd_set writable;
  FD_ZERO(&writable);
  FD_SET(fd, &writable);
  raise(SIGALRM);
  Say("pselect", pselect(fd + 1, NULL, &writable, NULL, NULL, &none));
  printf("signals: %d\n", (int)g_signals);
  sigprocmask(SIG_SETMASK, NULL, &none);
  printf("still blocked: %d\n", sigismember(&none, SIGALRM));
  /* The mask holds until the connection is there, too. */
  raise(SIGALRM);
  Say("ppoll", ppoll(&ready, 1, NULL, &alarms));
  printf("signals: %d\n", (int)g_signals);
  Use(fd, g_to);
}

static void Handler(void (*handler)(int)) {
  const int fd = Start();
  struct pollfd ready = {.fd = fd, .events = POLLOUT};
  Arrange(handler, SA_RESTART, 50);
  Say("poll", poll(&ready, 1, kPatienceMs));
  printf("exchanged: %d\n", (int)g_exchanged);
  SayPeer("peer", fd, g_to);
  Finish(fd);
}
static void HandlerConnects(void) {
  Handler(TalkElsewhere);
}
static void HandlerStarts(void) {
  Handler(StartElsewhere);
}

/* The handler runs in the middle of a blocking connect(2), which then goes on. */
static void HandlerInConnect(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  Arrange(TalkElsewhere, SA_RESTART, 100);
  Say("connect", Connect(fd, g_to));
  printf("exchanged: %d\n", (int)g_exchanged);
  Use(fd, g_to);
}

static void JumpedOut(void) {
  static int fd;
  fd = Start();
  if (sigsetjmp(g_out, 1) == 0) {
    Arrange(Leave, 0, 50);
    Poll(fd, POLLOUT, kPatienceMs);
    printf("poll returned\n");
  }
  SayPeer("peer", fd, g_to);
  Finish(fd);
}

static void JumpedOutOfSet(void) {
  static int fd;
  static int set;
  struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.u64 = 1};
  fd = Start();
  set = epoll_create1(0);
  epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
  if (sigsetjmp(g_out, 1) == 0) {
    Arrange(Leave, 0, 50);
    epoll_wait(set, &event, 1, kPatienceMs);
    printf("epoll_wait returned\n");
  }
  event.data.u64 = 0;
  Say("epoll_wait", epoll_wait(set, &event, 1, kPatienceMs));
  printf("data kept: %d\n", event.data.u64 == 1);
  Use(fd, g_to);
}

/* A storm of signals for as long as the connection takes. */
static void Storm(void) {
  struct sigaction action = {.sa_handler = Count};
  const struct itimerval often = {.it_interval = {.tv_usec = 1000}, .it_value = {.tv_usec = 1000}};
  const struct itimerval never = {0};
  const int fd = Start();
  struct pollfd ready = {.fd = fd, .events = POLLOUT};
  int result;
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
  while ((result = poll(&ready, 1, kPatienceMs)) < 0 && errno == EINTR);
  setitimer(ITIMER_REAL, &never, NULL);
  Say("poll", result);
  printf("many: %d\n", g_signals > 10);
  Use(fd, g_to);
}

/* Signals that are ignored interrupt nothing. */
static void Ignored(void) {
  struct sigevent wanted = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGURG};
  const struct itimerspec often = {.it_interval = {.tv_nsec = 20000}, .it_value = {.tv_nsec = 20000}};
  struct epoll_event event = {.events = EPOLLOUT};
  timer_t timer;
  const int fd = Start();
  const int set = epoll_create1(0);
  epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
  if (timer_create(CLOCK_MONOTONIC, &wanted, &timer) != 0 || timer_settime(timer, 0, &often, NULL) != 0)
    perror("timer");
  int result = 0;
  while (result == 0) result = epoll_wait(set, &event, 1, 1);
  Say("epoll_wait", result);
  timer_delete(timer);
  Use(fd, g_to);
}

int main(int argc, char** argv) {
  static const struct Mode kModes[] = {{"interrupted", InterruptedPlain},
                                       {"interrupted-restart", InterruptedRestart},
                                       {"masked", Masked},
                                       {"handler-connects", HandlerConnects},
                                       {"handler-starts", HandlerStarts},
                                       {"handler-in-connect", HandlerInConnect},
                                       {"jumped-out", JumpedOut},
                                       {"jumped-out-set", JumpedOutOfSet},
                                       {"storm", Storm},
                                       {"ignored", Ignored},
                                       {NULL, NULL}};
  return RunMode(kModes, argc, argv);
}
