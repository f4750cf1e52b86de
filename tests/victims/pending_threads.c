/* SPDX-License-Identifier: BSD-2-Clause
   pending_threads MODE HOST PORT [HOST PORT]: many threads, or several at one connection. */
#include "pending.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/wait.h>

enum { kThreads = 64 };

/* Returns null for success, else a word that tells what failed. */
static const char* Exchange(int fd, int index) {
  char line[32];
  char answer[32];
  const size_t size = (size_t)snprintf(line, sizeof line, "thread %d\n", index);
  if (send(fd, line, size, MSG_NOSIGNAL) != (ssize_t)size) return "send";
  if (recv(fd, answer, size, MSG_WAITALL) != (ssize_t)size) return "recv";
  return memcmp(line, answer, size) == 0 ? NULL : "echo";
}

static void* BlockingThread(void* index) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (Connect(fd, g_to) != 0) return "connect";
  const char* error = Exchange(fd, (int)(long)index);
  close(fd);
  return (void*)error;
}

static void* PollThread(void* index) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (Connect(fd, g_to) == 0 || errno != EINPROGRESS) return "connect";
  if (Poll(fd, POLLOUT, kPatienceMs) != POLLOUT) return "poll";
  SetBlocking(fd);
  const char* error = Exchange(fd, (int)(long)index);
  close(fd);
  return (void*)error;
}

static void* EpollThread(void* index) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int set = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.fd = fd};
  epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
  if (Connect(fd, g_to) == 0 || errno != EINPROGRESS) return "connect";
  if (epoll_wait(set, &event, 1, kPatienceMs) != 1 || event.events != EPOLLOUT || event.data.fd != fd)
    return "epoll_wait";
  SetBlocking(fd);
  const char* error = Exchange(fd, (int)(long)index);
  close(fd);
  close(set);
  return (void*)error;
}

static void RunThreads(void* (*run)(void*)) {
  pthread_t threads[kThreads];
  int good = 0;
  for (long i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, run, (void*)i);
  for (int i = 0; i < kThreads; ++i) {
    void* error = NULL;
    pthread_join(threads[i], &error);
    if (error == NULL)
      ++good;
    else
      printf("%s\n", (const char*)error);
  }
  printf("good: %d\n", good);
}
static void ManyBlocking(void) {
  RunThreads(BlockingThread);
}
static void ManyPolling(void) {
  RunThreads(PollThread);
}
static void ManyEpolling(void) {
  RunThreads(EpollThread);
}

static int g_fd;

static void* PollShared(void* unused) {
  (void)unused;
  return (void*)(long)Poll(g_fd, POLLOUT, kPatienceMs);
}

/* Several threads wait for one connection: all are told. */
static void Together(void) {
  pthread_t threads[4];
  g_fd = Start();
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, PollShared, NULL);
  for (int i = 0; i < 4; ++i) {
    void* events = NULL;
    pthread_join(threads[i], &events);
    SayEvents("poll", (unsigned)(long)events);
  }
  Use(g_fd, g_to);
}

/* One thread waits, the other asks meanwhile: nothing blocks behind the one that waits. */
static void AskedMeanwhile(void) {
  pthread_t thread;
  void* events = NULL;
  g_fd = Start();
  pthread_create(&thread, NULL, PollShared, NULL);
  Pause(50);
  Say("connect", Connect(g_fd, g_to));
  SayPeer("peer", g_fd, g_to);
  SaySocketError("error", g_fd);
  Say("send", send(g_fd, "x", 1, MSG_NOSIGNAL));
  SayEvents("poll", Poll(g_fd, POLLOUT, 0));
  pthread_join(thread, &events);
  SayEvents("thread", (unsigned)(long)events);
  Use(g_fd, g_to);
}

/* A thread that waits in poll(2) is cancelled; the connection goes on without it. */
static void Cancelled(void) {
  pthread_t thread;
  void* result = NULL;
  g_fd = Start();
  pthread_create(&thread, NULL, PollShared, NULL);
  Pause(50);
  pthread_cancel(thread);
  pthread_join(thread, &result);
  printf("cancelled: %d\n", result == PTHREAD_CANCELED);
  Finish(g_fd);
}

/* Two sets in two threads, one connection. */
static void* WaitInSet(void* unused) {
  (void)unused;
  const int set = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLOUT | EPOLLET};
  epoll_ctl(set, EPOLL_CTL_ADD, g_fd, &event);
  if (epoll_wait(set, &event, 1, kPatienceMs) != 1) return NULL;
  return (void*)(long)event.events;
}
static void TogetherInSets(void) {
  pthread_t threads[4];
  g_fd = Start();
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, WaitInSet, NULL);
  for (int i = 0; i < 4; ++i) {
    void* events = NULL;
    pthread_join(threads[i], &events);
    SayEvents("epoll", (unsigned)(long)events);
  }
  Use(g_fd, g_to);
}

/* fork(2) of a program with threads that are busy connecting: the child's own connection works. */
static void* ForkThread(void* index) {
  if ((long)index % 16 != 0) return PollThread(index);
  const pid_t child = fork();
  if (child != 0) return NULL;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  alarm(15);
  if (Connect(fd, g_other) != 0) _exit(1);
  _exit(Exchange(fd, (int)(long)index) == NULL ? 0 : 2);
}
static void Forked(void) {
  RunThreads(ForkThread);
  int status = 0;
  while (wait(&status) > 0) printf("child: %d\n", status);
}

int main(int argc, char** argv) {
  static const struct Mode kModes[] = {{"many-blocking", ManyBlocking},
                                       {"many-polling", ManyPolling},
                                       {"many-epolling", ManyEpolling},
                                       {"together", Together},
                                       {"together-in-sets", TogetherInSets},
                                       {"asked-meanwhile", AskedMeanwhile},
                                       {"cancelled", Cancelled},
                                       {"forked", Forked},
                                       {NULL, NULL}};
  return RunMode(kModes, argc, argv);
}
