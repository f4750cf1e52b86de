/* SPDX-License-Identifier: BSD-2-Clause
   udp_state FAMILY ADDRESS PORT CASE: who a socket is connected to, what else it knows of itself, and what
   becomes of that when it is copied, closed or shut down. */
#include "udp.h"

#include <netinet/udp.h>

static void SayPeer(const char* what, int fd) {
  struct sockaddr_storage peer = {0};
  socklen_t size = sizeof peer;
  if (getpeername(fd, (struct sockaddr*)&peer, &size) != 0)
    Print("%s: %s", what, strerrorname_np(errno));
  else
    Print("%s: %s size %s", what, Who(&peer, size), size == g_size ? "ok" : "wrong");
}

static void SayOption(const char* what, int fd, int level, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  if (getsockopt(fd, level, option, &value, &size) != 0)
    Print("%s: %s", what, strerrorname_np(errno));
  else
    Print("%s: %d size %u", what, value, size);
}

static long Disconnect(int fd) {
  const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
  return connect(fd, &nobody, sizeof nobody);
}

static void SayBound(const char* what, int fd) {
  struct sockaddr_storage own = {0};
  socklen_t size = sizeof own;
  Say(what, getsockname(fd, (struct sockaddr*)&own, &size));
  Print("family %s size %s port %s", own.ss_family == g_to.ss_family ? "ok" : "wrong",
        size == g_size ? "ok" : "wrong", ((struct sockaddr_in*)&own)->sin_port != 0 ? "some" : "none");
}

static void Connected(void) {
  const int fd = Open();
  SayPeer("before", fd);
  SayBound("getsockname", fd);
  Say("connect", Connect(fd, &g_to));
  SayPeer("after", fd);
  SayBound("getsockname", fd);
  Say("connect again", Connect(fd, &g_to));
  MustSend(fd, NULL, 10, 1);
  SayEcho("echo", fd, 1);
  SayOption("error", fd, SOL_SOCKET, SO_ERROR);
  close(fd);
}

static void BadAddresses(void) {
  const int fd = Open();
  struct sockaddr_storage odd = g_to;
  struct sockaddr_storage to = {0};
  Say("connect short", connect(fd, (struct sockaddr*)&g_to, 4));
  Say("connect one short", connect(fd, (struct sockaddr*)&g_to, g_size == 16 ? 15 : 23));
  Say("sendto short", sendto(fd, "x", 1, 0, (struct sockaddr*)&g_to, 4));
  Say("sendto nobody", sendto(fd, "x", 1, 0, NULL, 0));
  Say("sendto nobody of a size", sendto(fd, "x", 1, 0, NULL, g_size));
  odd.ss_family = AF_UNIX;
  Say("connect unix", connect(fd, (struct sockaddr*)&odd, g_size));
  Say("sendto unix", sendto(fd, "x", 1, 0, (struct sockaddr*)&odd, g_size));
  to.ss_family = g_to.ss_family;
  Say("sendto port 0", sendto(fd, "x", 1, 0, (struct sockaddr*)&to, g_size));
  Say("sendto more than a sockaddr",
      sendto(fd, "x", 1, 0, (struct sockaddr*)&g_to, (socklen_t)sizeof g_to + 1));
  Say("sendto longer", sendto(fd, "abcd", 4, 0, (struct sockaddr*)&g_to, sizeof g_to));
  Say("recv", recv(fd, &to, sizeof to, 0));
  close(fd);
  const int another = Open();
  if (g_to.ss_family == AF_INET) /* IPv6 does not look at it */
    Say("sendto oob", sendto(another, "x", 1, MSG_OOB, (struct sockaddr*)&g_to, g_size));
  Say("sendto from a bad pointer", sendto(another, (void*)8, 10, 0, (struct sockaddr*)&g_to, g_size));
  close(another);
}

/* As the kernel has it, which drops what does not fit. */
static void BadPointers(void) {
  const int fd = Open();
  struct iovec part = {(void*)8, 10};
  struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
  MustSend(fd, &g_to, 10, 1);
  SayEcho("echo", fd, 1);
  Say("sendto", sendto(fd, (void*)8, 10, 0, (struct sockaddr*)&g_to, g_size));
  for (int i = 0; i < 5; ++i) {
    MustSend(fd, &g_to, 10, 2);
    if (!Await(fd)) return;
    if (i == 0) Say("recv", recv(fd, (void*)8, 10, 0));
    if (i == 1) Say("recvfrom", recvfrom(fd, NULL, 10, 0, NULL, NULL));
    if (i == 2) Say("recvmsg", recvmsg(fd, &message.msg_hdr, 0));
    if (i == 3) Say("recvmmsg", recvmmsg(fd, &message, 1, 0, NULL));
    if (i == 4) Say("readv", readv(fd, &part, 1));
    SayEmpty("left", fd);
  }
  close(fd);
}

/* A connected socket receives from its peer alone. */
static void Reconnected(void) {
  const int fd = OpenConnected();
  MustSend(fd, NULL, 10, 1);
  SayEcho("first", fd, 1);
  Say("connect", Connect(fd, &g_other));
  SayPeer("other", fd);
  MustSend(fd, &g_to, 11, 2);
  MustSend(fd, NULL, 12, 3);
  SayEcho("second", fd, 3);
  SetReceiveTimeout(fd, 200);
  SayEcho("none of the first's", fd, 2);
  SetReceiveTimeout(fd, kPatienceMs);
  Say("connect", Connect(fd, &g_to));
  SayPeer("back", fd);
  MustSend(fd, NULL, 13, 4);
  SayEcho("third", fd, 4);
  close(fd);
}

/* What waits already is not taken back. */
static void Requeued(void) {
  const int fd = OpenConnected();
  MustSend(fd, NULL, 10, 1);
  if (!Await(fd)) return;
  Say("connect", Connect(fd, &g_other));
  MustSend(fd, NULL, 11, 2);
  SayEcho("first", fd, 1);
  SayEcho("second", fd, 2);
  close(fd);
}

static void Unspec(void) {
  const int fd = OpenConnected();
  MustSend(fd, NULL, 10, 1);
  SayEcho("echo", fd, 1);
  Say("disconnect", Disconnect(fd));
  SayPeer("peer", fd);
  Say("send", send(fd, "x", 1, 0));
  Say("write", write(fd, "x", 1));
  MustSend(fd, &g_other, 11, 2);
  SayEcho("other", fd, 2);
  MustSend(fd, &g_to, 12, 3);
  SayEcho("peer", fd, 3);
  Say("disconnect again", Disconnect(fd));
  Say("connect", Connect(fd, &g_to));
  MustSend(fd, NULL, 13, 4);
  SayEcho("echo", fd, 4);
  close(fd);
}

static void Elsewhere(void) {
  const int fd = OpenConnected();
  Say("sendto peer", Send(fd, &g_to, 10, 1));
  SayEcho("echo", fd, 1);
  Say("sendto other", Send(fd, &g_other, 11, 2));
  MustSend(fd, NULL, 12, 3);
  SayEcho("echo", fd, 3);
  SayPeer("peer", fd);
  SetReceiveTimeout(fd, 200);
  SayEcho("none of the other's", fd, 2);
  close(fd);
}

static void Nowhere(void) {
  const int fd = Open();
  struct iovec part = {"x", 1};
  struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
  for (int i = 0; i < 2; ++i) {
    Say("send", send(fd, "x", 1, 0));
    Say("write", write(fd, "x", 1));
    Say("writev", writev(fd, &part, 1));
    Say("sendmsg", sendmsg(fd, &message.msg_hdr, 0));
    Say("sendmmsg", sendmmsg(fd, &message, 1, 0));
    MustSend(fd, &g_to, 10, 1); /* and once more where there has been traffic */
    SayEcho("echo", fd, 1);
  }
  close(fd);
}

/* Two addresses in turn, in one call. */
static void Alternately(void) {
  const int fd = Open();
  struct iovec parts[6];
  struct mmsghdr messages[6];
  char data[6][20];
  int from_peer = 0;
  int from_other = 0;
  for (int i = 0; i < 6; ++i) {
    Fill(data[i], sizeof data[i], (unsigned)i);
    parts[i] = (struct iovec){data[i], 10 + (size_t)i};
    messages[i] = (struct mmsghdr){.msg_hdr = {.msg_name = i % 2 == 0 ? &g_to : &g_other,
                                               .msg_namelen = g_size,
                                               .msg_iov = &parts[i],
                                               .msg_iovlen = 1}};
  }
  Say("sendmmsg", sendmmsg(fd, messages, 6, 0));
  for (int i = 0; i < 6; ++i) {
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof from;
    char buffer[64];
    const long got = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr*)&from, &size);
    if (got < 10) Abandon("recvfrom");
    const char* const expected = got % 2 == 0 ? "peer" : "other";
    if (!IsFilled(buffer, (size_t)got, (unsigned)got - 10)) Print("differs");
    if (strcmp(Who(&from, size), expected) != 0) Print("source %s", Who(&from, size));
    got % 2 == 0 ? ++from_peer : ++from_other;
  }
  Print("%d of the peer, %d of the other", from_peer, from_other);
  SayEmpty("left", fd);
  close(fd);
}

static void More(void) {
  const int fd = OpenConnected();
  const int free_one = Open();
  const int connected = fd;
  char data[30];
  Fill(data, sizeof data, 1);
  Say("send more", send(fd, data, 10, MSG_MORE));
  SayEmpty("not yet", fd);
  Say("write", write(fd, data + 10, 5));
  SayEcho("echo", fd, 1);
  Say("sendto more", sendto(free_one, data, 10, MSG_MORE, (struct sockaddr*)&g_to, g_size));
  Say("sendto more", sendto(free_one, data + 10, 10, MSG_MORE, (struct sockaddr*)&g_to, g_size));
  Say("sendto", sendto(free_one, data + 20, 10, 0, (struct sockaddr*)&g_to, g_size));
  SayEcho("echo", free_one, 1);
  MustSend(connected, NULL, 9, 3);
  SayEcho("echo", connected, 3);
  SayEmpty("left", fd);
  close(fd);
  close(free_one);
}

static void Cork(void) {
  const int fd = OpenConnected();
  const int on = 1;
  const int off = 0;
  char data[30];
  Fill(data, sizeof data, 1);
  SayOption("UDP_CORK", fd, IPPROTO_UDP, UDP_CORK);
  Say("on", setsockopt(fd, IPPROTO_UDP, UDP_CORK, &on, sizeof on));
  SayOption("UDP_CORK", fd, IPPROTO_UDP, UDP_CORK);
  Say("send", send(fd, data, 10, 0));
  Say("send", send(fd, data + 10, 20, 0));
  SayEmpty("not yet", fd);
  Say("off", setsockopt(fd, IPPROTO_UDP, UDP_CORK, &off, sizeof off));
  SayOption("UDP_CORK", fd, IPPROTO_UDP, UDP_CORK);
  SayEcho("echo", fd, 1);
  MustSend(fd, NULL, 9, 3);
  SayEcho("echo", fd, 3);
  SayEmpty("left", fd);
  close(fd);
}

static void Copied(void) {
  const int fd = Open();
  const int before = dup(fd);
  Say("connect", Connect(fd, &g_to));
  const int after = fcntl(fd, F_DUPFD_CLOEXEC, 100);
  const int onto = dup2(fd, 90);
  const int all[] = {before, after, onto};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
    SayPeer("peer", all[i]);
    MustSend(all[i], NULL, 10, (unsigned)i);
    SayEcho("echo by the first", fd, (unsigned)i);
    MustSend(fd, NULL, 11, (unsigned)i);
    SayEcho("echo by the copy", all[i], (unsigned)i);
  }
  close(fd);
  MustSend(before, NULL, 12, 7);
  SayEcho("the first is closed", after, 7);
  Say("disconnect", Disconnect(onto));
  SayPeer("peer", before);
  MustSend(after, &g_other, 12, 8);
  SayEcho("other", before, 8);
  close(before);
  close(after);
  close(onto);
}

static void Reopened(void) {
  const int fd = OpenConnected();
  MustSend(fd, NULL, 10, 1);
  SayEcho("echo", fd, 1);
  close(fd);
  const int again = Open();
  Print("%s descriptor", again == fd ? "same" : "another");
  SayPeer("peer", again);
  Say("send", send(again, "x", 1, 0));
  MustSend(again, &g_other, 11, 2);
  SayEcho("echo", again, 2);
  close(again);
  Say("closed", Send(again, &g_to, 10, 1));
  Say("closed", recv(again, &(char){0}, 1, MSG_DONTWAIT));
  const int file = open("/dev/null", O_RDWR);
  Say("write to a file", write(file, "x", 1));
  Say("send to a file", send(file, "x", 1, 0));
  close(file);
}

static void Shut(void) {
  const int fd = OpenConnected();
  const int free_one = Open();
  Say("shutdown unconnected", shutdown(free_one, SHUT_RD));
  MustSend(fd, NULL, 10, 1);
  SayEcho("echo", fd, 1);
  Say("shutdown read", shutdown(fd, SHUT_RD));
  Say("recv", recv(fd, &(char){0}, 1, 0));
  Say("recv", recv(fd, &(char){0}, 1, MSG_DONTWAIT));
  Say("send", Send(fd, NULL, 10, 2));
  Say("shutdown write", shutdown(fd, SHUT_WR));
  Say("send", Send(fd, NULL, 10, 3));
  close(fd);
  close(free_one);
}

static void Options(void) {
  const int fd = Open();
  const int size = 65536;
  Say("SO_SNDBUF", setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
  for (int i = 0; i < 2; ++i) {
    SayOption("SO_TYPE", fd, SOL_SOCKET, SO_TYPE);
    SayOption("SO_DOMAIN", fd, SOL_SOCKET, SO_DOMAIN);
    SayOption("SO_PROTOCOL", fd, SOL_SOCKET, SO_PROTOCOL);
    SayOption("SO_ERROR", fd, SOL_SOCKET, SO_ERROR);
    SayOption("SO_SNDBUF", fd, SOL_SOCKET, SO_SNDBUF);
    SayOption("SO_ACCEPTCONN", fd, SOL_SOCKET, SO_ACCEPTCONN);
    SayOption("SO_BROADCAST", fd, SOL_SOCKET, SO_BROADCAST);
    SayOption("SO_REUSEADDR", fd, SOL_SOCKET, SO_REUSEADDR);
    Print("F_GETFL %#x F_GETFD %d", (unsigned)fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
    Say("listen", listen(fd, 1));
    MustSend(fd, &g_to, 10, 1);
    SayEcho("echo", fd, 1);
  }
  close(fd);
}

int main(int argc, char** argv) {
  static const struct Case kCases[] = {{"connected", Connected, 0},
                                       {"bad-addresses", BadAddresses, 0},
                                       {"bad-pointers", BadPointers, 0},
                                       {"reconnected", Reconnected, 0},
                                       {"requeued", Requeued, 0},
                                       {"unspec", Unspec, 0},
                                       {"elsewhere", Elsewhere, 0},
                                       {"nowhere", Nowhere, 0},
                                       {"alternately", Alternately, 0},
                                       {"more", More, 0},
                                       {"cork", Cork, 0},
                                       {"copied", Copied, 0},
                                       {"reopened", Reopened, 0},
                                       {"shut", Shut, 0},
                                       {"options", Options, 0},
                                       {NULL, NULL, 0}};
  return RunCases(kCases, argc, argv);
}
