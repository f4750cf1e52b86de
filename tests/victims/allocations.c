/* SPDX-License-Identifier: BSD-2-Clause
   allocations HOST PORT: echoes over forty connections of a kind, one after the other, and prints for each
   step of the first one that is not free how often memory was asked for or given back: malloc(3) and its kin,
   mmap(2), munmap(2). If all are free, of the last one. One more before them may set up what lasts. */
#include "victim.h"

#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { kConnections = 40 };

/* Defined here, they are everybody's in this process. */
static int g_calls;

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);

void* malloc(size_t size) {
  ++g_calls;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  ++g_calls;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  ++g_calls;
  return __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) {
  ++g_calls;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  return memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  *memory = memalign(alignment, size);
  return *memory != NULL ? 0 : ENOMEM;
}
void free(void* memory) {
  ++g_calls;
  __libc_free(memory);
}
void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  ++g_calls;
  return (void*)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}
int munmap(void* address, size_t size) {
  ++g_calls;
  return (int)syscall(SYS_munmap, address, size);
}

static const struct addrinfo* g_to;
static char g_line[] = "hello";
static int g_all_calls;
static char g_report[1024];
static size_t g_report_size;

/* Ends a step: everything since the one before it was its doing. */
static void Step(const char* what) {
  const int calls = g_calls;
  g_report_size +=
      (size_t)snprintf(g_report + g_report_size, sizeof g_report - g_report_size, " %s %d", what, calls);
  g_all_calls += calls;
  g_calls = 0;
}

static void Begin(void) {
  g_report_size = 0;
  g_all_calls = 0;
  g_calls = 0;
}

static void WaitByPoll(int fd, short events) {
  struct pollfd ready = {.fd = fd, .events = events};
  if (poll(&ready, 1, 10000) != 1) Fail("poll");
}

static void WaitBySelect(int fd, int writes) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(fd, &set);
  struct timeval limit = {.tv_sec = 10};
  if (select(fd + 1, writes ? NULL : &set, writes ? &set : NULL, NULL, &limit) != 1) Fail("select");
}

static void WaitByEpoll(int set) {
  struct epoll_event event;
  if (epoll_wait(set, &event, 1, 10000) != 1) Fail("epoll_wait");
}

static void Transfer(int fd) {
  const size_t size = sizeof g_line - 1;
  struct iovec part = {g_line, size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (write(fd, g_line, size) != (ssize_t)size) Fail("write");
  Step("write");
  WaitByPoll(fd, POLLIN);
  Step("poll");
  if (read(fd, g_line, size) != (ssize_t)size) Fail("read");
  Step("read");
  if (send(fd, g_line, size, 0) != (ssize_t)size) Fail("send");
  Step("send");
  WaitBySelect(fd, 0);
  Step("select");
  if (recv(fd, g_line, size, 0) != (ssize_t)size) Fail("recv");
  Step("recv");
  if (sendmsg(fd, &message, 0) != (ssize_t)size) Fail("sendmsg");
  Step("sendmsg");
  WaitByPoll(fd, POLLIN);
  if (recvmsg(fd, &message, 0) != (ssize_t)size) Fail("recvmsg");
  Step("recvmsg");
}

static void End(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  if (getpeername(fd, (struct sockaddr*)&address, &size) != 0) Fail("getpeername");
  Step("getpeername");
  close(fd);
  Step("close");
}

static int Open(int flags) {
  const int fd = socket(g_to->ai_family, SOCK_STREAM | flags, 0);
  if (fd < 0) Fail("socket");
  Step("socket");
  return fd;
}

static void Connect(int fd, int is_nonblocking) {
  const int result = connect(fd, g_to->ai_addr, g_to->ai_addrlen);
  if (result != 0 && !(is_nonblocking && errno == EINPROGRESS)) Fail("connect");
  Step("connect");
}

static void Blocking(void) {
  const int fd = Open(0);
  Connect(fd, 0);
  Transfer(fd);
  End(fd);
}

static void Polled(void) {
  const int fd = Open(SOCK_NONBLOCK);
  Connect(fd, 1);
  WaitByPoll(fd, POLLOUT);
  Step("poll");
  Transfer(fd);
  End(fd);
}

static void Selected(void) {
  const int fd = Open(SOCK_NONBLOCK);
  Connect(fd, 1);
  WaitBySelect(fd, 1);
  Step("select");
  End(fd);
}

static void Watched(void) {
  static int set = -1;
  if (set < 0) set = epoll_create1(EPOLL_CLOEXEC);
  const int fd = Open(SOCK_NONBLOCK);
  struct epoll_event event = {.events = EPOLLOUT | EPOLLET};
  if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0) Fail("epoll_ctl");
  Step("epoll_ctl");
  /* Such a socket is hung up until connect(2). */
  WaitByEpoll(set);
  Step("epoll_wait");
  Connect(fd, 1);
  WaitByEpoll(set);
  Step("epoll_wait");
  End(fd);
}

static void Repeat(const char* kind, void (*run)(void)) {
  Begin();
  run();
  for (int i = 0; i < kConnections; ++i) {
    Begin();
    run();
    if (g_all_calls != 0) break;
  }
  printf("%s:%s\n", kind, g_report);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  g_to = Resolve(argv[1], argv[2], AF_INET);
  Repeat("blocking", &Blocking);
  Repeat("polled", &Polled);
  Repeat("selected", &Selected);
  Repeat("watched", &Watched);
  return 0;
}
