/* SPDX-License-Identifier: BSD-2-Clause
   What all parts of the stress victim share: its options, its threads, their random numbers, and how a
   violation is said. A thread owns its connections and its private epoll sets; nobody else touches them. One
   epoll set is shared by all (stress_shared.h). */
#pragma once

#include "victim.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

enum {
  kMaxThreads = 64,
  kSlots = 8,       /* connections of one thread at a time */
  kPrivateSets = 2, /* epoll sets of one thread */
  kSharedSet = kPrivateSets,
  kSets = kPrivateSets + 1,
  kLineSize = 640,
  kPatienceMs = 20000, /* what does not come in this time is lost */
  kTraceLines = 1024,
  kTraceWidth = 100,
};

struct Options {
  uint64_t seed;
  unsigned threads;
  unsigned long operations; /* of each thread; 0 where seconds count */
  unsigned seconds;
  struct sockaddr_in destinations[2]; /* [0] echoes, [1] refuses */
  const char* without;                /* names of features, joined by commas */
  const char* fault;                  /* the expectation that is made wrong on purpose */
};
static struct Options g_options;

/* How often what was seen: the deterministic part of the output, all 0 in a world without faults. */
static struct {
  atomic_ulong violations, lost, wrong_bytes, misplaced_refusals;
} g_counts;
/* What was done, for people: differs from run to run. */
static struct {
  atomic_ulong operations, connections, pending, completed, refused, bytes, events, children;
} g_statistics;

/* Children that have been started, and that are known to be gone. While there are any, a socket that is
   closed may live on, and so may its registrations. */
static atomic_ulong g_forks_started, g_forks_over;

enum State {
  kUnused,
  kFresh,    /* no connection yet, or none any more */
  kPending,  /* connect() said EINPROGRESS, and nothing has said yet how it ended */
  kUp,       /* known to be connected */
  kRefused,  /* known to have failed; the error has not been taken yet */
  kConsumed, /* the error has been taken by SO_ERROR, read or write: a dead socket */
};

/* A socket's membership of one epoll set, as the kernel must have it. */
struct Registration {
  int is_live;
  int is_ghost;   /* made with a descriptor that has been closed, while a copy keeps it alive */
  uint32_t mask;  /* with EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE */
  int is_armed;   /* false once a one-shot event has come */
  int is_owed;    /* an event is due, at the latest when the connection is decided */
  int is_in_owed; /* an event with EPOLLIN is due for what has been sent */
};

struct Connection {
  enum State state;
  int fd;
  int alias; /* a copy made by dup or dup2; -1 for none */
  int is_refusing;
  int is_shut;
  int may_say_zero; /* connect() may return 0 once more */
  int was_shared;
  int is_spoilt; /* a violation was seen: what follows would only repeat it */
  uint32_t generation;
  char line[kLineSize];
  size_t length, sent, received;
  struct Registration registrations[kSets];
};

struct Worker {
  unsigned index;
  pthread_t thread;
  uint64_t random;
  unsigned long operation;
  uint32_t generation;
  int sets[kSets];
  struct Connection connections[kSlots];
  uint64_t tolerated[4096]; /* tags of registrations that a child may have kept alive */
  unsigned tolerated_count;
  char trace[kTraceLines][kTraceWidth];
  unsigned traced;
};
static struct Worker g_workers[kMaxThreads];

static uint64_t Next(struct Worker* worker) { /* splitmix64 */
  uint64_t value = worker->random += 0x9e3779b97f4a7c15U;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
  value = (value ^ value >> 27) * 0x94d049bb133111ebU;
  return value ^ value >> 31;
}
static unsigned Below(struct Worker* worker, unsigned bound) {
  return (unsigned)(Next(worker) % bound);
}
static int OneIn(struct Worker* worker, unsigned bound) {
  return Below(worker, bound) == 0;
}

static int IsListed(const char* list, const char* name) {
  const size_t size = strlen(name);
  for (const char* at = list; (at = strstr(at, name)) != NULL; at += size)
    if ((at == list || at[-1] == ',') && (at[size] == ',' || at[size] == '\0')) return 1;
  return 0;
}
static int Has(const char* feature) {
  return !IsListed(g_options.without, feature);
}
static int HasFault(const char* fault) {
  return IsListed(g_options.fault, fault);
}

static long NowMs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char* ErrorName(int error) {
  const char* name = error == 0 ? "0" : strerrorname_np(error);
  return name != NULL ? name : "?";
}

/* Keeps the thread's last steps, for who has to understand a violation. */
__attribute__((format(printf, 2, 3))) static void Trace(struct Worker* worker, const char* format, ...) {
  char* line = worker->trace[worker->traced++ % kTraceLines];
  const int size = snprintf(line, kTraceWidth, "%lu ", worker->operation);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line + size, (size_t)(kTraceWidth - size), format, arguments);
  va_end(arguments);
}

/* The last steps of a thread with one of its connections, and its very last ones with any. */
static void SayTrace(const struct Worker* worker, const struct Connection* connection) {
  const unsigned first = worker->traced > kTraceLines ? worker->traced - kTraceLines : 0;
  for (unsigned i = first; i < worker->traced; ++i) {
    const char* line = worker->trace[i % kTraceLines];
    const char* of = strchr(line, ' ');
    if (i + 12 >= worker->traced ||
        (connection != NULL && of != NULL && (uint32_t)atoi(of) == connection->generation))
      fprintf(stderr, "  [%u] %s\n", worker->index, line);
  }
}

/* Says what is wrong; the thread's last steps go to standard error. `connection` may be null. */
__attribute__((format(printf, 3, 4))) static void Violation(struct Worker* worker,
                                                            struct Connection* connection, const char* format,
                                                            ...) {
  static const char* const kStates[] = {"unused", "fresh", "pending", "up", "refused", "consumed"};
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  const unsigned long count = atomic_fetch_add(&g_counts.violations, 1);
  if (count < 20) {
    printf("violation: seed %llu thread %u operation %lu", (unsigned long long)g_options.seed, worker->index,
           worker->operation);
    if (connection != NULL)
      printf(" connection %u (%s%s, descriptor %d)", connection->generation, kStates[connection->state],
             connection->is_refusing ? ", refusing" : "", connection->fd);
    printf(": ");
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
  }
  if (count < 5) SayTrace(worker, connection);
  /* It has been noticed; to go on would be to wait for what the fault takes away. */
  if (*g_options.fault != '\0') exit(1);
  pthread_mutex_unlock(&mutex);
  if (connection != NULL) connection->is_spoilt = 1;
}

static void Lost(struct Worker* worker, struct Connection* connection, const char* what) {
  atomic_fetch_add(&g_counts.lost, 1);
  Violation(worker, connection, "lost: %s", what);
}
