/* SPDX-License-Identifier: BSD-2-Clause
   hooks ROUNDS: what an interposed call costs on a descriptor that is not a proxied one, in one process: the
   function that the program's own call reaches (the preload's) and the one that libc.so.6 itself exports, by
   turns. One line for each call: its name, the nanoseconds of both (medians of the rounds), and their
   difference. Without a preload both are the same function, and the differences show the noise. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* A count of instructions needs fewer. */
#ifndef HOOKS_CALLS
#define HOOKS_CALLS 20000
#endif
enum { kCalls = HOOKS_CALLS, kMostRounds = 1001 };

static int g_zero; /* /dev/zero */
static int g_null; /* /dev/null */
static int g_sockets[2];
static int g_epoll;
static char g_byte[1];

/* Each calls the function that it is given. A fast system call on each side, so that what is added shows. */
#define CASE(name, type, call)                   \
  static void Call_##name(void* function) {      \
    type const original = (type)function;        \
    for (int i = 0; i < kCalls; ++i) (void)call; \
  }
typedef ssize_t (*Reads)(int, void*, size_t);
typedef ssize_t (*Writes)(int, const void*, size_t);
typedef ssize_t (*Receives)(int, void*, size_t, int);
typedef ssize_t (*Sends)(int, const void*, size_t, int);
typedef ssize_t (*Vectors)(int, const struct iovec*, int);
typedef int (*Polls)(struct pollfd*, nfds_t, int);
typedef int (*Selects)(int, fd_set*, fd_set*, fd_set*, struct timeval*);
typedef int (*Epolls)(int, struct epoll_event*, int, int);
typedef int (*Fcntls)(int, int, ...);
typedef int (*Ioctls)(int, unsigned long, ...);
typedef long (*Syscalls)(long, ...);

static struct pollfd g_poll;
static struct epoll_event g_event;
static struct timeval g_now;
static struct iovec g_vector = {g_byte, 1};
static int g_available;

CASE(read, Reads, original(g_zero, g_byte, 1))
CASE(write, Writes, original(g_null, g_byte, 1))
CASE(writev, Vectors, original(g_null, &g_vector, 1))
CASE(recv, Receives, original(g_sockets[0], g_byte, 1, MSG_DONTWAIT))
CASE(send, Sends, original(g_sockets[0], g_byte, 0, MSG_DONTWAIT))
CASE(poll, Polls, original(&g_poll, 1, 0))
CASE(select, Selects, original(0, NULL, NULL, NULL, &g_now))
CASE(epoll_wait, Epolls, original(g_epoll, &g_event, 1, 0))
CASE(fcntl, Fcntls, original(g_null, F_GETFL))
CASE(ioctl, Ioctls, original(g_sockets[0], FIONREAD, &g_available))
CASE(syscall, Syscalls, original(SYS_getuid))

static const struct {
  const char* name;
  void (*run)(void*);
} kCases[] = {
    {"read", Call_read},   {"write", Call_write}, {"writev", Call_writev},   {"recv", Call_recv},
    {"send", Call_send},   {"poll", Call_poll},   {"select", Call_select},   {"epoll_wait", Call_epoll_wait},
    {"fcntl", Call_fcntl}, {"ioctl", Call_ioctl}, {"syscall", Call_syscall},
};

static double Measure(void (*run)(void*), void* function) {
  struct timespec begin;
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  run(function);
  clock_gettime(CLOCK_MONOTONIC, &end);
  return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / kCalls;
}

static int Compare(const void* left, const void* right) {
  const double a = *(const double*)left;
  const double b = *(const double*)right;
  return (a > b) - (a < b);
}
static double Median(double* values, int count) {
  qsort(values, (size_t)count, sizeof *values, Compare);
  return values[count / 2];
}

int main(int argc, char** argv) {
  static double hooked[kMostRounds];
  static double plain[kMostRounds];
  static double added[kMostRounds];
  int rounds = argc > 1 ? atoi(argv[1]) : 201;
  if (rounds < 1 || rounds > kMostRounds) rounds = kMostRounds;
  void* const libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
  g_zero = open("/dev/zero", O_RDONLY);
  g_null = open("/dev/null", O_WRONLY);
  g_epoll = epoll_create1(0);
  if (libc == NULL || g_zero < 0 || g_null < 0 || g_epoll < 0 ||
      socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, g_sockets) != 0) {
    perror("hooks");
    return 1;
  }
  g_poll = (struct pollfd){.fd = g_sockets[0], .events = POLLIN};
  /* Its room is used up, so that a send only fails. */
  while (send(g_sockets[0], g_byte, 0, MSG_DONTWAIT) >= 0) {
  }
  printf("%-12s %10s %10s %10s\n", "call", "libc, ns", "hook, ns", "added, ns");
  for (size_t i = 0; i < sizeof kCases / sizeof *kCases; ++i) {
    void* const hook = dlsym(RTLD_DEFAULT, kCases[i].name);
    void* const original = dlsym(libc, kCases[i].name);
    for (int round = 0; round < rounds; ++round) {
      /* Who is first changes, in case it matters. */
      if (round % 2 == 0) hooked[round] = Measure(kCases[i].run, hook);
      plain[round] = Measure(kCases[i].run, original);
      if (round % 2 != 0) hooked[round] = Measure(kCases[i].run, hook);
      added[round] = hooked[round] - plain[round];
    }
    printf("%-12s %10.1f %10.1f %+10.1f\n", kCases[i].name, Median(plain, rounds), Median(hooked, rounds),
           Median(added, rounds));
  }
  return 0;
}
