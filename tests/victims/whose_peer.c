/* SPDX-License-Identifier: BSD-2-Clause
   whose_peer WAY HOST PORT [OTHER [awaited]]: connects (without blocking, if `awaited`), does something that
   may make another connection of it in the eyes of who does not look closely, and prints what getpeername(2)
   and another connect(2) say of it then. */
#include "victim.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const struct addrinfo* g_to;
static int g_is_awaited;

static void Ask(int fd) {
  struct sockaddr_in peer;
  const struct sockaddr_in* const to = (const struct sockaddr_in*)g_to->ai_addr;
  socklen_t size = sizeof peer;
  if (getpeername(fd, (struct sockaddr*)&peer, &size) != 0) {
    printf("peer: %s\n", strerrorname_np(errno));
  } else {
    const int is_same = peer.sin_addr.s_addr == to->sin_addr.s_addr && peer.sin_port == to->sin_port;
    printf("peer: %s\n", is_same ? "target" : "another");
  }
}

static void ConnectAgain(int fd, const struct addrinfo* to) {
  printf("connect: %s\n", connect(fd, to->ai_addr, to->ai_addrlen) == 0 ? "0" : strerrorname_np(errno));
}

static int Connect(int fd) {
  return ConnectSocket(fd, g_to, g_is_awaited);
}

static void Await(pid_t child) {
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) Fail("child");
}

static void AwaitEnd(int fd) {
  struct sockaddr_in peer;
  socklen_t size = sizeof peer;
  struct pollfd ended = {.fd = fd, .events = POLLIN};
  char byte;
  while (poll(&ended, 1, 10000) == 1 && read(fd, &byte, 1) > 0) {
  }
  shutdown(fd, SHUT_RDWR);
  /* The last acknowledgement is under way. */
  for (int i = 0; i < 1000 && syscall(SYS_getpeername, fd, &peer, &size) == 0; ++i) usleep(10000);
}

/* A child of vfork(2) connects by the same number. */
static void Lend(int fd, const struct addrinfo* other) {
  const pid_t child = vfork();
  if (child == 0) {
    close(fd);
    const int own = socket(AF_INET, SOCK_STREAM, 0);
    _exit(own == fd && connect(own, other->ai_addr, other->ai_addrlen) == 0 ? 0 : 1);
  }
  Await(child);
}

/* Another process has the socket, and connects it. */
static int ConnectedByAnother(const char* way) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const pid_t child = strcmp(way, "by-fork") == 0    ? fork()
                      : strcmp(way, "by-_Fork") == 0 ? _Fork()
                                                     : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    Connect(fd);
    _exit(0);
  }
  Await(child);
  return fd;
}

/* Another process has begun to connect it, and asks whether it is done. */
static int BegunByAnother(void) {
  char byte = 0;
  int begun[2];
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (pipe(begun) != 0) Fail("pipe");
  const pid_t child = fork();
  if (child == 0) {
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    const int is_begun = connect(fd, g_to->ai_addr, g_to->ai_addrlen) != 0 && errno == EINPROGRESS;
    _exit(is_begun && write(begun[1], "", 1) == 1 && poll(&writable, 1, 10000) == 1 ? 0 : 1);
  }
  if (read(begun[0], &byte, 1) != 1) Fail("read");
  ConnectAgain(fd, g_to);
  Await(child);
  fcntl(fd, F_SETFL, 0);
  return fd;
}

/* A copy of the socket by way of a message, made before it is connected. */
static int Passed(void) {
  char byte = 'x';
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr* const header = CMSG_FIRSTHDR(&message);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  int copy = -1;
  int channel[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, channel) != 0) Fail("socketpair");
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (sendmsg(channel[0], &message, 0) != 1) Fail("sendmsg");
  message.msg_controllen = sizeof control;
  if (recvmsg(channel[1], &message, 0) != 1) Fail("recvmsg");
  memcpy(&copy, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof copy);
  Connect(fd);
  return copy;
}

/* A copy of a connection in a way that nobody has heard of. */
static int Copied(void) {
  const int fd = Connect(socket(AF_INET, SOCK_STREAM, 0));
  const int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
  return (int)syscall(SYS_pidfd_getfd, self, fd, 0);
}

int main(int argc, char** argv) {
  if (argc < 4 || argc > 6) return 2;
  g_is_awaited = argc == 6;
  const char* const way = argv[1];
  g_to = Resolve(argv[2], argv[3], AF_INET);
  const struct addrinfo* const other = argc > 4 ? Resolve(argv[4], argv[3], AF_INET) : g_to;
  int fd = -1;
  if (strncmp(way, "by-", 3) == 0) {
    fd = ConnectedByAnother(way);
  } else if (strcmp(way, "begun") == 0) {
    fd = BegunByAnother();
  } else if (strcmp(way, "passed") == 0) {
    fd = Passed();
  } else if (strcmp(way, "copied") == 0) {
    fd = Copied();
  } else {
    fd = Connect(socket(AF_INET, SOCK_STREAM, 0));
  }
  if (strcmp(way, "ended") == 0) {
    shutdown(fd, SHUT_WR);
    AwaitEnd(fd);
  } else if (strcmp(way, "reset") == 0) {
    if (write(fd, "hello", 5) != 5) Fail("write");
    AwaitEnd(fd);
  } else if (strcmp(way, "lent") == 0) {
    Lend(fd, other);
  }
  ConnectAgain(fd, other);
  /* What is there stays as it is. */
  Ask(fd);
  if (strcmp(way, "ended") != 0 && strcmp(way, "reset") != 0) Echo(fd, "hello");
  return 0;
}
