/* SPDX-License-Identifier: BSD-2-Clause
   udp_calls FAMILY ADDRESS PORT CASE: every call that sends a datagram, paired with every one that receives
   one. A case is a receiving call. */
#include "udp.h"

#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>

enum { kRoom = 5000, kMost = 3 };

struct Datagram {
  char data[kRoom];
  long length;
  int flags;
  struct sockaddr_storage from;
  socklen_t from_size;
};

/* Not known to the compiler: that is when a fortified program calls __recv_chk and its like. */
static volatile size_t g_room = kRoom;
static volatile nfds_t g_one = 1;
static char g_in[kRoom];

/* --- Sending. Each sends `count` datagrams of `size` bytes, and returns what the last call returned. */

static char g_data[kMost][kRoom];
static struct iovec g_parts[kMost][3];
static struct mmsghdr g_messages[kMost];

/* Fills the datagrams with their pattern, the first by seed 1, each in `parts` pieces, for `to` or nobody. */
static void Prepare(int parts, size_t size, const struct sockaddr_storage* to) {
  for (int i = 0; i < kMost; ++i) {
    Fill(g_data[i], size, (unsigned)i + 1);
    const size_t cut = size / 3;
    for (int j = 0; j < 3; ++j)
      g_parts[i][j] = (struct iovec){g_data[i] + (size_t)j * cut, j == 2 ? size - 2 * cut : cut};
    if (parts == 1) g_parts[i][0].iov_len = size;
    g_messages[i].msg_hdr = (struct msghdr){.msg_name = (void*)to,
                                            .msg_namelen = to == NULL ? 0 : g_size,
                                            .msg_iov = g_parts[i],
                                            .msg_iovlen = (size_t)parts};
    g_messages[i].msg_len = 77;
  }
}

static long BySendto(int fd, size_t size) {
  Prepare(1, size, NULL);
  return sendto(fd, g_data[0], size, 0, (struct sockaddr*)&g_to, g_size);
}

static long BySendmsg(int fd, size_t size) {
  Prepare(1, size, &g_to);
  return sendmsg(fd, &g_messages[0].msg_hdr, 0);
}

static long BySendmsgGather(int fd, size_t size) {
  Prepare(3, size, &g_to);
  return sendmsg(fd, &g_messages[0].msg_hdr, 0);
}

static long BySendmsgOfNothing(int fd, size_t size) {
  (void)size;
  Prepare(0, 0, &g_to);
  g_messages[0].msg_hdr.msg_iov = NULL;
  return sendmsg(fd, &g_messages[0].msg_hdr, 0);
}

static long BySendmmsg(int fd, size_t size) {
  Prepare(3, size, &g_to);
  const long sent = sendmmsg(fd, g_messages, kMost, 0);
  for (int i = 0; i < kMost; ++i)
    if (g_messages[i].msg_len != size) Print("msg_len of %d: %u", i, g_messages[i].msg_len);
  return sent;
}

static long ByConnectAndSend(int fd, size_t size) {
  Prepare(1, size, NULL);
  return Connect(fd, &g_to) != 0 ? -1 : send(fd, g_data[0], size, 0);
}

static long ByConnectAndSendmsg(int fd, size_t size) {
  Prepare(3, size, NULL);
  return Connect(fd, &g_to) != 0 ? -1 : sendmsg(fd, &g_messages[0].msg_hdr, 0);
}

static long ByConnectAndSendmmsg(int fd, size_t size) {
  Prepare(3, size, NULL);
  return Connect(fd, &g_to) != 0 ? -1 : sendmmsg(fd, g_messages, kMost, 0);
}

static long ByConnectAndWrite(int fd, size_t size) {
  Prepare(1, size, NULL);
  return Connect(fd, &g_to) != 0 ? -1 : write(fd, g_data[0], size);
}

static long ByConnectAndWritev(int fd, size_t size) {
  Prepare(3, size, NULL);
  return Connect(fd, &g_to) != 0 ? -1 : writev(fd, g_parts[0], 3);
}

static long ByNumber(int fd, size_t size) {
  Prepare(3, size, &g_to);
  if (syscall(SYS_sendto, fd, g_data[0], size, 0, &g_to, g_size) != (long)size) return -1;
  if (syscall(SYS_sendmsg, fd, &g_messages[1].msg_hdr, 0) != (long)size) return -1;
  return syscall(SYS_sendmmsg, fd, &g_messages[2], 1, 0);
}

static long ByNumberConnected(int fd, size_t size) {
  Prepare(3, size, NULL);
  if (syscall(SYS_connect, fd, &g_to, g_size) != 0) return -1;
  if (syscall(SYS_write, fd, g_data[0], size) != (long)size) return -1;
  if (syscall(SYS_writev, fd, g_parts[1], 3) != (long)size) return -1;
  return syscall(SYS_sendto, fd, g_data[2], size, 0, NULL, 0);
}

static const struct Sender {
  const char* name;
  long (*run)(int fd, size_t size);
  int count;      /* datagrams that it sends */
  int only_empty; /* can send nothing but an empty one */
  int not_empty;  /* sends none where there is nothing to send */
} kSenders[] = {{"sendto", BySendto, 1, 0, 0},
                {"sendmsg", BySendmsg, 1, 0, 0},
                {"sendmsg gather", BySendmsgGather, 1, 0, 0},
                {"sendmsg nothing", BySendmsgOfNothing, 1, 1, 0},
                {"sendmmsg", BySendmmsg, kMost, 0, 0},
                {"connect send", ByConnectAndSend, 1, 0, 0},
                {"connect sendmsg", ByConnectAndSendmsg, 1, 0, 0},
                {"connect sendmmsg", ByConnectAndSendmmsg, kMost, 0, 0},
                {"connect write", ByConnectAndWrite, 1, 0, 0},
                {"connect writev", ByConnectAndWritev, 1, 0, 1},
                {"by number", ByNumber, kMost, 0, 0},
                {"connect by number", ByNumberConnected, kMost, 0, 1}};

/* --- Receiving. Each receives up to `count` datagrams, and returns how many. */

static int Take(struct Datagram* into, long length) {
  into->length = length;
  return length < 0 ? -1 : 1;
}

/* As Take(), of a datagram in g_in, whose size the compiler knows. */
static int Move(struct Datagram* into, long length) {
  if (length > 0) memcpy(into->data, g_in, (size_t)length);
  return Take(into, length);
}

static int Recvfrom(int fd, struct Datagram* into, int count) {
  (void)count;
  const size_t room = g_room;
  into->from_size = sizeof into->from;
  return Move(into, recvfrom(fd, g_in, room, 0, (struct sockaddr*)&into->from, &into->from_size));
}

static int RecvfromNobody(int fd, struct Datagram* into, int count) {
  (void)count;
  const size_t room = g_room;
  return Move(into, recvfrom(fd, g_in, room, 0, NULL, NULL));
}

static int Recv(int fd, struct Datagram* into, int count) {
  (void)count;
  const size_t room = g_room;
  return Move(into, recv(fd, g_in, room, 0));
}

static int Read(int fd, struct Datagram* into, int count) {
  (void)count;
  const size_t room = g_room;
  return Move(into, read(fd, g_in, room));
}

/* Three pieces, the first ones so small that a datagram of some bytes goes into all. */
static void Scatter(struct Datagram* into, struct iovec* parts) {
  parts[0] = (struct iovec){into->data, 2};
  parts[1] = (struct iovec){into->data + 2, 5};
  parts[2] = (struct iovec){into->data + 7, g_room - 7};
}

static int Readv(int fd, struct Datagram* into, int count) {
  (void)count;
  struct iovec parts[3];
  Scatter(into, parts);
  return Take(into, readv(fd, parts, 3));
}

static struct msghdr MessageFor(struct Datagram* into, struct iovec* parts) {
  Scatter(into, parts);
  return (struct msghdr){.msg_name = &into->from,
                         .msg_namelen = sizeof into->from,
                         .msg_iov = parts,
                         .msg_iovlen = 3,
                         .msg_flags = 0x5a5a};
}

static int Recvmsg(int fd, struct Datagram* into, int count) {
  (void)count;
  struct iovec parts[3];
  struct msghdr message = MessageFor(into, parts);
  const long length = recvmsg(fd, &message, 0);
  into->from_size = message.msg_namelen;
  into->flags = message.msg_flags;
  return Take(into, length);
}

static int RecvmsgByNumber(int fd, struct Datagram* into, int count) {
  (void)count;
  struct iovec parts[3];
  struct msghdr message = MessageFor(into, parts);
  const long length = syscall(SYS_recvmsg, fd, &message, 0);
  into->from_size = message.msg_namelen;
  into->flags = message.msg_flags;
  return Take(into, length);
}

static int RecvfromByNumber(int fd, struct Datagram* into, int count) {
  (void)count;
  into->from_size = sizeof into->from;
  return Take(into, syscall(SYS_recvfrom, fd, into->data, g_room, 0, &into->from, &into->from_size));
}

static int ReadByNumber(int fd, struct Datagram* into, int count) {
  (void)count;
  return Take(into, syscall(SYS_read, fd, into->data, g_room));
}

static int ReadvByNumber(int fd, struct Datagram* into, int count) {
  (void)count;
  struct iovec parts[3];
  Scatter(into, parts);
  return Take(into, syscall(SYS_readv, fd, parts, 3));
}

static int Many(int fd, struct Datagram* into, int count, int flags, int by_number) {
  struct iovec parts[kMost][3];
  struct mmsghdr messages[kMost];
  for (int i = 0; i < count; ++i) messages[i].msg_hdr = MessageFor(&into[i], parts[i]);
  const int got = by_number ? (int)syscall(SYS_recvmmsg, fd, messages, count, flags, NULL)
                            : recvmmsg(fd, messages, (unsigned)count, flags, NULL);
  for (int i = 0; i < got; ++i) {
    into[i].length = messages[i].msg_len;
    into[i].from_size = messages[i].msg_hdr.msg_namelen;
    into[i].flags = messages[i].msg_hdr.msg_flags;
  }
  return got;
}

/* Waits until all are there. */
static int Recvmmsg(int fd, struct Datagram* into, int count) {
  return Many(fd, into, count, 0, 0);
}

static int RecvmmsgWaitForOne(int fd, struct Datagram* into, int count) {
  return Many(fd, into, count, MSG_WAITFORONE, 0);
}

static int RecvmmsgByNumber(int fd, struct Datagram* into, int count) {
  return Many(fd, into, count, 0, 1);
}

static int PollRecv(int fd, struct Datagram* into, int count) {
  const nfds_t one = g_one;
  struct pollfd ready[1] = {{.fd = fd, .events = POLLIN}};
  if (poll(ready, one, kPatienceMs) != 1) return -1;
  if (ready[0].revents != POLLIN) Print("poll: %#x", (unsigned)ready[0].revents);
  return Recv(fd, into, count);
}

static int EpollRecv(int fd, struct Datagram* into, int count) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  const int set = epoll_create1(0);
  if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0 || epoll_wait(set, &event, 1, kPatienceMs) != 1)
    return -1;
  if (event.events != EPOLLIN || event.data.fd != fd) Print("epoll_wait: %#x", event.events);
  close(set);
  return Recv(fd, into, count);
}

static int SelectRecv(int fd, struct Datagram* into, int count) {
  struct timeval time = {.tv_sec = kPatienceMs / 1000};
  fd_set readable;
  FD_ZERO(&readable);
  FD_SET(fd, &readable);
  if (select(fd + 1, &readable, NULL, NULL, &time) != 1 || !FD_ISSET(fd, &readable)) return -1;
  return Recv(fd, into, count);
}

/* One line per pair: what sending said, and each datagram. */
static void Pair(const struct Sender* sender, int (*receive)(int, struct Datagram*, int), size_t size) {
  static struct Datagram datagrams[kMost];
  char line[512];
  memset(datagrams, 0, sizeof datagrams);
  const int fd = Open();
  const long sent = sender->run(fd, size);
  if (sent < 0) {
    Print("%s %zu: %s", sender->name, size, strerrorname_np(errno));
    close(fd);
    return;
  }
  int length = snprintf(line, sizeof line, "%s %zu: %ld", sender->name, size, sent);
  for (int done = 0; done < sender->count;) {
    const int got = receive(fd, &datagrams[done], sender->count - done);
    if (got <= 0) {
      Print("%s, then %s", line, got == 0 ? "none" : strerrorname_np(errno));
      close(fd);
      return;
    }
    for (int i = done; i < done + got; ++i)
      length += snprintf(
          line + length, sizeof line - (size_t)length, ", %ld %s source %s flags %s", datagrams[i].length,
          IsFilled(datagrams[i].data, (size_t)datagrams[i].length, (unsigned)i + 1) ? "intact" : "differs",
          Who(&datagrams[i].from, datagrams[i].from_size), FlagNames(datagrams[i].flags));
    done += got;
  }
  Print("%s", line);
  SayEmpty("left", fd);
  close(fd);
}

static void WithAllSendersAndRoom(int (*receive)(int, struct Datagram*, int), size_t room) {
  g_room = room;
  for (size_t i = 0; i < sizeof kSenders / sizeof *kSenders; ++i) {
    if (!kSenders[i].only_empty) Pair(&kSenders[i], receive, 100);
    if (!kSenders[i].not_empty) Pair(&kSenders[i], receive, 0);
  }
}

/* Short buffers, and longer ones. */
static void WithAllSenders(int (*receive)(int, struct Datagram*, int)) {
  WithAllSendersAndRoom(receive, 200);
  WithAllSendersAndRoom(receive, kRoom);
}

#define RECEIVER(name)           \
  static void With##name(void) { \
    WithAllSenders(name);        \
  }

RECEIVER(Recvfrom)
RECEIVER(RecvfromNobody)
RECEIVER(Recv)
RECEIVER(Read)
RECEIVER(Readv)
RECEIVER(Recvmsg)
RECEIVER(Recvmmsg)
RECEIVER(RecvmmsgWaitForOne)
RECEIVER(PollRecv)
RECEIVER(EpollRecv)
RECEIVER(SelectRecv)
RECEIVER(RecvfromByNumber)
RECEIVER(RecvmsgByNumber)
RECEIVER(RecvmmsgByNumber)
RECEIVER(ReadByNumber)
RECEIVER(ReadvByNumber)

int main(int argc, char** argv) {
  static const struct Case kCases[] = {{"recvfrom", WithRecvfrom, 0},
                                       {"recvfrom-nobody", WithRecvfromNobody, 0},
                                       {"recv", WithRecv, 0},
                                       {"read", WithRead, 0},
                                       {"readv", WithReadv, 0},
                                       {"recvmsg", WithRecvmsg, 0},
                                       {"recvmmsg", WithRecvmmsg, 0},
                                       {"recvmmsg-waitforone", WithRecvmmsgWaitForOne, 0},
                                       {"poll", WithPollRecv, 0},
                                       {"epoll", WithEpollRecv, 0},
                                       {"select", WithSelectRecv, 0},
                                       {"recvfrom-number", WithRecvfromByNumber, 0},
                                       {"recvmsg-number", WithRecvmsgByNumber, 0},
                                       {"recvmmsg-number", WithRecvmmsgByNumber, 0},
                                       {"read-number", WithReadByNumber, 0},
                                       {"readv-number", WithReadvByNumber, 0},
                                       {NULL, NULL, 0}};
  return RunCases(kCases, argc, argv);
}
