/* SPDX-License-Identifier: BSD-2-Clause
   many [-t] WAY COUNT HOST PORT [refused]: starts COUNT non-blocking connects at once, waits for all of them
   in one of the WAYs, exchanges a line on each, and counts what happened. Ends with 0 when all were connected
   (or refused).

   early     readiness was shown while the socket was not connected and had no error
   spurious  a wait ended before its time without anything to do, or a read that it had promised found nothing
   wrong     the echo was not what was sent
   strangers getpeername(2) told of somebody else than the destination
   -t        adds the milliseconds from the first connect(2) to the last connection or refusal; lines are
   exchanged only after that, so that they do not count */
#include "victim.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>

enum { kMost = 4096, kPatienceMs = 10000, kLine = 16 };

enum State { kConnecting, kAnswering, kOver };

struct Connection {
  int fd;
  enum State state;
  size_t got;
  char answer[kLine];
};

/* A way of waiting. `wait` calls Ready() for what is ready, and returns as poll(2). */
struct Way {
  const char* name;
  unsigned flags; /* of every registration in an epoll set */
  void (*add)(int index);
  void (*change)(int index); /* the connection now waits for its answer */
  int (*wait)(int timeout_ms);
  int is_before; /* registered before connect(2) */
};

static struct Connection g_connections[kMost];
static int g_count;
static int g_over;
static int g_is_timed;
static long g_milliseconds; /* what -t prints */
static int g_set = -1;      /* holds the sockets */
static int g_outer = -1;    /* holds g_set */
static const struct Way* g_way;
static const struct addrinfo* g_to;
static struct {
  int connected, refused, failed, early, spurious, wrong, strangers;
} g_seen;

static void End(struct Connection* connection) {
  close(connection->fd);
  connection->state = kOver;
  ++g_over;
}

static size_t MakeLine(char* line, int index) {
  return (size_t)snprintf(line, kLine, "line %d\n", index);
}

static void SendLine(int index) {
  char line[kLine];
  const size_t length = MakeLine(line, index);
  if (send(g_connections[index].fd, line, length, MSG_NOSIGNAL) != (ssize_t)length) Fail("send");
}

static void FinishConnecting(int index) {
  struct Connection* const connection = &g_connections[index];
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  int error = 0;
  socklen_t error_size = sizeof error;
  getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
  if (error != 0) {
    if (error == ECONNREFUSED)
      ++g_seen.refused;
    else if (g_seen.failed++ == 0)
      printf("error %s\n", strerrorname_np(error));
    End(connection);
    return;
  }
  if (getpeername(connection->fd, (struct sockaddr*)&peer, &size) != 0) {
    ++g_seen.early;
    return;
  }
  if (memcmp(&peer, g_to->ai_addr, size) != 0) ++g_seen.strangers;
  ++g_seen.connected;
  connection->state = kAnswering;
  if (g_way->change != NULL) g_way->change(index);
  if (!g_is_timed) SendLine(index);
}

static void ReadAnswer(int index) {
  struct Connection* const connection = &g_connections[index];
  char line[kLine];
  const size_t length = MakeLine(line, index);
  const ssize_t count =
      recv(connection->fd, connection->answer + connection->got, length - connection->got, 0);
  if (count < 0 && errno == EAGAIN) {
    ++g_seen.spurious;
    return;
  }
  if (count > 0) connection->got += (size_t)count;
  if (count > 0 && connection->got < length) return;
  if (connection->got != length || memcmp(line, connection->answer, length) != 0) ++g_seen.wrong;
  End(connection);
}

static void Ready(int index, unsigned events) {
  const unsigned kBad = POLLERR | POLLHUP | POLLNVAL;
  switch (g_connections[index].state) {
    case kConnecting: FinishConnecting(index); break;
    case kAnswering:
      /* An edge-triggered set may speak of being writable once more. */
      if ((events & (POLLIN | kBad)) != 0) ReadAnswer(index);
      break;
    case kOver: ++g_seen.spurious; break;
  }
}

/* select(2) and poll(2): everything is told anew with every wait. */

static int WaitSelect(int timeout_ms, int is_pselect) {
  fd_set readable;
  fd_set writable;
  struct timeval limit = {.tv_sec = timeout_ms / 1000};
  const struct timespec precise = {.tv_sec = timeout_ms / 1000};
  int highest = -1;
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  for (int i = 0; i < g_count; ++i) {
    const struct Connection* const connection = &g_connections[i];
    if (connection->state == kOver) continue;
    if (connection->fd >= FD_SETSIZE) {
      printf("a descriptor too high for select\n");
      exit(1);
    }
    FD_SET(connection->fd, connection->state == kConnecting ? &writable : &readable);
    if (connection->fd > highest) highest = connection->fd;
  }
  const int count = is_pselect ? pselect(highest + 1, &readable, &writable, NULL, &precise, NULL)
                               : select(highest + 1, &readable, &writable, NULL, &limit);
  for (int i = 0; count > 0 && i < g_count; ++i) {
    const struct Connection* const connection = &g_connections[i];
    if (connection->state == kOver) continue;
    if (FD_ISSET(connection->fd, &writable))
      Ready(i, POLLOUT);
    else if (FD_ISSET(connection->fd, &readable))
      Ready(i, POLLIN);
  }
  return count;
}
static int Select(int timeout_ms) {
  return WaitSelect(timeout_ms, 0);
}
static int Pselect(int timeout_ms) {
  return WaitSelect(timeout_ms, 1);
}

static int WaitPoll(int timeout_ms, int is_ppoll) {
  static struct pollfd entries[kMost];
  static int indices[kMost];
  const struct timespec limit = {.tv_sec = timeout_ms / 1000};
  nfds_t size = 0;
  for (int i = 0; i < g_count; ++i) {
    const struct Connection* const connection = &g_connections[i];
    if (connection->state == kOver) continue;
    indices[size] = i;
    entries[size++] =
        (struct pollfd){.fd = connection->fd, .events = connection->state == kConnecting ? POLLOUT : POLLIN};
  }
  const int count = is_ppoll ? ppoll(entries, size, &limit, NULL) : poll(entries, size, timeout_ms);
  for (nfds_t i = 0; count > 0 && i < size; ++i)
    if (entries[i].revents != 0) Ready(indices[i], (unsigned)entries[i].revents);
  return count;
}
static int PlainPoll(int timeout_ms) {
  return WaitPoll(timeout_ms, 0);
}
static int Ppoll(int timeout_ms) {
  return WaitPoll(timeout_ms, 1);
}

/* epoll(7): sockets are registered. */

static void Control(int operation, int index, unsigned events) {
  struct epoll_event event = {.events = events | g_way->flags, .data.u32 = (uint32_t)index};
  if (epoll_ctl(g_set, operation, g_connections[index].fd, &event) != 0) Fail("epoll_ctl");
}
static void Add(int index) {
  Control(EPOLL_CTL_ADD, index, EPOLLOUT);
}
static void AddBoth(int index) {
  Control(EPOLL_CTL_ADD, index, EPOLLIN | EPOLLOUT);
}
static void Change(int index) {
  Control(EPOLL_CTL_MOD, index, EPOLLIN);
}

static int Report(const struct epoll_event* events, int count) {
  for (int i = 0; i < count; ++i) Ready((int)events[i].data.u32, events[i].events);
  return count;
}

enum { kRoom = 64 };

static int EpollWait(int timeout_ms) {
  struct epoll_event events[kRoom];
  return Report(events, epoll_wait(g_set, events, kRoom, timeout_ms));
}

static int EpollPwait(int timeout_ms) {
  struct epoll_event events[kRoom];
  return Report(events, epoll_pwait(g_set, events, kRoom, timeout_ms, NULL));
}

static int EpollPwait2(int timeout_ms) {
  struct epoll_event events[kRoom];
  const struct timespec limit = {.tv_sec = timeout_ms / 1000};
  return Report(events, epoll_pwait2(g_set, events, kRoom, &limit, NULL));
}

static int EpollInEpoll(int timeout_ms) {
  struct epoll_event event;
  const int count = epoll_wait(g_outer, &event, 1, timeout_ms);
  if (count == 1 && EpollWait(0) == 0) ++g_seen.spurious;
  return count;
}

static int EpollInPoll(int timeout_ms) {
  struct pollfd entry = {.fd = g_set, .events = POLLIN};
  const int count = poll(&entry, 1, timeout_ms);
  if (count == 1 && EpollWait(0) == 0) ++g_seen.spurious;
  return count;
}

static int EpollInSelect(int timeout_ms) {
  struct timeval limit = {.tv_sec = timeout_ms / 1000};
  fd_set readable;
  FD_ZERO(&readable);
  FD_SET(g_set, &readable);
  const int count = select(g_set + 1, &readable, NULL, NULL, &limit);
  if (count == 1 && EpollWait(0) == 0) ++g_seen.spurious;
  return count;
}

static const struct Way kWays[] = {
    {"select", 0, NULL, NULL, Select, 0},
    {"pselect", 0, NULL, NULL, Pselect, 0},
    {"poll", 0, NULL, NULL, PlainPoll, 0},
    {"ppoll", 0, NULL, NULL, Ppoll, 0},
    {"epoll", 0, Add, Change, EpollWait, 0},
    {"epollet", EPOLLET, AddBoth, NULL, EpollWait, 0},
    {"epolloneshot", EPOLLONESHOT, Add, Change, EpollWait, 0},
    {"epollbefore", EPOLLET, AddBoth, NULL, EpollWait, 1},
    {"epoll_pwait", 0, Add, Change, EpollPwait, 0},
    {"epoll_pwait2", 0, Add, Change, EpollPwait2, 0},
    {"epollinepoll", 0, Add, Change, EpollInEpoll, 0},
    {"epollinpoll", 0, Add, Change, EpollInPoll, 0},
    {"epollinselect", 0, Add, Change, EpollInSelect, 0},
};

static long Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* All are connected or over; with -t none of them has sent anything so far. */
static void EndTiming(long started) {
  g_milliseconds = Now() - started;
  if (g_milliseconds == 0) g_milliseconds = 1;
  for (int i = 0; g_is_timed && i < g_count; ++i)
    if (g_connections[i].state == kAnswering) SendLine(i);
}

static void Start(int index) {
  struct Connection* const connection = &g_connections[index];
  connection->fd = socket(g_to->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (connection->fd < 0) Fail("socket");
  if (g_way->is_before) g_way->add(index);
  if (connect(connection->fd, g_to->ai_addr, g_to->ai_addrlen) != 0 && errno != EINPROGRESS) {
    if (errno != ECONNREFUSED) Fail("connect");
    ++g_seen.refused;
    End(connection);
    return;
  }
  if (!g_way->is_before && g_way->add != NULL) g_way->add(index);
}

static void OpenSets(void) {
  struct epoll_event inner = {.events = EPOLLIN};
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  g_set = epoll_create1(0);
  g_outer = epoll_create1(0);
  if (epoll_ctl(g_outer, EPOLL_CTL_ADD, g_set, &inner) != 0) Fail("epoll_ctl");
}

int main(int argc, char** argv) {
  g_is_timed = argc > 1 && strcmp(argv[1], "-t") == 0;
  argv += g_is_timed;
  argc -= g_is_timed;
  for (size_t i = 0; argc > 4 && i < sizeof kWays / sizeof *kWays; ++i)
    if (strcmp(kWays[i].name, argv[1]) == 0) g_way = &kWays[i];
  g_count = argc > 4 ? atoi(argv[2]) : 0;
  if (g_way == NULL || g_count < 1 || g_count > kMost) {
    printf("many [-t] WAY COUNT HOST PORT [refused]\n");
    return 2;
  }
  const int is_refused = argc > 5;
  g_to = Resolve(argv[3], argv[4], AF_INET);
  OpenSets();
  const long started = Now();
  for (int i = 0; i < g_count; ++i) Start(i);
  while (g_over < g_count) {
    if (g_milliseconds == 0 && g_seen.connected + g_over >= g_count) EndTiming(started);
    const long before = Now();
    const int count = g_way->wait(kPatienceMs);
    if (count > 0) continue;
    /* Nothing here sends signals. */
    if (count < 0 && errno != EINTR) Fail("wait");
    if (count == 0 && Now() - before >= kPatienceMs - 1) break;
    ++g_seen.spurious;
  }
  if (g_milliseconds == 0) EndTiming(started);
  if (g_is_timed) printf("milliseconds %ld\n", g_milliseconds);
  printf("connected %d\nrefused %d\nfailed %d\nhanging %d\n", g_seen.connected, g_seen.refused, g_seen.failed,
         g_count - g_over);
  printf("early %d\nspurious %d\nwrong %d\nstrangers %d\n", g_seen.early, g_seen.spurious, g_seen.wrong,
         g_seen.strangers);
  const int expected = is_refused ? g_seen.refused : g_seen.connected;
  return expected == g_count && g_seen.early + g_seen.spurious + g_seen.wrong + g_seen.strangers == 0 ? 0 : 1;
}
