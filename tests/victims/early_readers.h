/* SPDX-License-Identifier: BSD-2-Clause
   Modes of `early` in which somebody gets the socket who does not pass by the hooks: libc's streams,
   children, other programs. */
#pragma once

#include "early_connection.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void Standard(void) {
  const int fd = Blocking();
  Say("write", write(fd, "hello\n", 6));
  FILE* const stream = fdopen(fd, "r");
  if (stream == NULL || fgets(g_buffer, sizeof g_buffer, stream) == NULL) Fail("fgets");
  printf("got %s", g_buffer);
}

static void StandardInput(void) {
  const int fd = Blocking();
  Say("write", write(fd, "hello\n", 6));
  if (dup2(fd, 0) != 0 || fgets(g_buffer, sizeof g_buffer, stdin) == NULL) Fail("fgets");
  printf("got %s", g_buffer);
}

/* The streams were there before the connection. */
static void StreamFirst(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  FILE* const stream = fdopen(fd, "r");
  Say("connect", Connect(fd, g_to));
  Say("write", write(fd, "hello\n", 6));
  if (stream == NULL || fgets(g_buffer, sizeof g_buffer, stream) == NULL) Fail("fgets");
  printf("got %s", g_buffer);
}

static void SayStandardInput(int fd) {
  Say("connect", Connect(fd, g_to));
  Say("write", write(fd, "hello\n", 6));
  if (fgets(g_buffer, sizeof g_buffer, stdin) == NULL) Fail("fgets");
  printf("got %s", g_buffer);
}
static void StandardInputFirst(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (dup2(fd, 0) != 0) Fail("dup2");
  SayStandardInput(fd);
}
static void StandardInputAtOnce(void) {
  close(0);
  SayStandardInput(socket(AF_INET, SOCK_STREAM, 0));
}

static void AwaitChild(pid_t child) {
  int status = -1;
  if (waitpid(child, &status, 0) != child) Fail("waitpid");
  Say("child", status);
}

static void Forked(void) {
  const int fd = Blocking();
  Say("write", write(fd, "hello", 5));
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    SayRead("read", fd);
    fflush(stdout);
    _exit(0);
  }
  AwaitChild(child);
  Echo(fd, "again");
}

/* Another program reads what comes, which knows nothing of the connection. */
static int BeforeAnother(void) {
  const int fd = Blocking();
  Say("write", write(fd, "hello\n", 6));
  if (dup2(fd, 7) != 7) Fail("dup2");
  return fd;
}

static const char* const kReadOne = "read line <&7; echo got $line";

static void Executed(void) {
  BeforeAnother();
  execlp("sh", "sh", "-c", kReadOne, NULL);
  Fail("execlp");
}

static void ExecutedByNumber(void) {
  char* arguments[] = {"sh", "-c", (char*)kReadOne, NULL};
  BeforeAnother();
  syscall(SYS_execve, "/bin/sh", arguments, environ);
  Fail("syscall");
}

static void ExecutedWithEnvironment(void) {
  char* environment[] = {"WORD=word", NULL};
  BeforeAnother();
  execle("/bin/sh", "sh", "-c", "read line <&7; echo got $line $WORD", NULL, environment);
  Fail("execle");
}

static void Spawned(void) {
  BeforeAnother();
  Say("system", system(kReadOne));
}

static void SpawnedByVfork(void) {
  BeforeAnother();
  const pid_t child = vfork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", kReadOne, NULL);
    _exit(1);
  }
  AwaitChild(child);
}

static int g_first;
static int g_signal[2];
/* `meanwhile` waits for the child to begin, and then for it to be in the middle of exec. */
static void RunDuringVfork(void* (*meanwhile)(void*)) {
  pthread_t thread;
  fflush(stdout);
  if (pipe(g_signal) != 0 || pthread_create(&thread, NULL, meanwhile, NULL) != 0) Fail("pthread_create");
  const pid_t child = vfork();
  if (child == 0) {
    if (write(g_signal[1], "", 1) == 1) execl("/bin/true", "true", NULL);
    _exit(1);
  }
  pthread_join(thread, NULL);
  AwaitChild(child);
}
static void AwaitVfork(void) {
  char byte = 0;
  if (read(g_signal[0], &byte, 1) != 1) Fail("read");
  Pause(50);
}

/* The number is another connection's, but not in the child, whose descriptors are those of before. */
static void* Replace(void* unused) {
  AwaitVfork();
  close(g_first);
  const int fd = Blocking();
  if (fd != g_first) Fail("another number");
  Say("write", write(fd, "hello", 5));
  SayRead("read", fd);
  return unused;
}
static void ReplacedDuringVfork(void) {
  g_first = Blocking();
  RunDuringVfork(Replace);
}

static int g_set;
static void* WatchMeanwhile(void* unused) {
  struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = 4711};
  AwaitVfork();
  g_set = epoll_create1(0);
  if (epoll_ctl(g_set, EPOLL_CTL_ADD, g_first, &wanted) != 0) Fail("epoll_ctl");
  return unused;
}
/* The child has not the set, and may keep the connection. */
static void WatchDuringVfork(int flags) {
  g_first = socket(AF_INET, SOCK_STREAM | flags, 0);
  Say("connect", Connect(g_first, g_to));
  Say("write", write(g_first, "hello", 5));
  RunDuringVfork(WatchMeanwhile);
  Wait("answer", g_set, kPatienceMs);
  SayRead("read", g_first);
}
static void WatchedDuringVfork(void) {
  WatchDuringVfork(SOCK_CLOEXEC);
}
static void KeptDuringVfork(void) {
  WatchDuringVfork(0);
}

static void Piped(void) {
  BeforeAnother();
  FILE* const stream = popen(kReadOne, "r");
  if (stream == NULL || fgets(g_buffer, sizeof g_buffer, stream) == NULL) Fail("popen");
  printf("%s", g_buffer);
  Say("pclose", pclose(stream));
}

/* A message that nobody can send, not to be read for ever either. */
static void PassedWithoutEnd(void) {
  int ends[2];
  char byte = 0;
  struct iovec part = {&byte, 1};
  struct cmsghdr header = {.cmsg_len = SIZE_MAX, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS + 1};
  const struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &header, .msg_controllen = SIZE_MAX};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) Fail("socketpair");
  Blocking();
  Say("sendmsg", sendmsg(ends[1], &message, 0));
}

/* Over a UNIX socket to a process that was there before. */
static void Passed(void) {
  int ends[2];
  char byte = 0;
  struct iovec part = {&byte, 1};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) Fail("socketpair");
  const pid_t child = fork();
  if (child == 0) {
    int passed = -1;
    if (recvmsg(ends[0], &message, 0) != 1) Fail("recvmsg");
    memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof passed);
    SayRead("read", passed);
    fflush(stdout);
    _exit(0);
  }
  const int fd = Blocking();
  Say("write", write(fd, "hello", 5));
  fflush(stdout);
  control.header =
      (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  const ssize_t sent = sendmsg(ends[1], &message, 0);
  AwaitChild(child);
  Say("sendmsg", sent);
}
