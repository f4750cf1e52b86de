/* SPDX-License-Identifier: BSD-2-Clause
   udp_threads FAMILY ADDRESS PORT CASE: a datagram socket that threads and processes share, and many
   datagrams at a time. */
#include "udp.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { kEach = 200, kThreads = 2, kTotal = kEach * kThreads, kWindow = 64, kBurst = 1024 };

static int g_fd;
static int g_is_connected;
static sem_t g_window; /* datagrams that may still be under way */
static atomic_int g_seen[kTotal];
static atomic_int g_lost;

static void* SendAll(void* first) {
  for (int i = 0; i < kEach; ++i) {
    const uint32_t number = (uint32_t)(*(const int*)first + i);
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += kPatienceMs / 1000;
    if (sem_timedwait(&g_window, &end) != 0) return NULL;
    const long sent = g_is_connected
                          ? send(g_fd, &number, sizeof number, 0)
                          : sendto(g_fd, &number, sizeof number, 0, (struct sockaddr*)&g_to, g_size);
    if (sent != (long)sizeof number) Say("send", sent);
  }
  return NULL;
}

static void* ReceiveAll(void* unused) {
  for (int i = 0; i < kEach; ++i) {
    uint32_t number = 0;
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof from;
    const long got = recvfrom(g_fd, &number, sizeof number, 0, (struct sockaddr*)&from, &size);
    sem_post(&g_window);
    if (got != (long)sizeof number || number >= kTotal || strcmp(Who(&from, size), "peer") != 0)
      atomic_fetch_add(&g_lost, 1);
    else
      atomic_fetch_add(&g_seen[number], 1);
  }
  return unused;
}

static void RunThreads(int is_connected) {
  pthread_t senders[kThreads];
  pthread_t receivers[kThreads];
  int firsts[kThreads];
  int once = 0;
  g_is_connected = is_connected;
  g_fd = is_connected ? OpenConnected() : Open();
  memset(g_seen, 0, sizeof g_seen);
  g_lost = 0;
  sem_init(&g_window, 0, kWindow);
  for (int i = 0; i < kThreads; ++i) {
    firsts[i] = i * kEach;
    pthread_create(&receivers[i], NULL, ReceiveAll, NULL);
    pthread_create(&senders[i], NULL, SendAll, &firsts[i]);
  }
  for (int i = 0; i < kThreads; ++i) {
    pthread_join(senders[i], NULL);
    pthread_join(receivers[i], NULL);
  }
  for (int i = 0; i < kTotal; ++i) once += g_seen[i] == 1;
  Print("%d of %d came back once, %d lost or odd", once, kTotal, g_lost);
  SayEmpty("left", g_fd);
  close(g_fd);
}

static void Threads(void) {
  RunThreads(0);
}
static void ThreadsConnected(void) {
  RunThreads(1);
}

/* Several threads send their first datagram at the same time, each by a socket of its own. */
static void* OwnSocket(void* number) {
  const unsigned seed = (unsigned)*(const int*)number;
  char data[64];
  const int fd = Open();
  Fill(data, sizeof data, seed);
  if (sendto(fd, data, sizeof data, 0, (struct sockaddr*)&g_to, g_size) != (long)sizeof data ||
      recv(fd, data, sizeof data, 0) != (long)sizeof data || !IsFilled(data, sizeof data, seed))
    atomic_fetch_add(&g_lost, 1);
  close(fd);
  return NULL;
}

static void OwnSockets(void) {
  pthread_t threads[8];
  int numbers[8];
  g_lost = 0;
  for (int i = 0; i < 8; ++i) {
    numbers[i] = i;
    pthread_create(&threads[i], NULL, OwnSocket, &numbers[i]);
  }
  for (int i = 0; i < 8; ++i) pthread_join(threads[i], NULL);
  Print("%d lost", g_lost);
}

/* Blocked in recv(2) before the first datagram is sent, which another thread does. */
static void* ReceiveFirst(void* started) {
  sem_post(started);
  SayEcho("receiver", g_fd, 1);
  return NULL;
}

static void Blocked(void) {
  pthread_t receiver;
  sem_t started;
  const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
  g_fd = Open();
  sem_init(&started, 0, 0);
  pthread_create(&receiver, NULL, ReceiveFirst, &started);
  sem_wait(&started);
  nanosleep(&pause, NULL);
  MustSend(g_fd, &g_to, 10, 1);
  pthread_join(receiver, NULL);
  close(g_fd);
}

/* Runs `run` in a child, and waits for its end. */
static void InChild(void (*run)(int), int fd) {
  int status = 0;
  fflush(stdout);
  const pid_t child = fork();
  if (child < 0) Abandon("fork");
  if (child == 0) {
    alarm(10);
    run(fd);
    fflush(stdout);
    _exit(0);
  }
  if (waitpid(child, &status, 0) != child) Abandon("waitpid");
  Print("child ended with %d", status);
}

static void UseInChild(int fd) {
  MustSend(fd, &g_to, 10, 1);
  SayEcho("child", fd, 1);
  MustSend(fd, &g_other, 11, 2);
  SayEcho("child, other", fd, 2);
}

static void SendInChild(int fd) {
  MustSend(fd, &g_to, 12, 3);
}
static void CloseInChild(int fd) {
  close(fd);
}

static void UseConnectedInChild(int fd) {
  MustSend(fd, NULL, 10, 1);
  SayEcho("child", fd, 1);
}

static void Fork(void) {
  const int fd = Open();
  MustSend(fd, &g_to, 10, 9);
  SayEcho("before", fd, 9);
  InChild(UseInChild, fd);
  MustSend(fd, &g_to, 10, 4);
  SayEcho("parent", fd, 4);
  InChild(SendInChild, fd);
  SayEcho("the child's, by the parent", fd, 3);
  InChild(CloseInChild, fd);
  MustSend(fd, &g_other, 10, 5);
  SayEcho("parent", fd, 5);
  close(fd);
}

/* The child is the first to use the socket. */
static void ForkBefore(void) {
  const int fd = Open();
  InChild(UseInChild, fd);
  MustSend(fd, &g_to, 10, 4);
  SayEcho("parent", fd, 4);
  close(fd);
}

static void ForkConnected(void) {
  const int fd = OpenConnected();
  InChild(UseConnectedInChild, fd);
  MustSend(fd, NULL, 10, 4);
  SayEcho("parent", fd, 4);
  close(fd);
}

/* Many datagrams by one call. How many of their echoes find room is the system's affair. */
static void Burst(void) {
  static struct mmsghdr messages[kBurst];
  static struct iovec parts[kBurst];
  static char data[kBurst];
  const int fd = OpenConnected();
  const int room = 4 << 20;
  int odd = 0;
  int echoes = 0;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) != 0) Abandon("SO_RCVBUF");
  Say("none", sendmmsg(fd, messages, 0, 0));
  Say("none", recvmmsg(fd, messages, 0, MSG_DONTWAIT, NULL));
  for (int i = 0; i < kBurst; ++i) {
    parts[i] = (struct iovec){&data[i], 1};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  for (int sent = 0; sent < kBurst;) {
    const int count = sendmmsg(fd, messages + sent, (unsigned)(kBurst - sent), 0);
    if (count <= 0) Abandon("sendmmsg");
    sent += count;
  }
  for (int i = 0; i < kBurst; ++i) odd += messages[i].msg_len != 1;
  Print("%d odd lengths", odd);
  SetReceiveTimeout(fd, 300);
  for (int count = 1; echoes < kBurst && count > 0;) {
    count = recvmmsg(fd, messages, 64, MSG_WAITFORONE, NULL);
    echoes += count > 0 ? count : 0;
  }
  Print("%s", echoes == kBurst ? "all" : echoes >= kBurst / 8 ? "enough" : "few");
  close(fd);
}

int main(int argc, char** argv) {
  static const struct Case kCases[] = {{"threads", Threads, 0},
                                       {"threads-connected", ThreadsConnected, 0},
                                       {"own-sockets", OwnSockets, 0},
                                       {"blocked", Blocked, 0},
                                       {"fork", Fork, 0},
                                       {"fork-before", ForkBefore, 0},
                                       {"fork-connected", ForkConnected, 0},
                                       {"burst", Burst, 0},
                                       {NULL, NULL, 0}};
  return RunCases(kCases, argc, argv);
}
