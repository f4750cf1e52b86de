/* SPDX-License-Identifier: BSD-2-Clause
   calls MODE HOST PORT [BEFORE]: connects, writes, reads and closes, again and again, and prints the system
   calls that the cheapest time took: of what kind, and how many. The first time does not count; it may set up
   what lasts. MODE is blocking, poll or epoll. BEFORE is what has been done in the process before: vfork,
   clone, thread, a way to install a signal handler, or to do next to that. The counting is done by its parent
   (ptrace(2)). */
#include "victim.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
/* After sys/ptrace.h. */
#include <linux/ptrace.h>

enum { kRounds = 20, kKinds = 16 };

static const struct {
  long number;
  const char* name;
} kCalls[kKinds - 1] = {
    {SYS_socket, "socket"},
    {SYS_connect, "connect"},
    {SYS_fcntl, "fcntl"},
    {SYS_rt_sigprocmask, "rt_sigprocmask"},
    {SYS_getsockopt, "getsockopt"},
    {SYS_getsockname, "getsockname"},
    {SYS_sendto, "sendto"},
    {SYS_recvfrom, "recvfrom"},
    {SYS_ppoll, "ppoll"},
    {SYS_epoll_pwait, "epoll_pwait"},
    {SYS_epoll_ctl, "epoll_ctl"},
    {SYS_write, "write"},
    {SYS_read, "read"},
    {SYS_getpid, "getpid"},
    {SYS_close, "close"},
};

/* What nobody else calls. */
static void MarkRound(void) {
  syscall(SYS_getpgid, 0);
}

static void Round(const char* mode, const struct addrinfo* to, int set) {
  const int is_nonblocking = strcmp(mode, "blocking") != 0;
  const int fd = socket(to->ai_family, SOCK_STREAM | (is_nonblocking ? SOCK_NONBLOCK : 0), 0);
  const int result = connect(fd, to->ai_addr, to->ai_addrlen);
  if (result != 0 && !(is_nonblocking && errno == EINPROGRESS)) Fail("connect");
  struct epoll_event event = {.events = EPOLLOUT};
  struct pollfd ready = {.fd = fd, .events = POLLOUT};
  if (strcmp(mode, "epoll") == 0) {
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    if (epoll_pwait(set, &event, 1, 10000, NULL) != 1) Fail("epoll_pwait");
    event.events = EPOLLIN;
  } else if (is_nonblocking && ppoll(&ready, 1, NULL, NULL) != 1) {
    Fail("ppoll");
  }
  if (write(fd, "a", 1) != 1) Fail("write");
  ready.events = POLLIN;
  if (strcmp(mode, "epoll") == 0) {
    epoll_ctl(set, EPOLL_CTL_MOD, fd, &event);
    if (epoll_pwait(set, &event, 1, 10000, NULL) != 1) Fail("epoll_pwait");
  } else if (is_nonblocking && ppoll(&ready, 1, NULL, NULL) != 1) {
    Fail("ppoll");
  }
  char byte;
  if (read(fd, &byte, 1) != 1) Fail("read");
  close(fd);
}

static void Handle(int number) {
  (void)number;
}
/* libc has it, and its headers no more. */
sighandler_t bsd_signal(int number, sighandler_t handler);

static int Borrow(void* unused) {
  (void)unused;
  return 0;
}
static void* Run(void* unused) {
  return unused;
}

static void Prepare(const char* how) {
  static char stack[65536] __attribute__((aligned(64)));
  const struct sigaction handling = {.sa_handler = Handle};
  /* As the kernel has it: handler, flags, restorer, mask. */
  const long kernels[4] = {(long)SIG_IGN, 0, 0, 0};
  struct sigaction old;
  pthread_t thread;
  if (strcmp(how, "sigaction") == 0) sigaction(SIGUSR1, &handling, NULL);
  if (strcmp(how, "signal") == 0) signal(SIGUSR1, Handle);
  if (strcmp(how, "ssignal") == 0) ssignal(SIGUSR1, Handle);
  if (strcmp(how, "bsd_signal") == 0) bsd_signal(SIGUSR1, Handle);
  if (strcmp(how, "sysv_signal") == 0) sysv_signal(SIGUSR1, Handle);
  if (strcmp(how, "sigset") == 0) sigset(SIGUSR1, Handle);
  if (strcmp(how, "syscall") == 0) syscall(SYS_rt_sigaction, SIGUSR1, kernels, NULL, 8);
  if (strcmp(how, "ignore") == 0) signal(SIGPIPE, SIG_IGN);
  if (strcmp(how, "default") == 0) signal(SIGPIPE, SIG_DFL);
  if (strcmp(how, "ask") == 0) sigaction(SIGUSR1, NULL, &old);
  if (strcmp(how, "ask by number") == 0) syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 8);
  if (strcmp(how, "fault") == 0) sigaction(SIGSEGV, &handling, NULL);
  if (strcmp(how, "vfork") == 0 && vfork() == 0) _exit(0);
  if (strcmp(how, "fork") == 0 && fork() == 0) _exit(0);
  if (strcmp(how, "clone") == 0) clone(Borrow, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
  if (strcmp(how, "clone without memory") == 0) clone(Borrow, stack + sizeof stack, SIGCHLD, NULL);
  if (strcmp(how, "thread") == 0 && pthread_create(&thread, NULL, Run, NULL) == 0) pthread_join(thread, NULL);
}

static int Traced(const char* mode, const struct addrinfo* to, const char* before) {
  Prepare(before);
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) return 77;
  raise(SIGSTOP);
  const int set = epoll_create1(0);
  Round(mode, to, set);
  for (int i = 0; i < kRounds; ++i) {
    MarkRound();
    Round(mode, to, set);
  }
  MarkRound();
  return 0;
}

static int KindOf(long number) {
  int kind = 0;
  while (kind < kKinds - 1 && kCalls[kind].number != number) ++kind;
  return kind;
}

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return 2;
  const struct addrinfo* const to = Resolve(argv[2], argv[3], AF_INET);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) exit(Traced(argv[1], to, argc == 5 ? argv[4] : ""));
  int status = 0;
  int counts[kKinds] = {0};
  int total = 0;
  int best[kKinds] = {0};
  int least = 0;
  int is_counting = 0;
  waitpid(child, &status, 0);
  if (WIFSTOPPED(status)) ptrace(PTRACE_SETOPTIONS, child, NULL, (void*)PTRACE_O_TRACESYSGOOD);
  while (WIFSTOPPED(status)) {
    struct ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
    const int is_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
    if (is_call) ptrace(PTRACE_GET_SYSCALL_INFO, child, (void*)sizeof info, &info);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_getpgid) {
      if (is_counting && (least == 0 || total < least)) {
        least = total;
        memcpy(best, counts, sizeof best);
      }
      is_counting = 1;
      total = 0;
      memset(counts, 0, sizeof counts);
    } else if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      ++counts[KindOf((long)info.entry.nr)];
      ++total;
    }
    const int signal_number = is_call || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
    ptrace(PTRACE_SYSCALL, child, NULL, (void*)(long)signal_number);
    waitpid(child, &status, 0);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  printf("%d:", least);
  for (int kind = 0; kind < kKinds; ++kind)
    if (best[kind] != 0) printf(" %s %d", kind < kKinds - 1 ? kCalls[kind].name : "other", best[kind]);
  printf("\n");
  return 0;
}
