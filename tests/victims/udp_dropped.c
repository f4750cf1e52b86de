/* SPDX-License-Identifier: BSD-2-Clause
   udp_dropped FAMILY ADDRESS PORT CASE: receives while a relay may send what is no datagram for the program,
   and leaves right behind what it sends. */
#include "udp.h"

#include <pthread.h>
#include <stdatomic.h>

enum { kMessages = 3, kLong = 4200 };

static char g_rooms[kMessages][kLong + 1000];
static size_t g_more; /* so many bytes are added to each room */

/* recvmmsg(2) with rooms of these sizes. */
static int ReceiveMany(int fd, unsigned count, const size_t* sizes, int flags, struct mmsghdr* messages) {
  static struct iovec parts[kMessages];
  for (unsigned i = 0; i < count; ++i) {
    memset(g_rooms[i], '?', sizeof g_rooms[i]);
    parts[i] = (struct iovec){g_rooms[i], g_more + sizes[i]};
    messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
  }
  return (int)Say("recvmmsg", recvmmsg(fd, messages, count, flags, NULL));
}

static void SayMany(const struct mmsghdr* messages, int count, const unsigned* seeds) {
  for (int i = 0; i < count; ++i) {
    const size_t size = messages[i].msg_len;
    Print("%zu %s flags %s", size, IsFilled(g_rooms[i], size, seeds[i]) ? "intact" : "differs",
          FlagNames(messages[i].msg_hdr.msg_flags));
  }
}

/* The long one finds its room, whatever came before it. */
static void Rooms(void) {
  static const size_t kFalling[] = {1000, 4, 4};
  static const size_t kRising[] = {4, 30, 1000};
  struct mmsghdr messages[kMessages];
  const int fd = OpenConnected();
  for (unsigned i = 0; i < 2; ++i) {
    MustSend(fd, NULL, 600, i);
    MustSend(fd, NULL, 3, 8);
    const int count = ReceiveMany(fd, 2, kFalling, 0, messages);
    SayMany(messages, count, (const unsigned[]){i, 8});
  }
  MustSend(fd, NULL, 600, 4);
  MustSend(fd, NULL, 20, 5);
  MustSend(fd, NULL, 700, 6);
  SayMany(messages, ReceiveMany(fd, 3, kRising, 0, messages), (const unsigned[]){4, 5, 6});
  MustSend(fd, NULL, 20, 7);
  SayEcho("echo", fd, 7);
  SayEmpty("left", fd);
  close(fd);
}

static void RoomsLong(void) {
  g_more = kLong;
  Rooms();
  g_more = 0;
}

static void Peek(void) {
  static const size_t kSizes[] = {1000, 1000, 1000};
  struct mmsghdr messages[kMessages];
  const int fd = OpenConnected();
  for (unsigned i = 0; i < 3; ++i) {
    MustSend(fd, NULL, 20, i);
    MustSend(fd, NULL, 30, i + 10);
    const int count = ReceiveMany(fd, 2, kSizes, MSG_PEEK, messages);
    SayMany(messages, count, (const unsigned[]){i, i});
    Say("peek", recv(fd, g_rooms[0], 8, MSG_PEEK | MSG_TRUNC));
    SayEcho("first", fd, i);
    SayEcho("second", fd, i + 10);
  }
  SayEmpty("left", fd);
  close(fd);
}

static void PeekLong(void) {
  g_more = kLong;
  Peek();
  g_more = 0;
}

static int g_fd;
static atomic_int g_is_over;

static void* SendAllTheTime(void* unused) {
  const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
  while (!g_is_over) {
    Send(g_fd, NULL, 20, 1);
    nanosleep(&pause, NULL);
  }
  return unused;
}

/* Whatever keeps coming, the time is over some day. */
static void Timeout(void) {
  pthread_t sender;
  static const size_t kSizes[] = {1000, 1000};
  struct mmsghdr messages[kMessages];
  char byte;
  g_fd = OpenConnected();
  SetReceiveTimeout(g_fd, 300);
  pthread_create(&sender, NULL, SendAllTheTime, NULL);
  Say("recv", recv(g_fd, &byte, 1, 0));
  Say("peek", recv(g_fd, &byte, 1, MSG_PEEK));
  ReceiveMany(g_fd, 2, kSizes, 0, messages);
  g_is_over = 1;
  pthread_join(sender, NULL);
  close(g_fd);
}

/* Each from a socket of its own, which is closed at once. */
static void SendAndClose(void) {
  for (unsigned i = 0; i < 20; ++i) {
    const int fd = Open();
    MustSend(fd, &g_to, 20, i);
    close(fd);
  }
  const int last = Open();
  for (unsigned i = 0; i < 5; ++i) MustSend(last, &g_to, 20, 20 + i);
}

int main(int argc, char** argv) {
  static const struct Case kCases[] = {{"rooms", Rooms, 0},     {"rooms-long", RoomsLong, 0},
                                       {"peek", Peek, 0},       {"peek-long", PeekLong, 0},
                                       {"timeout", Timeout, 1}, {"send-and-close", SendAndClose, 1},
                                       {NULL, NULL, 0}};
  return RunCases(kCases, argc, argv);
}
