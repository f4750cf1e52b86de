/* SPDX-License-Identifier: BSD-2-Clause
   What the victims share that look at connections while they are pending. Each is `VICTIM MODE HOST PORT
   [HOST PORT]`: the first destination takes its time (some hundred milliseconds at least), the second does
   not. */
#pragma once

#include "victim.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

enum { kPatienceMs = 10000 };

static const struct addrinfo* g_to;    /* slow to connect, then an echo server or a refusal */
static const struct addrinfo* g_other; /* an echo server; null where the mode needs none */

/* Prints what a call returned, or the name of its errno. */
MAYBE_UNUSED static long Say(const char* what, long result) {
  if (result < 0)
    printf("%s: %s\n", what, strerrorname_np(errno));
  else
    printf("%s: %ld\n", what, result);
  return result;
}

MAYBE_UNUSED static void SaySocketError(const char* what, int fd) {
  int error = -1;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) Fail("getsockopt");
  printf("%s: %s\n", what, error == 0 ? "none" : strerrorname_np(error));
}

MAYBE_UNUSED static void SayPeer(const char* what, int fd, const struct addrinfo* to) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  if (getpeername(fd, (struct sockaddr*)&peer, &size) != 0)
    printf("%s: %s\n", what, strerrorname_np(errno));
  else
    printf("%s: %s\n", what, memcmp(&peer, to->ai_addr, size) == 0 ? "target" : "something else");
}

MAYBE_UNUSED static void SayEvents(const char* what, unsigned events) {
  static const struct {
    unsigned bit;
    const char* name;
  } kNames[] = {{POLLIN, "IN"},   {POLLOUT, "OUT"},   {POLLERR, "ERR"},
                {POLLHUP, "HUP"}, {POLLNVAL, "NVAL"}, {POLLRDHUP, "RDHUP"}};
  printf("%s:", what);
  for (size_t i = 0; i < sizeof kNames / sizeof *kNames; ++i)
    if ((events & kNames[i].bit) != 0) printf(" %s", kNames[i].name);
  printf("%s\n", events == 0 ? " nothing" : "");
}

/* poll(2) for one descriptor; the events that it reported, 0 at the end of its time. */
MAYBE_UNUSED static unsigned Poll(int fd, short events, int timeout_ms) {
  struct pollfd ready = {.fd = fd, .events = events};
  if (poll(&ready, 1, timeout_ms) < 0) Fail("poll");
  return (unsigned)ready.revents;
}

MAYBE_UNUSED static int Connect(int fd, const struct addrinfo* to) {
  return connect(fd, to->ai_addr, to->ai_addrlen);
}

/* A non-blocking socket whose connection is pending. */
MAYBE_UNUSED static int Start(void) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (Connect(fd, g_to) == 0 || errno != EINPROGRESS) {
    Say("connect", errno == 0 ? 0 : -1);
    exit(1);
  }
  return fd;
}

MAYBE_UNUSED static void SetBlocking(int fd) {
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) != 0) Fail("fcntl");
}

/* Says that a connection is there, and uses it. */
MAYBE_UNUSED static void Use(int fd, const struct addrinfo* to) {
  SaySocketError("error", fd);
  SayPeer("peer", fd, to);
  SetBlocking(fd);
  Echo(fd, "hello");
}

/* Waits for a pending connection, and uses it. */
MAYBE_UNUSED static void Finish(int fd) {
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  Use(fd, g_to);
}

MAYBE_UNUSED static void Pause(int milliseconds) {
  const struct timespec pause = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};
  nanosleep(&pause, NULL);
}

struct Mode {
  const char* name;
  void (*run)(void);
};

/* Runs the mode that argv[1] names; the last of `modes` has no name. */
MAYBE_UNUSED static int RunMode(const struct Mode* modes, int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGPIPE, SIG_IGN);
  if (argc > 3) g_to = Resolve(argv[2], argv[3], AF_INET);
  if (argc > 5) g_other = Resolve(argv[4], argv[5], AF_INET);
  for (; argc > 3 && modes->name != NULL; ++modes) {
    if (strcmp(modes->name, argv[1]) != 0) continue;
    modes->run();
    return 0;
  }
  printf("no such mode\n");
  return 2;
}
