/* SPDX-License-Identifier: BSD-2-Clause
   foreign HOST PORT: calls on descriptors that are no connections, by name and by number, with all of their
   arguments; then the same while a connection is on its way. Prints what each returned. */
#include "victim.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static void Say(const char* what, long result) {
  if (result < 0) {
    printf("%s: %s\n", what, strerrorname_np(errno));
  } else {
    printf("%s: %ld\n", what, result);
  }
}

static void Transfer(const int* ends) {
  char buffer[8];
  struct iovec part = {buffer, sizeof buffer};
  Say("send", send(ends[0], "one", 3, MSG_NOSIGNAL));
  Say("recv, peeking", recv(ends[1], buffer, sizeof buffer, MSG_PEEK));
  Say("recv", recv(ends[1], buffer, 2, 0));
  Say("read", read(ends[1], buffer, sizeof buffer));
  Say("recv of nothing", recv(ends[1], buffer, sizeof buffer, MSG_DONTWAIT));
  Say("write", write(ends[0], "four", 4));
  Say("readv", readv(ends[1], &part, 1));
  Say("writev", writev(ends[0], &part, 1));
  Say("read by number", syscall(SYS_read, ends[1], buffer, sizeof buffer));
  Say("read of no descriptor", read(-1, buffer, sizeof buffer));
}

static void Wait(const int* ends, int set) {
  struct pollfd ready = {.fd = ends[0], .events = POLLIN | POLLOUT};
  Say("poll", poll(&ready, 1, 0));
  Say("what for", ready.revents);
  const struct timespec none = {0, 0};
  Say("ppoll", ppoll(&ready, 1, &none, NULL));
  fd_set read_set;
  FD_ZERO(&read_set);
  FD_SET(ends[0], &read_set);
  struct timeval now = {0, 0};
  Say("select", select(ends[0] + 1, &read_set, NULL, NULL, &now));
  Say("pselect", pselect(0, NULL, NULL, NULL, &none, NULL));
  Say("pselect6 by number", syscall(SYS_pselect6, 0, NULL, NULL, NULL, &none, NULL));
  struct epoll_event event = {.events = EPOLLOUT};
  Say("epoll_ctl", epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
  Say("epoll_wait", epoll_wait(set, &event, 1, 0));
  Say("epoll_pwait", epoll_pwait(set, &event, 1, 0, NULL));
  Say("epoll_ctl", epoll_ctl(set, EPOLL_CTL_DEL, ends[0], NULL));
  Say("epoll_wait for nothing", epoll_wait(set, &event, 1, 0));
}

static void Command(const int* ends) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) Fail("pipe");
  Say("F_GETFD", fcntl(ends[0], F_GETFD));
  Say("F_SETFD", fcntl(ends[0], F_SETFD, FD_CLOEXEC));
  Say("F_GETFD", fcntl(ends[0], F_GETFD));
  Say("F_SETFL", fcntl(ends[0], F_SETFL, O_NONBLOCK));
  Say("is non-blocking", (fcntl(ends[0], F_GETFL) & O_NONBLOCK) != 0);
  Say("F_SETFL", fcntl(ends[0], F_SETFL, 0));
  Say("F_SETPIPE_SZ", fcntl(pipe_ends[0], F_SETPIPE_SZ, 8192));
  Say("F_GETPIPE_SZ", fcntl(pipe_ends[0], F_GETPIPE_SZ));
  struct flock lock = {.l_type = F_WRLCK};
  const int file = memfd_create("file", 0);
  Say("F_GETLK", fcntl(file, F_GETLK, &lock));
  Say("is free", lock.l_type == F_UNLCK);
  Say("F_DUPFD", fcntl(file, F_DUPFD, 300));
  Say("F_DUPFD_CLOEXEC", fcntl(file, F_DUPFD_CLOEXEC, 300));
  Say("F_DUPFD by number", syscall(SYS_fcntl, file, F_DUPFD, 300));
  Say("a command that there is not", fcntl(file, 4711, 0));
  close_range(300, 302, 0);
  int bytes = -1;
  Say("FIONREAD", ioctl(pipe_ends[0], FIONREAD, &bytes));
  Say("bytes", bytes);
  int is_on = 1;
  Say("FIONBIO", ioctl(pipe_ends[0], FIONBIO, &is_on));
  Say("read of nothing", read(pipe_ends[0], &bytes, sizeof bytes));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  close(file);
}

static void ByNumber(void) {
  const int file = memfd_create("pages", 0);
  const long page = sysconf(_SC_PAGESIZE);
  if (pwrite(file, "second page", 12, page) != 12) Fail("pwrite");
  const char* const text = (const char*)syscall(SYS_mmap, NULL, page, PROT_READ, MAP_PRIVATE, file, page);
  printf("mmap: %s\n", text == MAP_FAILED ? strerrorname_np(errno) : text);
  unsigned word = 1;
  Say("futex", syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, NULL, NULL, ~0U));
  /* The bits that it is to wake for are the last argument: there must be some. */
  Say("futex without a bit", syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0));
  Say("tgkill", syscall(SYS_tgkill, getpid(), getpid(), 0));
  Say("getuid", syscall(SYS_getuid) == getuid());
  Say("dup by number", syscall(SYS_dup3, file, 310, 0));
  Say("a number that there is not", syscall(4711));
  Say("nor this one", syscall(-4711L));
  close(310);
  close(file);
}

static void All(int set) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) Fail("socketpair");
  Transfer(ends);
  Wait(ends, set);
  Command(ends);
  ByNumber();
  close(ends[0]);
  close(ends[1]);
}

int main(int argc, char** argv) {
  (void)argc;
  const int set = epoll_create1(0);
  puts("before");
  All(set);
  const struct addrinfo* const to = Resolve(argv[1], argv[2], AF_INET);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct epoll_event event = {.events = EPOLLPRI};
  if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0) Fail("epoll_ctl");
  Say("connect", connect(fd, to->ai_addr, to->ai_addrlen));
  All(epoll_create1(0));
  close(fd);
  puts("after");
  All(set);
  return 0;
}
