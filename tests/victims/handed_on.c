/* SPDX-License-Identifier: BSD-2-Clause
   handed_on WAY HOST PORT [awaited]: connects (without blocking, if `awaited`), does nothing else by itself,
   and hands the connection on to another program (this one, as `show DESCRIPTOR ADDRESS PORT`), which says
   whether it is connected, and to the destination. */
#include "victim.h"

#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <wordexp.h>

extern char** environ;

static char g_number[16];
static char* g_show[6] = {NULL, "show", g_number, NULL, NULL, NULL};

static int Show(int fd, const char* host, const char* port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  struct sockaddr_in peer;
  socklen_t size = sizeof peer;
  if (inet_pton(AF_INET, host, &to.sin_addr) != 1) return 2;
  printf("connect: %s\n", connect(fd, (struct sockaddr*)&to, sizeof to) == 0 ? "0" : strerrorname_np(errno));
  if (getpeername(fd, (struct sockaddr*)&peer, &size) != 0) Fail("getpeername");
  printf("peer is target: %d\n", peer.sin_addr.s_addr == to.sin_addr.s_addr && peer.sin_port == to.sin_port);
  Echo(fd, "hello");
  return 0;
}

static int Receive(const char* host, const char* port) {
  char byte;
  char control[CMSG_SPACE(sizeof(int))];
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  int fd = -1;
  if (recvmsg(STDIN_FILENO, &message, 0) != 1 || CMSG_FIRSTHDR(&message) == NULL) Fail("recvmsg");
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return Show(fd, host, port);
}

static void Pass(const char* way, int channel, int fd) {
  char byte = 'x';
  char control[CMSG_SPACE(sizeof fd)] = {0};
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  struct mmsghdr message = {
      .msg_hdr = {
          .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control}};
  struct cmsghdr* const header = CMSG_FIRSTHDR(&message.msg_hdr);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (strcmp(way, "sendmsg") == 0) {
    if (sendmsg(channel, &message.msg_hdr, 0) != 1) Fail("sendmsg");
  } else if (strcmp(way, "sendmsg-by-number") == 0) {
    if (syscall(SYS_sendmsg, channel, &message.msg_hdr, 0) != 1) Fail("syscall");
  } else if (sendmmsg(channel, &message, 1, 0) != 1) {
    Fail("sendmmsg");
  }
}

static int Execute(void* argv) {
  execv(g_show[0], argv);
  _exit(127);
}

static void Await(pid_t child) {
  if (child < 0 || waitpid(child, NULL, 0) != child) Fail("child");
}

/* All but those by which the program itself becomes another. */
static int HandOn(const char* way, const char* command, const struct addrinfo* to, int is_awaited) {
  static char stack[65536] __attribute__((aligned(16)));
  const int is_copy = strcmp(way, "clone-copy") == 0;
  pid_t child = -1;
  if (strcmp(way, "posix_spawn") == 0) {
    if (posix_spawn(&child, g_show[0], NULL, NULL, g_show, environ) != 0) Fail(way);
  } else if (strcmp(way, "posix_spawnp") == 0) {
    if (posix_spawnp(&child, g_show[0], NULL, NULL, g_show, environ) != 0) Fail(way);
  } else if (strcmp(way, "fork") == 0) {
    if ((child = fork()) == 0) Execute(g_show);
  } else if (strcmp(way, "_Fork") == 0) {
    if ((child = _Fork()) == 0) Execute(g_show);
  } else if (strcmp(way, "vfork") == 0) {
    if ((child = vfork()) == 0) Execute(g_show);
  } else if (strcmp(way, "made-in-vfork") == 0) {
    if ((child = vfork()) == 0) {
      const int fd = atoi(g_number);
      close(fd);
      if (socket(AF_INET, SOCK_STREAM, 0) != fd || ConnectSocket(fd, to, is_awaited) != fd) _exit(1);
      Execute(g_show);
    }
  } else if (strcmp(way, "clone") == 0 || is_copy) {
    child =
        clone(Execute, stack + sizeof stack, is_copy ? SIGCHLD : CLONE_VM | CLONE_VFORK | SIGCHLD, g_show);
  } else if (strcmp(way, "system") == 0) {
    return system(command);
  } else if (strcmp(way, "wordexp") == 0) {
    /* Its shell writes what the words are. */
    char words[600];
    wordexp_t result;
    snprintf(words, sizeof words, "$(%s)", command);
    if (wordexp(words, &result, 0) != 0) Fail(way);
    for (size_t i = 0; i < result.we_wordc; ++i)
      printf("%s%s", result.we_wordv[i], i == 1 || i == 5 || i + 1 == result.we_wordc ? "\n" : " ");
  } else if (strcmp(way, "popen") == 0) {
    return pclose(popen(command, "w"));
  } else {
    return 2;
  }
  if (child >= 0) Await(child);
  return 0;
}

static void Become(const char* way, int self) {
  const char* const path = g_show[0];
  if (strcmp(way, "execve") == 0) execve(path, g_show, environ);
  if (strcmp(way, "execv") == 0) execv(path, g_show);
  if (strcmp(way, "execvp") == 0) execvp(path, g_show);
  if (strcmp(way, "execvpe") == 0) execvpe(path, g_show, environ);
  if (strcmp(way, "execl") == 0) execl(path, path, "show", g_number, g_show[3], g_show[4], (char*)NULL);
  if (strcmp(way, "execlp") == 0) execlp(path, path, "show", g_number, g_show[3], g_show[4], (char*)NULL);
  if (strcmp(way, "execle") == 0)
    execle(path, path, "show", g_number, g_show[3], g_show[4], (char*)NULL, environ);
  if (strcmp(way, "fexecve") == 0) fexecve(self, g_show, environ);
  if (strcmp(way, "execve-by-number") == 0) syscall(SYS_execve, path, g_show, environ);
  if (strcmp(way, "execveat-by-number") == 0) syscall(SYS_execveat, self, "", g_show, environ, AT_EMPTY_PATH);
  if (strcmp(way, "execveat") == 0) execveat(self, "", g_show, environ, AT_EMPTY_PATH);
}

int main(int argc, char** argv) {
  char command[512];
  char address[INET_ADDRSTRLEN];
  int channel[2];
  if (argc == 5 && strcmp(argv[1], "show") == 0) return Show(atoi(argv[2]), argv[3], argv[4]);
  if (argc == 4 && strcmp(argv[1], "receive") == 0) return Receive(argv[2], argv[3]);
  if (argc != 4 && argc != 5) return 2;
  const char* const way = argv[1];
  const struct addrinfo* const to = Resolve(argv[2], argv[3], AF_INET);
  inet_ntop(AF_INET, &((struct sockaddr_in*)to->ai_addr)->sin_addr, address, sizeof address);
  g_show[0] = argv[0];
  g_show[3] = address;
  g_show[4] = argv[3];
  const int self = open(argv[0], O_RDONLY | O_CLOEXEC);
  pid_t receiver = -1;
  if (strncmp(way, "sendm", 5) == 0) {
    char* receive[] = {argv[0], "receive", address, argv[3], NULL};
    posix_spawn_file_actions_t actions;
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, channel) != 0) Fail("socketpair");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, channel[1], STDIN_FILENO);
    if (posix_spawn(&receiver, argv[0], &actions, NULL, receive, environ) != 0) Fail("posix_spawn");
    posix_spawn_file_actions_destroy(&actions);
  }
  const int fd = ConnectSocket(socket(AF_INET, SOCK_STREAM, 0), to, argc == 5);
  snprintf(g_number, sizeof g_number, "%d", fd);
  snprintf(command, sizeof command, "%s show %d %s %s", argv[0], fd, address, argv[3]);
  if (receiver >= 0) {
    Pass(way, channel[0], fd);
    Await(receiver);
    return 0;
  }
  Become(way, self);
  return HandOn(way, command, to, argc == 5);
}
