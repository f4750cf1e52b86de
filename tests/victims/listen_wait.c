/* SPDX-License-Identifier: BSD-2-Clause
   listen_wait FAMILY CASE...: accepts connections one after another, and waits for them in every way. */
#include "listen.h"

#include <pthread.h>

static int g_family = AF_INET;
enum { kPeers = 3 };

static void WaitPoll(int fd) {
  struct pollfd one = {.fd = fd, .events = POLLIN};
  if (poll(&one, 1, -1) != 1) Fail("poll");
  if (one.revents != POLLIN) printf("revents %#x\n", (unsigned)one.revents);
}
static void WaitPpoll(int fd) {
  struct pollfd one = {.fd = fd, .events = POLLIN};
  const struct timespec limit = {.tv_sec = 15};
  if (ppoll(&one, 1, &limit, NULL) != 1) Fail("ppoll");
}
static void WaitSelect(int fd) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(fd, &set);
  if (select(fd + 1, &set, NULL, NULL, NULL) != 1) Fail("select");
}
static void WaitPselect(int fd) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(fd, &set);
  if (pselect(fd + 1, &set, NULL, NULL, NULL, NULL) != 1) Fail("pselect");
}

static void Plain(int flags, int by_accept4) {
  const int fd = ListenAny(g_family, 0);
  const uint16_t port = OwnPort(fd);
  for (int i = 0; i < kPeers; ++i) {
    OrderPeer(port);
    if (by_accept4) {
      AcceptAndServe(fd, flags, port);
    } else {
      struct sockaddr_storage from;
      socklen_t size = sizeof from;
      const int accepted = accept(fd, (struct sockaddr*)&from, &size);
      Serve(accepted, &from, size, port);
    }
  }
  close(fd);
}

/* Two peers at once, no address asked for. */
static void Together(void) {
  const int fd = ListenAny(g_family, 0);
  const uint16_t port = OwnPort(fd);
  for (int i = 0; i < kPeers; ++i) OrderPeer(port);
  for (int i = 0; i < kPeers; ++i) Serve(accept(fd, NULL, NULL), NULL, 0, port);
  close(fd);
}

static void Readiness(void (*wait_for)(int), int type) {
  const int fd = ListenAny(g_family, type);
  const uint16_t port = OwnPort(fd);
  for (int i = 0; i < kPeers; ++i) {
    OrderPeer(port);
    wait_for(fd);
    AcceptAndServe(fd, 0, port);
  }
  close(fd);
}

static void Add(int set, int fd, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.u64 = 77};
  if (epoll_ctl(set, operation, fd, &event) != 0) Fail("epoll_ctl");
}

static void WaitEpoll(int set) {
  struct epoll_event event = {0};
  if (epoll_wait(set, &event, 1, 15000) != 1) Fail("epoll_wait");
  if (event.data.u64 != 77 || (event.events & EPOLLIN) == 0) printf("events %#x\n", event.events);
}

/* Accepts what there is, until EAGAIN, as one must with EPOLLET. */
static int AcceptAll(int fd, uint16_t port) {
  int count = 0;
  for (;;) {
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    const int accepted = accept4(fd, (struct sockaddr*)&from, &size, SOCK_CLOEXEC);
    if (accepted < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return count;
    Serve(accepted, &from, size, port);
    ++count;
  }
}

static void Epoll(uint32_t events, int is_early) {
  const int set = epoll_create1(EPOLL_CLOEXEC);
  int fd;
  if (is_early) {
    fd = socket(g_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    Add(set, fd, events, EPOLL_CTL_ADD);
    struct sockaddr_storage any = {.ss_family = (sa_family_t)g_family};
    if (bind(fd, (struct sockaddr*)&any,
             g_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) != 0)
      Fail("bind");
    if (listen(fd, 8) != 0) Fail("listen");
  } else {
    fd = ListenAny(g_family, SOCK_NONBLOCK);
    Add(set, fd, events, EPOLL_CTL_ADD);
  }
  const uint16_t port = OwnPort(fd);
  for (int served = 0; served < kPeers;) {
    OrderPeer(port);
    for (int got = 0; got == 0; served += got) {
      WaitEpoll(set);
      got = AcceptAll(fd, port);
      if ((events & EPOLLONESHOT) != 0) Add(set, fd, events, EPOLL_CTL_MOD);
    }
  }
  if (epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) != 0) Fail("EPOLL_CTL_DEL");
  close(fd);
  close(set);
}

static void* AcceptOne(void* listener) {
  const int fd = accept(*(int*)listener, NULL, NULL);
  if (fd < 0) printf("accept: %s\n", strerrorname_np(errno));
  return (void*)(intptr_t)fd;
}

/* Several threads in accept(2) at once. */
static void Threads(void) {
  int fd = ListenAny(g_family, 0);
  const uint16_t port = OwnPort(fd);
  pthread_t threads[kPeers];
  for (int i = 0; i < kPeers; ++i) pthread_create(&threads[i], NULL, AcceptOne, &fd);
  for (int i = 0; i < kPeers; ++i) OrderPeer(port);
  for (int i = 0; i < kPeers; ++i) {
    void* accepted;
    pthread_join(threads[i], &accepted);
    Serve((int)(intptr_t)accepted, NULL, 0, port);
  }
  close(fd);
}

static void* PollAndAccept(void* listener) {
  WaitPoll(*(int*)listener);
  return AcceptOne(listener);
}

/* One waits in poll(2), the other in accept(2). */
static void PollingThread(void) {
  int fd = ListenAny(g_family, 0);
  const uint16_t port = OwnPort(fd);
  pthread_t threads[2];
  pthread_create(&threads[0], NULL, PollAndAccept, &fd);
  pthread_create(&threads[1], NULL, AcceptOne, &fd);
  OrderPeer(port);
  OrderPeer(port);
  for (int i = 0; i < 2; ++i) {
    void* accepted;
    pthread_join(threads[i], &accepted);
    Serve((int)(intptr_t)accepted, NULL, 0, port);
  }
  close(fd);
}

/* The parent listens, its children accept, as prefork servers do. */
static void Forked(void) {
  const int fd = ListenAny(g_family, 0);
  const uint16_t port = OwnPort(fd);
  for (int i = 0; i < kPeers; ++i) {
    fflush(stdout);
    if (fork() == 0) {
      AcceptAndServe(fd, 0, port);
      fflush(stdout);
      _exit(0);
    }
    OrderPeer(port);
    int status = 0;
    wait(&status);
    printf("child %d\n", status);
  }
  /* And the parent once more. */
  OrderPeer(port);
  AcceptAndServe(fd, 0, port);
  close(fd);
}

/* Every peer gets a process, which closes the listener; the parent closes the connection. */
static void ForkedForEach(void) {
  const int fd = ListenAny(g_family, 0);
  const uint16_t port = OwnPort(fd);
  for (int i = 0; i < kPeers; ++i) {
    OrderPeer(port);
    const int accepted = accept(fd, NULL, NULL);
    fflush(stdout);
    if (fork() == 0) {
      close(fd);
      Serve(accepted, NULL, 0, port);
      fflush(stdout);
      _exit(0);
    }
    close(accepted);
    int status = 0;
    wait(&status);
    printf("child %d\n", status);
  }
  close(fd);
}

static void Copies(void) {
  const int first = BindAny(g_family, 0, 0);
  const int before = dup(first);
  if (listen(first, 8) != 0) Fail("listen");
  const int after = fcntl(first, F_DUPFD_CLOEXEC, 40);
  const uint16_t port = OwnPort(before);
  printf("ports %s\n", OwnPort(after) == port && OwnPort(first) == port ? "alike" : "differ");
  const int all[] = {before, after, first};
  for (int i = 0; i < 3; ++i) {
    OrderPeer(port);
    WaitPoll(all[i]);
    AcceptAndServe(all[i], 0, port);
    close(all[i]);
  }
}

static void TimedOut(void) {
  const int fd = ListenAny(g_family, 0);
  const struct timeval limit = {.tv_usec = 50000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  printf("accept %d", accept(fd, NULL, NULL));
  printf(" %s", strerrorname_np(errno));
  clock_gettime(CLOCK_MONOTONIC, &end);
  const long long ns = (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec;
  printf(" %s\n", ns >= 49000000 ? "in its time" : "too early");
  close(fd);
}

static void Nobody(void) {
  const int fd = ListenAny(g_family, SOCK_NONBLOCK);
  const uint16_t port = OwnPort(fd);
  printf("accept %d", accept(fd, NULL, NULL));
  printf(" %s\n", strerrorname_np(errno));
  struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT};
  printf("poll %d\n", poll(&one, 1, 20));
  OrderPeer(port);
  WaitPoll(fd);
  AcceptAndServe(fd, SOCK_NONBLOCK, port);
  printf("accept %d", accept(fd, NULL, NULL));
  printf(" %s\n", strerrorname_np(errno));
  /* fcntl(2) rules the listener, not what it gives. */
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  OrderPeer(port);
  AcceptAndServe(fd, 0, port);
  close(fd);
}

static void OnAlarm(int signal) {
  (void)signal;
}

static void Interrupted(int flags) {
  const int fd = ListenAny(g_family, 0);
  const uint16_t port = OwnPort(fd);
  struct sigaction action = {.sa_handler = OnAlarm, .sa_flags = flags};
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval soon = {.it_value.tv_usec = 30000};
  setitimer(ITIMER_REAL, &soon, NULL);
  if ((flags & SA_RESTART) != 0) {
    /* The signal comes before the peer, who is ordered by another process in its time. */
    fflush(stdout);
    if (fork() == 0) {
      const struct timespec pause = {.tv_nsec = 60000000};
      nanosleep(&pause, NULL);
      OrderPeer(port);
      _exit(0);
    }
  } else {
    printf("accept %d", accept(fd, NULL, NULL));
    printf(" %s\n", strerrorname_np(errno));
    OrderPeer(port);
  }
  AcceptAndServe(fd, 0, port);
  close(fd);
}

static void CleanUp(void* text) {
  printf("%s\n", (const char*)text);
}
static void* AcceptForEver(void* listener) {
  pthread_cleanup_push(CleanUp, "cleaned up");
  accept(*(int*)listener, NULL, NULL);
  pthread_cleanup_pop(0);
  return NULL;
}

/* accept(2) is a cancellation point; afterwards another one works. */
static void Cancelled(void) {
  int fd = ListenAny(g_family, 0);
  const uint16_t port = OwnPort(fd);
  const struct timespec pause = {.tv_nsec = 30000000};
  pthread_t thread;
  void* result;
  pthread_create(&thread, NULL, AcceptForEver, &fd);
  nanosleep(&pause, NULL);
  pthread_cancel(thread);
  pthread_join(thread, &result);
  printf("%s\n", result == PTHREAD_CANCELED ? "cancelled" : "returned");
  OrderPeer(port);
  AcceptAndServe(fd, 0, port);
  close(fd);
}

/* The file that is being accepted from is shut down by another thread. */
static void* ShutDown(void* listener) {
  const struct timespec pause = {.tv_nsec = 30000000};
  nanosleep(&pause, NULL);
  printf("shutdown %d\n", shutdown(*(int*)listener, SHUT_RDWR));
  return NULL;
}
static void ShutDownMeanwhile(void) {
  int fd = ListenAny(g_family, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, ShutDown, &fd);
  const int result = accept(fd, NULL, NULL);
  const int error = errno;
  pthread_join(thread, NULL);
  printf("accept %d %s\n", result, strerrorname_np(error));
  close(fd);
}

static void vForked(void) {
  const int fd = ListenAny(g_family, SOCK_CLOEXEC);
  const uint16_t port = OwnPort(fd);
  const pid_t child = vfork();
  if (child == 0) {
    close(fd);
    execl("/bin/true", "true", (char*)NULL);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("child %d\n", status);
  OrderPeer(port);
  AcceptAndServe(fd, 0, port);
  close(fd);
}

/* A daemon closes everything but its listener. */
static void ClosesAll(void) {
  const int fd = ListenAny(g_family, 0);
  const uint16_t port = OwnPort(fd);
  const int spared[] = {0, 1, 2, g_orders, fd};
  for (int i = 3; i < 1024; ++i) {
    if (i != spared[3] && i != spared[4]) close(i);
  }
  for (int i = 0; i < kPeers; ++i) {
    OrderPeer(port);
    AcceptAndServe(fd, 0, port);
  }
  close(fd);
}

static void Run(const char* name) {
  const struct {
    const char* name;
    void (*wait_for)(int);
  } waits[] = {{"poll", WaitPoll}, {"ppoll", WaitPpoll}, {"select", WaitSelect}, {"pselect", WaitPselect}};
  for (size_t i = 0; i < sizeof waits / sizeof *waits; ++i) {
    if (strcmp(name, waits[i].name) == 0) Readiness(waits[i].wait_for, i % 2 == 0 ? 0 : SOCK_NONBLOCK);
  }
  const struct {
    const char* name;
    uint32_t events;
    int is_early;
  } epolls[] = {{"level", EPOLLIN, 0},
                {"edge", EPOLLIN | EPOLLET, 0},
                {"oneshot", EPOLLIN | EPOLLONESHOT, 0},
                {"exclusive", EPOLLIN | EPOLLEXCLUSIVE, 0},
                {"early", EPOLLIN, 1},
                {"early-edge", EPOLLIN | EPOLLPRI | EPOLLERR | EPOLLHUP | EPOLLET, 1},
                {"early-all", EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 1}};
  for (size_t i = 0; i < sizeof epolls / sizeof *epolls; ++i) {
    if (strcmp(name, epolls[i].name) == 0) Epoll(epolls[i].events, epolls[i].is_early);
  }
  if (strcmp(name, "accept") == 0) Plain(0, 0);
  if (strcmp(name, "accept4") == 0) Plain(0, 1);
  if (strcmp(name, "nonblock") == 0) Plain(SOCK_NONBLOCK, 1);
  if (strcmp(name, "cloexec") == 0) Plain(SOCK_CLOEXEC, 1);
  if (strcmp(name, "both") == 0) Plain(SOCK_CLOEXEC | SOCK_NONBLOCK, 1);
  if (strcmp(name, "together") == 0) Together();
  if (strcmp(name, "threads") == 0) Threads();
  if (strcmp(name, "polling-thread") == 0) PollingThread();
  if (strcmp(name, "forked") == 0) Forked();
  if (strcmp(name, "forked-for-each") == 0) ForkedForEach();
  if (strcmp(name, "copies") == 0) Copies();
  if (strcmp(name, "timed-out") == 0) TimedOut();
  if (strcmp(name, "nobody") == 0) Nobody();
  if (strcmp(name, "interrupted") == 0) Interrupted(0);
  if (strcmp(name, "restarted") == 0) Interrupted(SA_RESTART);
  if (strcmp(name, "cancelled") == 0) Cancelled();
  if (strcmp(name, "shut-down") == 0) ShutDownMeanwhile();
  if (strcmp(name, "vforked") == 0) vForked();
  if (strcmp(name, "closes-all") == 0) ClosesAll();
}

int main(int argc, char** argv) {
  alarm(15);
  StartPeers();
  g_family = strcmp(argv[1], "6") == 0 ? AF_INET6 : AF_INET;
  for (int i = 2; i < argc; ++i) {
    const int before = CountDescriptors();
    printf("%s:\n", argv[i]);
    Run(argv[i]);
    printf("descriptors left: %d\n", CountDescriptors() - before);
  }
  return 0;
}
