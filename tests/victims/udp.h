/* SPDX-License-Identifier: BSD-2-Clause
   What the victims share that speak UDP. Each is `VICTIM FAMILY ADDRESS PORT CASE`: FAMILY is 4 or 6, at
   ADDRESS two services echo, on PORT and on PORT + 1; CASE is a case's name, or "all" for each in turn. A
   line of output begins with its case. Nothing is printed that differs between two networks for good reasons:
   addresses of the own side, ports of the kernel's choice, the peers' addresses. */
#pragma once

#include "victim.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

enum { kPatienceMs = 5000, kMaxDatagram = 70000 };

static struct sockaddr_storage g_to;    /* the peer */
static struct sockaddr_storage g_other; /* the other peer */
static socklen_t g_size;                /* of each of the two */
static const char* g_case = "";

/* Prints a line of the running case. */
__attribute__((format(printf, 1, 2))) static void Print(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("%s: ", g_case);
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
}

/* Prints what a call returned, or the name of its errno. */
MAYBE_UNUSED static long Say(const char* what, long result) {
  if (result < 0)
    Print("%s: %s", what, strerrorname_np(errno));
  else
    Print("%s: %ld", what, result);
  return result;
}

/* An unmet condition that the case cannot go on without. */
MAYBE_UNUSED static void Abandon(const char* what) {
  Print("%s: %s", what, strerrorname_np(errno));
  exit(1);
}

MAYBE_UNUSED static void SetReceiveTimeout(int fd, int milliseconds) {
  const struct timeval time = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000L};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) != 0) Abandon("SO_RCVTIMEO");
}

/* A socket whose receive calls block, but not for ever. */
MAYBE_UNUSED static int Open(void) {
  const int fd = socket(g_to.ss_family, SOCK_DGRAM, 0);
  if (fd < 0) Abandon("socket");
  SetReceiveTimeout(fd, kPatienceMs);
  return fd;
}

MAYBE_UNUSED static int Connect(int fd, const struct sockaddr_storage* to) {
  return connect(fd, (const struct sockaddr*)to, g_size);
}

MAYBE_UNUSED static int OpenConnected(void) {
  const int fd = Open();
  if (Connect(fd, &g_to) != 0) Abandon("connect");
  return fd;
}

/* The bytes of a datagram: other ones for another `seed`. */
static char PatternAt(size_t at, unsigned seed) {
  return (char)(seed * 31 + at * 7 + (at >> 8));
}

MAYBE_UNUSED static void Fill(void* data, size_t size, unsigned seed) {
  for (size_t i = 0; i < size; ++i) ((char*)data)[i] = PatternAt(i, seed);
}

MAYBE_UNUSED static int IsFilled(const void* data, size_t size, unsigned seed) {
  for (size_t i = 0; i < size; ++i)
    if (((const char*)data)[i] != PatternAt(i, seed)) return 0;
  return 1;
}

/* Sends `size` bytes of pattern, to `to` or, where that is null, to whom the socket is connected. */
MAYBE_UNUSED static long Send(int fd, const struct sockaddr_storage* to, size_t size, unsigned seed) {
  static char data[kMaxDatagram];
  Fill(data, size, seed);
  return sendto(fd, data, size, 0, (const struct sockaddr*)to, to == NULL ? 0 : g_size);
}

/* As Send(), which must not fail. */
MAYBE_UNUSED static void MustSend(int fd, const struct sockaddr_storage* to, size_t size, unsigned seed) {
  if (Send(fd, to, size, seed) != (long)size) Abandon("send");
}

/* Waits for a datagram; 0 if none comes. */
MAYBE_UNUSED static int Await(int fd) {
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  const int count = poll(&ready, 1, kPatienceMs);
  if (count != 1 || ready.revents != POLLIN) Print("poll: %d events %#x", count, (unsigned)ready.revents);
  return count == 1;
}

static int IsSame(const struct sockaddr_storage* a, const struct sockaddr_storage* b) {
  const struct sockaddr_in6 *a6 = (const struct sockaddr_in6*)a, *b6 = (const struct sockaddr_in6*)b;
  const struct sockaddr_in *a4 = (const struct sockaddr_in*)a, *b4 = (const struct sockaddr_in*)b;
  if (a->ss_family != b->ss_family) return 0;
  if (a->ss_family == AF_INET)
    return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
  return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
         memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

/* Who an address is that was all zeros before: "peer", "other", "none", "unwritten", or the address itself,
   which no case expects. */
MAYBE_UNUSED static const char* Who(const struct sockaddr_storage* address, socklen_t size) {
  static char text[160];
  char host[64] = "?";
  char port[16] = "?";
  if (size == 0) return "none";
  if (address->ss_family == AF_UNSPEC)
    return size == sizeof *address ? "unwritten" : "unwritten but the size";
  if (size == g_size && IsSame(address, &g_to)) return "peer";
  if (size == g_size && IsSame(address, &g_other)) return "other";
  getnameinfo((const struct sockaddr*)address, size, host, sizeof host, port, sizeof port,
              NI_NUMERICHOST | NI_NUMERICSERV);
  snprintf(text, sizeof text, "%s port %s size %u", host, port, (unsigned)size);
  return text;
}

/* The names of the bits in msg_flags, or "0". */
MAYBE_UNUSED static const char* FlagNames(int flags) {
  static const struct {
    int bit;
    const char* name;
  } kNames[] = {{MSG_TRUNC, "TRUNC"},       {MSG_CTRUNC, "CTRUNC"}, {MSG_OOB, "OOB"},
                {MSG_ERRQUEUE, "ERRQUEUE"}, {MSG_EOR, "EOR"},       {MSG_CMSG_CLOEXEC, "CLOEXEC"}};
  static char text[96];
  text[0] = '\0';
  for (size_t i = 0; i < sizeof kNames / sizeof *kNames; ++i) {
    if ((flags & kNames[i].bit) == 0) continue;
    if (text[0] != '\0') strcat(text, "|");
    strcat(text, kNames[i].name);
    flags &= ~kNames[i].bit;
  }
  if (flags != 0) snprintf(text + strlen(text), 16, "|%#x", (unsigned)flags);
  return text[0] == '\0' ? "0" : text;
}

/* Receives one datagram and says its length, whether it is the one with that `seed`, and its source. */
MAYBE_UNUSED static void SayEcho(const char* what, int fd, unsigned seed) {
  static char data[kMaxDatagram];
  struct sockaddr_storage from = {0};
  socklen_t size = sizeof from;
  const long got = recvfrom(fd, data, sizeof data, 0, (struct sockaddr*)&from, &size);
  if (got < 0)
    Print("%s: %s", what, strerrorname_np(errno));
  else
    Print("%s: %ld %s source %s", what, got, IsFilled(data, (size_t)got, seed) ? "intact" : "differs",
          Who(&from, size));
}

/* Whether nothing waits. */
MAYBE_UNUSED static void SayEmpty(const char* what, int fd) {
  char byte;
  Say(what, recv(fd, &byte, 1, MSG_DONTWAIT));
}

struct Case {
  const char* name;
  void (*run)(void);
  int is_apart; /* not one of "all" */
};

static void HandleAlarm(int number) {
  (void)number;
  static const char kText[] = ": hangs\n";
  if (write(STDOUT_FILENO, g_case, strlen(g_case)) < 0 || write(STDOUT_FILENO, kText, sizeof kText - 1) < 0)
    _exit(4);
  _exit(3);
}

static int ParsePeer(struct sockaddr_storage* to, const char* family, const char* host, int port) {
  struct sockaddr_in* v4 = (struct sockaddr_in*)to;
  struct sockaddr_in6* v6 = (struct sockaddr_in6*)to;
  if (strcmp(family, "4") == 0) {
    *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    g_size = sizeof *v4;
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
  }
  *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  g_size = sizeof *v6;
  return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
}

/* Runs the case that argv[4] names, or all; the last of `cases` has no name. */
MAYBE_UNUSED static int RunCases(const struct Case* cases, int argc, char** argv) {
  int ran = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGALRM, HandleAlarm);
  signal(SIGPIPE, SIG_IGN);
  if (argc != 5 || !ParsePeer(&g_to, argv[1], argv[2], atoi(argv[3])) ||
      !ParsePeer(&g_other, argv[1], argv[2], atoi(argv[3]) + 1)) {
    printf("%s FAMILY ADDRESS PORT CASE\n", argv[0]);
    return 2;
  }
  for (; cases->name != NULL; ++cases) {
    if (strcmp(argv[4], "all") == 0 ? cases->is_apart : strcmp(argv[4], cases->name) != 0) continue;
    g_case = cases->name;
    alarm(20);
    cases->run();
    alarm(0);
    ++ran;
  }
  if (ran == 0) printf("no such case\n");
  return ran == 0 ? 2 : 0;
}
