/* SPDX-License-Identifier: BSD-2-Clause
   udp_numbers FAMILY ADDRESS PORT CASE: the number of a UDP socket that libc closed by itself belongs to
   something else; and what the children of fork(2) and vfork(2) do with sockets is theirs. */
#include "udp.h"

#include <sys/wait.h>

static int g_is_used; /* the sockets have been connected to the peer, and have had an answer */

/* A socket that is closed already, but not by close(2). Returns its number. */
static int OpenAndLose(void) {
  const int fd = g_is_used ? OpenConnected() : Open();
  if (g_is_used) {
    MustSend(fd, NULL, 10, 1);
    SayEcho("echo", fd, 1);
  }
  fclose(fdopen(fd, "r+"));
  return fd;
}

static void SayNumber(int fd, int lost) {
  Print("%s number", fd == lost ? "same" : "another");
}

/* What `fd` gives of the eight bytes that wait there. */
static void SayBytes(const char* what, int fd, int by_recv) {
  char data[9] = "????????";
  struct iovec parts[] = {{data, 3}, {data + 3, 5}};
  const long got = by_recv ? recv(fd, data, 8, 0) : readv(fd, parts, 2);
  Print("%s: %ld %s %s", what, got, got < 0 ? strerrorname_np(errno) : "", data);
}

static void Files(void) {
  char path[] = "/tmp/udp_numbers-XXXXXX";
  char data[9] = "????????";
  const int lost = OpenAndLose();
  const int file = mkstemp(path);
  SayNumber(file, lost);
  unlink(path);
  Say("write", write(file, "abcdefgh", 8));
  Say("lseek", lseek(file, 0, SEEK_SET));
  Say("read", read(file, data, 8));
  Print("%s", data);
  Say("recv", recv(file, data, 8, MSG_DONTWAIT));
  Say("send", send(file, data, 8, MSG_DONTWAIT));
  close(file);
  const int next_lost = OpenAndLose();
  const int next = open("/dev/zero", O_RDWR);
  SayNumber(next, next_lost);
  Say("recv", recv(next, data, 8, MSG_DONTWAIT));
  Say("sendto", sendto(next, data, 8, 0, (struct sockaddr*)&g_to, g_size));
  Say("read", read(next, data, 8));
  Print("first byte %d", data[0]);
  close(next);
}

static void Pipes(void) {
  int ends[2];
  const int lost = OpenAndLose();
  if (pipe(ends) != 0) Abandon("pipe");
  SayNumber(ends[0], lost);
  Say("write", write(ends[1], "abcdefgh", 8));
  SayBytes("read", ends[0], 0);
  close(ends[0]);
  close(ends[1]);
  const int next_lost = OpenAndLose();
  const int null = open("/dev/null", O_RDWR);
  const int other_lost = OpenAndLose(); /* the writing end's */
  close(null);
  if (pipe(ends) != 0) Abandon("pipe");
  SayNumber(ends[0], next_lost);
  SayNumber(ends[1], other_lost);
  Say("writev", writev(ends[1], &(struct iovec){"abcdefgh", 8}, 1));
  SayBytes("read", ends[0], 0);
  close(ends[0]);
  close(ends[1]);
}

static void Accepted(void) {
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof own;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr*)&own, size) != 0 || listen(listener, 5) != 0) Abandon("listen");
  getsockname(listener, (struct sockaddr*)&own, &size);
  for (int by_recv = 0; by_recv < 2; ++by_recv) {
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr*)&own, size) != 0) Abandon("connect");
    const int lost = OpenAndLose();
    const int stream = by_recv ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : accept(listener, NULL, NULL);
    SayNumber(stream, lost);
    Say("send", send(client, "abcdefgh", 8, 0));
    SayBytes("receive", stream, by_recv);
    Say("send more", send(client, "ijkl", 4, 0));
    SayBytes("receive more", stream, by_recv);
    Say("answer", by_recv ? send(stream, "ABCDEFGH", 8, 0) : write(stream, "ABCDEFGH", 8));
    SayBytes("answer", client, by_recv);
    close(client);
    close(stream);
  }
  close(listener);
}

static void Pairs(void) {
  int pair[2];
  const int lost = OpenAndLose();
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) Abandon("socketpair");
  SayNumber(pair[0], lost);
  Say("write", write(pair[1], "abcdefgh", 8));
  SayBytes("read", pair[0], 0);
  Say("write", write(pair[0], "ABCDEFGH", 8));
  SayBytes("recv", pair[1], 1);
  close(pair[0]);
  close(pair[1]);
}

/* freopen(3) and daemon(3) put files in a socket's place. */
static void Standard(void) {
  char data[8] = "???????";
  const int saved = dup(STDIN_FILENO);
  const int fd = g_is_used ? OpenConnected() : Open();
  if (g_is_used) {
    MustSend(fd, NULL, 10, 1);
    SayEcho("echo", fd, 1);
  }
  dup2(fd, STDIN_FILENO);
  close(fd);
  if (freopen("/dev/zero", "r", stdin) == NULL) Abandon("freopen");
  Say("read", read(STDIN_FILENO, data, 8));
  Print("first byte %d", data[0]);
  if (freopen("/dev/null", "r+", stdin) == NULL) Abandon("freopen");
  Say("read", read(STDIN_FILENO, data, 8));
  Say("write", write(STDIN_FILENO, data, 8));
  dup2(saved, STDIN_FILENO);
  close(saved);
}

static void ByEachWay(void) {
  Files();
  Pipes();
  Accepted();
  Pairs();
  Standard();
}

static void Fresh(void) {
  g_is_used = 0;
  ByEachWay();
  MustSend(Open(), &g_to, 10, 1);
}

static void Used(void) {
  g_is_used = 1;
  ByEachWay();
}

static int AwaitChild(pid_t child) {
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

/* The child of vfork(2) has this very memory. */
static void Vfork(void) {
  char data[8] = "???????";
  const int fd = OpenConnected();
  MustSend(fd, NULL, 10, 1);
  SayEcho("echo", fd, 1);
  for (int round = 0; round < 2; ++round) {
    const pid_t child = vfork();
    if (child == 0) {
      const int own = socket(g_to.ss_family, SOCK_DGRAM, 0);
      if (round == 1) close(fd);
      close(own);
      _exit(0);
    }
    Print("child %d", AwaitChild(child));
    const int file = open("/dev/zero", O_RDWR);
    Say("read", read(file, data, 8));
    Say("write", write(file, data, 8));
    close(file);
    const int own = OpenConnected();
    MustSend(own, NULL, 11, 2);
    SayEcho("own", own, 2);
    close(own);
    const int again = open("/dev/zero", O_RDWR);
    Say("read", read(again, data, 8));
    Say("write", write(again, data, 8));
    close(again);
    MustSend(fd, NULL, 12, 3);
    SayEcho("echo", fd, 3);
  }
  close(fd);
}

/* And sends by a socket of its own. */
static void VforkSends(void) {
  int status = 0;
  const pid_t child = vfork();
  if (child == 0) {
    const int own = socket(g_to.ss_family, SOCK_DGRAM, 0);
    char data[16] = "";
    struct pollfd ready = {.fd = own, .events = POLLIN};
    long got = sendto(own, "abcdefgh", 8, 0, (const struct sockaddr*)&g_to, g_size);
    if (got == 8 && poll(&ready, 1, kPatienceMs) == 1) got = recv(own, data, sizeof data, 0);
    _exit(got == 8 && memcmp(data, "abcdefgh", 8) == 0 ? 0 : 1);
  }
  status = AwaitChild(child);
  Print("child %d", status);
  const int fd = OpenConnected();
  MustSend(fd, NULL, 10, 1);
  SayEcho("echo", fd, 1);
  close(fd);
}

/* Both use one connected socket, and the child's end is not the socket's. */
static void ChildEnds(void) {
  const int fd = OpenConnected();
  MustSend(fd, NULL, 10, 1);
  SayEcho("parent", fd, 1);
  for (int round = 0; round < 3; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      MustSend(fd, NULL, 11, 2);
      SayEcho("child", fd, 2);
      if (round == 1) close(fd);
      round == 2 ? exit(0) : _exit(0);
    }
    Print("child %d", AwaitChild(child));
    for (unsigned i = 0; i < 3; ++i) {
      MustSend(fd, NULL, 12, i);
      SayEcho("parent", fd, i);
    }
  }
  close(fd);
}

/* The first that sends is the child. */
static void ChildBegins(void) {
  const int fd = OpenConnected();
  const pid_t child = fork();
  if (child == 0) {
    MustSend(fd, NULL, 11, 2);
    SayEcho("child", fd, 2);
    _exit(0);
  }
  Print("child %d", AwaitChild(child));
  for (unsigned i = 0; i < 3; ++i) {
    MustSend(fd, NULL, 12, i);
    SayEcho("parent", fd, i);
  }
  close(fd);
}

/* Parent and child each send for the first time after fork(2). What is on its way while the child ends may be
   lost, but not what comes after. */
static void BothBegin(void) {
  int ends[2];
  const int fd = OpenConnected();
  if (pipe(ends) != 0) Abandon("pipe");
  const pid_t child = fork();
  if (child == 0) {
    char byte;
    if (read(ends[0], &byte, 1) != 1) _exit(1);
    MustSend(fd, NULL, 11, 2);
    SayEcho("child", fd, 2);
    _exit(0);
  }
  MustSend(fd, NULL, 10, 1);
  SayEcho("parent", fd, 1);
  if (write(ends[1], "x", 1) != 1) Abandon("write");
  Print("child %d", AwaitChild(child));
  char data[16];
  long got = -1;
  SetReceiveTimeout(fd, 500);
  for (int tries = 0; tries < 12 && got < 0; ++tries) {
    (void)Send(fd, NULL, 12, 3);
    got = recv(fd, data, sizeof data, 0);
    if (got < 0 && errno != EAGAIN) Say("parent", got);
  }
  Print("parent %ld", got);
  close(fd);
  close(ends[0]);
  close(ends[1]);
}

int main(int argc, char** argv) {
  static const struct Case kCases[] = {{"fresh", Fresh, 0},          {"used", Used, 0},
                                       {"vfork", Vfork, 0},          {"vfork-sends", VforkSends, 0},
                                       {"child-ends", ChildEnds, 0}, {"child-begins", ChildBegins, 0},
                                       {"both-begin", BothBegin, 0}, {NULL, NULL, 0}};
  return RunCases(kCases, argc, argv);
}
