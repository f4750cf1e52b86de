/* SPDX-License-Identifier: BSD-2-Clause
   stress SEED THREADS AMOUNT ECHO_HOST:PORT REFUSING_HOST:PORT [without=FEATURE,...] [fault=NAME,...]

   Threads that connect, wait, transfer, copy, fork and close at random, each with a model of what every call
   may say (stress_*.h). AMOUNT is a number of steps for each thread, or seconds with an "s" behind it. The
   same SEED makes each thread try the same steps, as far as its steps do not depend on what the network does.
   Standard output says only what must be the same in every run, and the violations; statistics and the last
   steps before a violation go to standard error. Ends with 1 after a violation, with 3 when it hangs.

   without= leaves features out, to narrow a violation down: epoll, shared (the set that all threads share),
   nested (poll on an epoll set), fork, childpending (children that finish a pending connection), ghosts
   (registrations that outlive their descriptor), disconnect (connect to AF_UNSPEC), again (a second connect),
   reconnect (a second attempt after a failed one), timelimit (SO_SNDTIMEO). fault= makes an expectation
   wrong, to see that a violation is noticed: bytes, data, oneshot, readiness, refusal. */
#include "stress_steps.h"

static void* Work(void* argument) {
  struct Worker* worker = argument;
  const long end = NowMs() + g_options.seconds * 1000L;
  while (g_options.operations != 0 ? worker->operation < g_options.operations : NowMs() < end) Step(worker);
  for (int i = 0; i < kSlots; ++i)
    if (worker->connections[i].state != kUnused) Finish(worker, &worker->connections[i]);
  for (int set = 0; set < kPrivateSets; ++set) close(worker->sets[set]);
  return NULL;
}

/* Nothing here is safe in a signal handler but what it uses: the threads hang, and their steps stay as they
 * are. */
static void SayHanging(int number) {
  (void)number;
  static const char kText[] = "hanging; the threads' last steps are on standard error\n";
  (void)!write(STDOUT_FILENO, kText, sizeof kText - 1);
  for (unsigned i = 0; i < g_options.threads; ++i) {
    const struct Worker* worker = &g_workers[i];
    for (unsigned back = 3; back > 0; --back) {
      const char* line = worker->trace[(worker->traced - back) % kTraceLines];
      (void)!write(STDERR_FILENO, line, strnlen(line, kTraceWidth));
      (void)!write(STDERR_FILENO, "\n", 1);
    }
  }
  _exit(3);
}

static void ParseDestination(char* text, struct sockaddr_in* to) {
  char* colon = strrchr(text, ':');
  if (colon == NULL) {
    fprintf(stderr, "stress: HOST:PORT expected, found %s\n", text);
    exit(2);
  }
  *colon = '\0';
  struct addrinfo* found = Resolve(text, colon + 1, AF_INET);
  memcpy(to, found->ai_addr, sizeof *to);
  freeaddrinfo(found);
}

static void ParseOptions(int argc, char** argv) {
  if (argc < 6) {
    fprintf(
        stderr,
        "usage: stress SEED THREADS AMOUNT ECHO_HOST:PORT REFUSING_HOST:PORT [without=...] [fault=...]\n");
    exit(2);
  }
  char* unit = NULL;
  g_options.seed = strtoull(argv[1], NULL, 0);
  g_options.threads = (unsigned)atoi(argv[2]);
  g_options.operations = strtoul(argv[3], &unit, 10);
  if (*unit == 's') {
    g_options.seconds = (unsigned)g_options.operations;
    g_options.operations = 0;
  }
  if (g_options.threads < 1 || g_options.threads > kMaxThreads) g_options.threads = kMaxThreads;
  ParseDestination(argv[4], &g_options.destinations[0]);
  ParseDestination(argv[5], &g_options.destinations[1]);
  g_options.without = g_options.fault = "";
  for (int i = 6; i < argc; ++i) {
    if (strncmp(argv[i], "without=", 8) == 0) g_options.without = argv[i] + 8;
    if (strncmp(argv[i], "fault=", 6) == 0) g_options.fault = argv[i] + 6;
  }
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  ParseOptions(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGALRM, SayHanging);
  /* libc's fork() blocks signals; a child that ends meanwhile would interrupt a wait of another thread. */
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &children, NULL);
  alarm(g_options.seconds + 5 * kPatienceMs / 1000);
  const int shared = epoll_create1(EPOLL_CLOEXEC);
  for (unsigned i = 0; i < g_options.threads; ++i) {
    struct Worker* worker = &g_workers[i];
    worker->index = i;
    worker->random = g_options.seed * kMaxThreads + i;
    for (int set = 0; set < kPrivateSets; ++set) worker->sets[set] = epoll_create1(EPOLL_CLOEXEC);
    worker->sets[kSharedSet] = shared;
  }
  for (unsigned i = 0; i < g_options.threads; ++i)
    if (pthread_create(&g_workers[i].thread, NULL, Work, &g_workers[i]) != 0) Fail("pthread_create");
  for (unsigned i = 0; i < g_options.threads; ++i) pthread_join(g_workers[i].thread, NULL);

  fprintf(
      stderr,
      "seed %llu: %lu steps, %lu sockets, %lu pending, %lu connected, %lu refused, %lu bytes, %lu events, "
      "%lu children\n",
      (unsigned long long)g_options.seed, g_statistics.operations, g_statistics.connections,
      g_statistics.pending, g_statistics.completed, g_statistics.refused, g_statistics.bytes,
      g_statistics.events, g_statistics.children);
  printf("violations %lu\nlost %lu\nwrong bytes %lu\nmisplaced refusals %lu\n", g_counts.violations,
         g_counts.lost, g_counts.wrong_bytes, g_counts.misplaced_refusals);
  return g_counts.violations == 0 ? 0 : 1;
}
