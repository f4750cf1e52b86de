/* SPDX-License-Identifier: BSD-2-Clause
   pending_process MODE HOST PORT [HOST PORT]: a pending connection and other processes: fork(2), vfork(2),
   posix_spawn(3), execve(2). */
#include "pending.h"

#include <spawn.h>
#include <sys/wait.h>

extern char** environ;

static char* g_self;

static void SayChild(pid_t child) {
  int status = -1;
  if (waitpid(child, &status, 0) != child) Fail("waitpid");
  printf("child: %d\n", status);
}

/* The child goes on, the parent closes. */
static void ForkChild(void) {
  const int fd = Start();
  const pid_t child = fork();
  if (child == 0) {
    SayPeer("peer", fd, g_to);
    Finish(fd);
    exit(0);
  }
  close(fd);
  SayChild(child);
  const int next = socket(AF_INET, SOCK_STREAM, 0);
  Say("connect elsewhere", Connect(next, g_other));
  Use(next, g_other);
}

/* The child goes on, the parent has ended before the connection is there. */
static void ForkDaemon(void) {
  const int fd = Start();
  int ends[2];
  if (pipe(ends) != 0) Fail("pipe");
  if (fork() == 0) {
    /* In the middle is a parent that ends at once. */
    if (fork() != 0) _exit(0);
    Pause(50);
    Finish(fd);
    close(ends[1]);
    _exit(0);
  }
  close(fd);
  close(ends[1]);
  wait(NULL);
  char byte;
  Say("daemon's end", read(ends[0], &byte, 1));
}

/* The child closes its copy or ends, the parent goes on. */
static void ForkParent(void) {
  const int fd = Start();
  const pid_t child = fork();
  if (child == 0) {
    if (close(fd) != 0) _exit(1);
    _exit(0);
  }
  SayChild(child);
  SayPeer("peer", fd, g_to);
  Finish(fd);
}

static void ForkEnds(void) {
  const int fd = Start();
  const pid_t child = fork();
  if (child == 0) exit(0);
  SayChild(child);
  Finish(fd);
}

/* A child's own connection, made while the parent's is pending. */
static void ForkOther(void) {
  const int fd = Start();
  const pid_t child = fork();
  if (child == 0) {
    const int own = socket(AF_INET, SOCK_STREAM, 0);
    Say("connect elsewhere", Connect(own, g_other));
    Use(own, g_other);
    exit(0);
  }
  SayChild(child);
  Finish(fd);
}

static char* g_true[] = {"/bin/true", NULL};

static void Vfork(void) {
  const int fd = Start();
  const pid_t child = vfork();
  if (child == 0) {
    execv(g_true[0], g_true);
    _exit(1);
  }
  SayChild(child);
  SayPeer("peer", fd, g_to);
  Finish(fd);
}

/* A child of vfork(2) that closes what its parent waits for, as programs do before execve(2). */
static void VforkCloses(void) {
  const int fd = Start();
  const pid_t child = vfork();
  if (child == 0) {
    close(fd);
    dup2(STDOUT_FILENO, fd);
    execv(g_true[0], g_true);
    _exit(1);
  }
  SayChild(child);
  SayPeer("peer", fd, g_to);
  Finish(fd);
}

static void Spawn(void) {
  const int fd = Start();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addclose(&actions, fd);
  pid_t child = -1;
  Say("spawn", posix_spawn(&child, g_true[0], &actions, NULL, g_true, environ));
  SayChild(child);
  SayPeer("peer", fd, g_to);
  Finish(fd);
}

/* What it was given as descriptor 77 is a pending connection. */
static void Inherited(void) {
  SayPeer("inherited peer", 77, g_to);
  Finish(77);
}

static char* g_inherited[] = {NULL, "inherited", NULL, NULL, NULL};

/* Closed on exec: the next program has nothing there. */
static void ExecCloses(void) {
  const int fd = Start();
  dup3(fd, 77, O_CLOEXEC);
  g_inherited[1] = "gone";
  execv(g_self, g_inherited);
  Fail("execv");
}

static void Gone(void) {
  SayPeer("peer", 77, g_to);
  SayEvents("poll", Poll(77, POLLOUT, 0));
}

int main(int argc, char** argv) {
  static const struct Mode kModes[] = {{"fork-child", ForkChild},
                                       {"fork-daemon", ForkDaemon},
                                       {"fork-parent", ForkParent},
                                       {"fork-ends", ForkEnds},
                                       {"fork-other", ForkOther},
                                       {"vfork", Vfork},
                                       {"vfork-closes", VforkCloses},
                                       {"spawn", Spawn},
                                       {"exec-closes", ExecCloses},
                                       {"inherited", Inherited},
                                       {"gone", Gone},
                                       {NULL, NULL}};
  g_self = argv[0];
  g_inherited[0] = argv[0];
  if (argc > 3) {
    g_inherited[2] = argv[2];
    g_inherited[3] = argv[3];
  }
  return RunMode(kModes, argc, argv);
}
