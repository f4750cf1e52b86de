/* SPDX-License-Identifier: BSD-2-Clause
   nonblocking HOST PORT: makes sockets non-blocking, or blocking again, in every way that there is, and tells
   whether connect(2) waits then.
   nonblocking FD: makes it non-blocking, for the other. */
#include "victim.h"

#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void ByFcntl(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}
static void ByFcntl64(int fd) {
  fcntl64(fd, F_SETFL, O_NONBLOCK);
}
static void ByIoctl(int fd) {
  int on = 1;
  ioctl(fd, FIONBIO, &on);
}
static void ByNumberOfFcntl(int fd) {
  syscall(SYS_fcntl, fd, F_SETFL, O_NONBLOCK);
}
static void ByNumberOfIoctl(int fd) {
  int on = 1;
  syscall(SYS_ioctl, fd, FIONBIO, &on);
}
static void ByCopy(int fd) {
  const int copy = dup(fd);
  ByFcntl(copy);
  close(copy);
}
static void ByCopyMadeByFcntl(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 100);
  ByIoctl(copy);
  close(copy);
}
static void ByChild(int fd) {
  const pid_t child = fork();
  if (child == 0) {
    ByFcntl(fd);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}
static void ByBorrower(int fd) {
  const pid_t child = vfork();
  if (child == 0) {
    ByFcntl(fd);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}
static void ByBorrowersCopy(int fd) {
  const pid_t child = vfork();
  if (child == 0) {
    ByFcntl(dup(fd));
    _exit(0);
  }
  waitpid(child, NULL, 0);
}
static int InClone(void* fd) {
  ByFcntl(*(int*)fd);
  return 0;
}
static void ByClone(int fd) {
  static _Alignas(16) char stack[65536];
  waitpid(clone(InClone, stack + sizeof stack, SIGCHLD, &fd), NULL, 0);
}
static const char* g_program;
static void BySpawnedProgram(int fd) {
  char number[16];
  snprintf(number, sizeof number, "%d", fd);
  char* const arguments[] = {(char*)g_program, number, NULL};
  pid_t child = -1;
  if (posix_spawn(&child, g_program, NULL, NULL, arguments, environ) != 0) Fail("posix_spawn");
  waitpid(child, NULL, 0);
}
static void ByCommand(int fd) {
  char command[4200];
  snprintf(command, sizeof command, "'%s' %d", g_program, fd);
  if (system(command) != 0) Fail("system");
}
static void ByReadCommand(int fd) {
  char command[4200];
  snprintf(command, sizeof command, "'%s' %d", g_program, fd);
  if (pclose(popen(command, "r")) != 0) Fail("popen");
}
static void ThereAndBackByFcntl(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  fcntl(fd, F_SETFL, flags);
}
static void ThereAndBackByIoctl(int fd) {
  int off = 0;
  ByIoctl(fd);
  ioctl(fd, FIONBIO, &off);
}
static void Nothing(int fd) {
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) Fail("F_SETFD");
}

/* A number that was closed where nobody saw it, and is another socket's by now. */
static int AfterFclose(int type) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  FILE* const stream = fdopen(fd, "r+");
  fclose(stream);
  const int next = socket(AF_INET, type, 0);
  if (next != fd) Fail("another number");
  return next;
}

static const struct addrinfo* g_to;

static void Tell(const char* name, int fd) {
  errno = 0;
  const int result = connect(fd, g_to->ai_addr, g_to->ai_addrlen);
  printf("%s: %s\n", name, result == 0 ? "waits" : strerrorname_np(errno));
  close(fd);
}

static void Try(const char* name, void (*change)(int)) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  change(fd);
  Tell(name, fd);
}

int main(int argc, char** argv) {
  if (argc == 2) {
    ByFcntl(atoi(argv[1]));
    return 0;
  }
  if (argc != 3) return 2;
  g_program = argv[0];
  g_to = Resolve(argv[1], argv[2], AF_INET);
  Try("nothing", Nothing);
  Tell("SOCK_NONBLOCK", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  Try("fcntl", ByFcntl);
  Try("fcntl64", ByFcntl64);
  Try("ioctl", ByIoctl);
  Try("syscall fcntl", ByNumberOfFcntl);
  Try("syscall ioctl", ByNumberOfIoctl);
  Try("copy", ByCopy);
  Try("copy by fcntl", ByCopyMadeByFcntl);
  Try("child", ByChild);
  Try("borrower", ByBorrower);
  Try("borrower's copy", ByBorrowersCopy);
  Try("clone", ByClone);
  Try("spawned program", BySpawnedProgram);
  Try("command", ByCommand);
  Try("command that is read", ByReadCommand);
  Try("there and back by fcntl", ThereAndBackByFcntl);
  Try("there and back by ioctl", ThereAndBackByIoctl);
  Tell("new number, blocking", AfterFclose(SOCK_STREAM));
  Tell("new number, non-blocking", AfterFclose(SOCK_STREAM | SOCK_NONBLOCK));
  return 0;
}
