/* SPDX-License-Identifier: BSD-2-Clause
   udp_sizes FAMILY ADDRESS PORT CASE: how long datagrams are: large and empty ones, buffers that are too
   short, datagrams that are only looked at, many pieces, and none waiting at all. */
#include "udp.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>

enum { kMostPieces = 1024, kLong = 4200 };

static char g_buffer[kMaxDatagram];
static size_t g_more; /* so many bytes are added to each datagram and to each room */

/* Receives into `room` bytes. `length` as the call returned it; what lies behind stays as it is. */
static void SayShort(const char* what, long length, size_t room, int flags, unsigned seed) {
  const size_t got = length < 0 ? 0 : (size_t)length < room ? (size_t)length : room;
  if (length < 0) {
    Print("%s %zu: %s", what, room, strerrorname_np(errno));
    return;
  }
  Print("%s %zu: %ld %s flags %s%s", what, room, length, IsFilled(g_buffer, got, seed) ? "intact" : "differs",
        FlagNames(flags), g_buffer[room] == '#' ? "" : ", written past the end");
}

static void Recv(int fd, size_t room, int flags, unsigned seed) {
  memset(g_buffer, '#', g_more + 256);
  SayShort("recv", recv(fd, g_buffer, room, flags), room, 0, seed);
}

static void Recvfrom(int fd, size_t room, int flags, unsigned seed) {
  struct sockaddr_storage from = {0};
  socklen_t size = sizeof from;
  memset(g_buffer, '#', g_more + 256);
  SayShort("recvfrom", recvfrom(fd, g_buffer, room, flags, (struct sockaddr*)&from, &size), room, 0, seed);
  Print("source %s", Who(&from, size));
}

static void Recvmsg(int fd, size_t room, int flags, unsigned seed) {
  struct sockaddr_storage from = {0};
  struct iovec parts[2] = {{g_buffer, room / 2}, {g_buffer + room / 2, room - room / 2}};
  struct msghdr message = {
      .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = parts, .msg_iovlen = 2, .msg_flags = -1};
  memset(g_buffer, '#', g_more + 256);
  const long length = recvmsg(fd, &message, flags);
  SayShort("recvmsg", length, room, message.msg_flags, seed);
  Print("source %s control %zu", Who(&from, message.msg_namelen), message.msg_controllen);
}

static void Recvmmsg(int fd, size_t room, int flags, unsigned seed) {
  struct iovec part = {g_buffer, room};
  struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
  memset(g_buffer, '#', g_more + 256);
  const int count = recvmmsg(fd, &message, 1, flags, NULL);
  SayShort("recvmmsg", count == 1 ? (long)message.msg_len : -1, room, message.msg_hdr.msg_flags, seed);
}

static void Readv(int fd, size_t room, int flags, unsigned seed) {
  struct iovec parts[2] = {{g_buffer, room / 2}, {g_buffer + room / 2, room - room / 2}};
  memset(g_buffer, '#', g_more + 256);
  if (flags == 0 && room > 0) SayShort("readv", readv(fd, parts, 2), room, 0, seed);
}

static void Read(int fd, size_t room, int flags, unsigned seed) {
  memset(g_buffer, '#', g_more + 256);
  if (flags == 0 && room > 0) SayShort("read", read(fd, g_buffer, room), room, 0, seed);
}

static void (*const kReceivers[])(int fd, size_t room, int flags, unsigned seed) = {
    Recv, Recvfrom, Recvmsg, Recvmmsg, Readv, Read};
enum { kReceiverCount = sizeof kReceivers / sizeof *kReceivers };

/* A datagram of 100 bytes for which there is less room, and the one behind it, which is whole. */
static void Truncated(void) {
  static const size_t kRooms[] = {0, 1, 9, 10, 11, 22, 99, 100, 101};
  for (int i = 0; i < kReceiverCount; ++i) {
    for (int flags = 0; flags <= MSG_TRUNC; flags += MSG_TRUNC) {
      for (size_t j = 0; j < sizeof kRooms / sizeof *kRooms; ++j) {
        if (i >= 4 && (flags != 0 || kRooms[j] == 0)) continue; /* not read and readv */
        const int fd = Open();
        MustSend(fd, &g_to, g_more + 100, 3);
        MustSend(fd, &g_to, 40, 4);
        if (flags != 0 && j == 0) Print("with MSG_TRUNC");
        kReceivers[i](fd, g_more + kRooms[j], flags, 3);
        SayEcho("next", fd, 4);
        close(fd);
      }
    }
  }
}

static void TruncatedLong(void) {
  g_more = kLong;
  Truncated();
  g_more = 0;
}

/* read(2) with no room takes nothing; recv(2) takes a datagram. */
static void NoRoom(void) {
  const int fd = Open();
  struct iovec part = {g_buffer, 0};
  MustSend(fd, &g_to, 100, 1);
  MustSend(fd, &g_to, 101, 2);
  if (!Await(fd)) return;
  Say("read", read(fd, g_buffer, 0));
  Say("readv", readv(fd, &part, 1));
  Say("readv of nothing", readv(fd, NULL, 0));
  Say("recv", recv(fd, g_buffer, 0, 0));
  SayEcho("next", fd, 2);
  close(fd);
}

static void Peek(void) {
  for (int i = 0; i < 4; ++i) {
    const int fd = Open();
    MustSend(fd, &g_to, g_more + 100, 5);
    MustSend(fd, &g_to, 60, 6);
    if (!Await(fd)) return;
    kReceivers[i](fd, g_more + 200, MSG_PEEK, 5);
    kReceivers[i](fd, g_more + 20, MSG_PEEK, 5);
    kReceivers[i](fd, g_more + 20, MSG_PEEK | MSG_TRUNC, 5);
    kReceivers[i](fd, 0, MSG_PEEK | MSG_TRUNC, 5);
    Say("no buffer", recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC));
    Say("no pieces", recvmsg(fd, &(struct msghdr){0}, MSG_PEEK | MSG_TRUNC));
    kReceivers[i](fd, g_more + 200, 0, 5);
    kReceivers[i](fd, 0, MSG_PEEK | MSG_TRUNC, 6);
    kReceivers[i](fd, g_more + 200, MSG_TRUNC, 6);
    SayEmpty("left", fd);
    close(fd);
  }
}

static void PeekLong(void) {
  g_more = kLong;
  Peek();
  g_more = 0;
}

static void PeekEmpty(void) {
  const int fd = Open();
  MustSend(fd, &g_to, 0, 1);
  for (int i = 0; i < 4; ++i) kReceivers[i](fd, 20, MSG_PEEK | MSG_TRUNC, 1);
  kReceivers[0](fd, 20, 0, 1);
  SayEmpty("left", fd);
  close(fd);
}

static void DontWait(void) {
  const int fd = Open();
  for (int i = 0; i < 4; ++i) kReceivers[i](fd, 20, MSG_DONTWAIT, 1);
  MustSend(fd, &g_to, 10, 1); /* also where there has been traffic */
  SayEcho("echo", fd, 1);
  for (int i = 0; i < 4; ++i) kReceivers[i](fd, 20, MSG_DONTWAIT, 1);
  for (int i = 0; i < 4; ++i) kReceivers[i](fd, 20, MSG_DONTWAIT | MSG_PEEK, 1);
  if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) Abandon("fcntl");
  for (int i = 0; i < kReceiverCount; ++i) kReceivers[i](fd, 20, 0, 1);
  MustSend(fd, &g_to, 10, 2);
  if (Await(fd)) SayEcho("echo", fd, 2);
  close(fd);
}

static void ReceiveTimeout(void) {
  const int fd = Open();
  struct timeval time = {0};
  socklen_t size = sizeof time;
  MustSend(fd, &g_to, 10, 1);
  SayEcho("echo", fd, 1);
  SetReceiveTimeout(fd, 20);
  for (int i = 0; i < kReceiverCount; ++i) kReceivers[i](fd, 20, 0, 1);
  Say("getsockopt", getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &size));
  Print("%ld us, size %u", (long)time.tv_usec, size);
  close(fd);
}

static void SayWaiting(const char* what, int fd) {
  int bytes = -1;
  Say(what, ioctl(fd, FIONREAD, &bytes));
  Print("bytes %d", bytes);
}

/* FIONREAD tells the length of the first datagram that waits. */
static void Fionread(void) {
  const int fd = Open();
  SayWaiting("before", fd);
  MustSend(fd, &g_to, 33, 1);
  if (!Await(fd)) return;
  SayWaiting("one", fd);
  MustSend(fd, &g_to, 44, 2);
  SayWaiting("two", fd);
  SayEcho("echo", fd, 1);
  if (!Await(fd)) return;
  SayWaiting("second", fd);
  SayEcho("echo", fd, 2);
  SayWaiting("none", fd);
  MustSend(fd, &g_to, 0, 3);
  if (!Await(fd)) return;
  SayWaiting("empty", fd);
  SayEcho("echo", fd, 3);
  close(fd);
}

static void Sizes(void) {
  static const size_t kSizes[] = {0,    1,    2,    9,    10,   255,  256,   511,  512,
                                  1472, 1473, 2047, 2048, 2049, 9000, 32768, 65000};
  const int fd = Open();
  const int connected = OpenConnected();
  for (size_t i = 0; i < sizeof kSizes / sizeof *kSizes; ++i) {
    Say("sendto", Send(fd, &g_to, kSizes[i], (unsigned)i));
    SayEcho("echo", fd, (unsigned)i);
    Say("send", Send(connected, NULL, kSizes[i], (unsigned)i));
    SayEcho("echo", connected, (unsigned)i);
  }
  close(fd);
  close(connected);
}

/* More than IP can carry. */
static void TooLong(void) {
  static const size_t kSizes[] = {65528, 65535, 65536, 70000};
  const int fd = Open();
  const int connected = OpenConnected();
  for (size_t i = 0; i < sizeof kSizes / sizeof *kSizes; ++i) {
    struct iovec parts[2] = {{g_buffer, 65000}, {g_buffer, kSizes[i] - 65000}};
    struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = parts, .msg_iovlen = 1}},
                                  {.msg_hdr = {.msg_iov = parts, .msg_iovlen = 2}}};
    parts[0].iov_len = 10;
    parts[1].iov_len = kSizes[i] - 10;
    Say("sendto", Send(fd, &g_to, kSizes[i], 1));
    Say("send", Send(connected, NULL, kSizes[i], 1));
    Say("write", write(connected, g_buffer, kSizes[i]));
    Say("writev", writev(connected, parts, 2));
    Say("sendmsg", sendmsg(connected, &messages[1].msg_hdr, 0));
    Say("sendmmsg", sendmmsg(connected, messages, 2, 0)); /* the first is sent */
    Say("recv", recv(connected, g_buffer, sizeof g_buffer, 0));
  }
  if (g_to.ss_family == AF_INET) Say("sendto", Send(fd, &g_to, 65508, 1));
  MustSend(fd, &g_to, 10, 1);
  SayEcho("echo", fd, 1);
  close(fd);
  close(connected);
}

static struct iovec g_parts[kMostPieces + 1];

/* `count` pieces of `each` bytes, with `holes` pieces of none behind each. */
static void Cut(int count, size_t each, int holes) {
  size_t at = 0;
  for (int i = 0; i < count; ++i) {
    const size_t size = i % (holes + 1) == 0 ? each : 0;
    g_parts[i] = (struct iovec){size == 0 ? NULL : g_buffer + at, size};
    at += size;
  }
}

static void Piecewise(int fd, int count, size_t each, int holes, size_t total) {
  struct msghdr message = {
      .msg_name = &g_to, .msg_namelen = g_size, .msg_iov = g_parts, .msg_iovlen = (size_t)count};
  Cut(count, each, holes);
  Fill(g_buffer, total, 1);
  Say("sendmsg", sendmsg(fd, &message, 0));
  SayEcho("echo", fd, 1);
  MustSend(fd, &g_to, total, 2);
  message.msg_name = NULL;
  Say("recvmsg", recvmsg(fd, &message, 0));
  Print("%s flags %s", IsFilled(g_buffer, total, 2) ? "intact" : "differs", FlagNames(message.msg_flags));
}

static void Pieces(void) {
  const int fd = Open();
  const int connected = OpenConnected();
  Piecewise(fd, 20, 7, 1, 70);
  Piecewise(fd, 20, 7, 4, 28);
  for (int count = kMostPieces - 2; count <= kMostPieces; ++count)
    Piecewise(fd, count, 3, 0, 3 * (size_t)count);
  Piecewise(connected, kMostPieces, 1, 1, kMostPieces / 2);
  Cut(kMostPieces, 3, 0);
  Fill(g_buffer, 3UL * kMostPieces, 4);
  Say("writev", writev(connected, g_parts, kMostPieces));
  Say("readv", readv(connected, g_parts, kMostPieces));
  Print("%s", IsFilled(g_buffer, 3UL * kMostPieces, 4) ? "intact" : "differs");
  close(fd);
  close(connected);
}

static void TooManyPieces(void) {
  const int fd = Open();
  const int connected = OpenConnected();
  struct msghdr message = {
      .msg_name = &g_to, .msg_namelen = g_size, .msg_iov = g_parts, .msg_iovlen = kMostPieces + 1};
  struct mmsghdr messages[1] = {{.msg_hdr = message}};
  Cut(kMostPieces + 1, 1, 0);
  Say("sendmsg", sendmsg(fd, &message, 0));
  Say("sendmmsg", sendmmsg(fd, messages, 1, 0));
  Say("writev", writev(connected, g_parts, kMostPieces + 1));
  MustSend(fd, &g_to, 10, 1);
  if (!Await(fd)) return;
  Say("recvmsg", recvmsg(fd, &message, 0));
  Say("recvmmsg", recvmmsg(fd, messages, 1, MSG_DONTWAIT, NULL));
  Say("readv", readv(connected, g_parts, kMostPieces + 1));
  SayEcho("echo", fd, 1);
  close(fd);
  close(connected);
}

int main(int argc, char** argv) {
  static const struct Case kCases[] = {{"truncated", Truncated, 0},
                                       {"truncated-long", TruncatedLong, 0},
                                       {"no-room", NoRoom, 0},
                                       {"peek", Peek, 0},
                                       {"peek-long", PeekLong, 0},
                                       {"peek-empty", PeekEmpty, 0},
                                       {"dontwait", DontWait, 0},
                                       {"timeout", ReceiveTimeout, 0},
                                       {"fionread", Fionread, 0},
                                       {"sizes", Sizes, 0},
                                       {"too-long", TooLong, 0},
                                       {"pieces", Pieces, 0},
                                       {"too-many-pieces", TooManyPieces, 0},
                                       {NULL, NULL, 0}};
  return RunCases(kCases, argc, argv);
}
