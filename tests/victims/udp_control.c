/* SPDX-License-Identifier: BSD-2-Clause
   udp_control FAMILY ADDRESS PORT CASE: control messages, the error queue, buffers for addresses that are too
   short or missing. Apart from "all": offload, multicast, broadcast. */
#include "udp.h"

#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static int IsV6(void) {
  return g_to.ss_family == AF_INET6;
}

static void SetOn(const char* what, int fd, int level, int option) {
  const int on = 1;
  Say(what, setsockopt(fd, level, option, &on, sizeof on));
}

/* Receives with room for `room` bytes of control messages, and says of which kinds they are. */
static void SayControl(int fd, size_t room, int flags, unsigned seed) {
  _Alignas(struct cmsghdr) char control[512];
  char data[64];
  struct sockaddr_storage from = {0};
  struct iovec part = {data, sizeof data};
  struct mmsghdr message = {.msg_hdr = {.msg_name = &from,
                                        .msg_namelen = sizeof from,
                                        .msg_iov = &part,
                                        .msg_iovlen = 1,
                                        .msg_control = control,
                                        .msg_controllen = room}};
  const long got = recvmsg(fd, &message.msg_hdr, flags);
  if (got < 0) {
    Print("recvmsg: %s", strerrorname_np(errno));
    return;
  }
  Print("recvmsg: %ld %s source %s flags %s control %zu", got,
        IsFilled(data, (size_t)got, seed) ? "intact" : "differs", Who(&from, message.msg_hdr.msg_namelen),
        FlagNames(message.msg_hdr.msg_flags), (size_t)message.msg_hdr.msg_controllen);
  if ((message.msg_hdr.msg_flags & MSG_CTRUNC) != 0) return;
  for (struct cmsghdr* c = CMSG_FIRSTHDR(&message.msg_hdr); c != NULL; c = CMSG_NXTHDR(&message.msg_hdr, c))
    Print("level %d type %d length %zu", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len);
}

static void WithOption(const char* what, int level, int option) {
  const int fd = Open();
  SetOn(what, fd, level, option);
  for (unsigned i = 0; i < 2; ++i) {
    MustSend(fd, &g_to, 20, i);
    SayControl(fd, 512, MSG_PEEK, i);
    SayControl(fd, 512, 0, i);
  }
  Connect(fd, &g_to);
  MustSend(fd, NULL, 20, 5);
  SayControl(fd, 512, 0, 5);
  close(fd);
}

static void PacketInfo(void) {
  if (IsV6())
    WithOption("IPV6_RECVPKTINFO", IPPROTO_IPV6, IPV6_RECVPKTINFO);
  else
    WithOption("IP_PKTINFO", IPPROTO_IP, IP_PKTINFO);
}

static void Timestamp(void) {
  WithOption("SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP);
  WithOption("SO_TIMESTAMPNS", SOL_SOCKET, SO_TIMESTAMPNS);
}

static void None(void) {
  const int fd = Open();
  MustSend(fd, &g_to, 20, 1);
  SayControl(fd, 512, 0, 1);
  close(fd);
}

static void Several(void) {
  const int fd = Open();
  SetOn("SO_TIMESTAMP", fd, SOL_SOCKET, SO_TIMESTAMP);
  SetOn("SO_RXQ_OVFL", fd, SOL_SOCKET, SO_RXQ_OVFL);
  if (IsV6()) { /* the others are not for IPv4's packets */
    SetOn("IPV6_RECVPKTINFO", fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
  } else {
    SetOn("IP_PKTINFO", fd, IPPROTO_IP, IP_PKTINFO);
    SetOn("IP_RECVTTL", fd, IPPROTO_IP, IP_RECVTTL);
    SetOn("IP_RECVTOS", fd, IPPROTO_IP, IP_RECVTOS);
  }
  MustSend(fd, &g_to, 20, 1);
  SayControl(fd, 512, 0, 1);
  close(fd);
}

static void TooShort(void) {
  static const size_t kRooms[] = {0, 4, sizeof(struct cmsghdr), sizeof(struct cmsghdr) + 4, 512};
  const int fd = Open();
  SetOn("SO_TIMESTAMP", fd, SOL_SOCKET, SO_TIMESTAMP);
  for (unsigned i = 0; i < sizeof kRooms / sizeof *kRooms; ++i) {
    MustSend(fd, &g_to, 20, i);
    SayControl(fd, kRooms[i], 0, i);
  }
  close(fd);
}

/* What the program says about its own packet. */
static void Sent(void) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {"hello", 5};
  struct mmsghdr message = {.msg_hdr = {.msg_name = &g_to,
                                        .msg_namelen = g_size,
                                        .msg_iov = &part,
                                        .msg_iovlen = 1,
                                        .msg_control = &control,
                                        .msg_controllen = sizeof control}};
  const int fd = Open();
  const int limit = 17;
  char data[16] = "";
  memset(&control, 0, sizeof control);
  control.header.cmsg_len = CMSG_LEN(sizeof limit);
  control.header.cmsg_level = IsV6() ? IPPROTO_IPV6 : IPPROTO_IP;
  control.header.cmsg_type = IsV6() ? IPV6_HOPLIMIT : IP_TTL;
  memcpy(CMSG_DATA(&control.header), &limit, sizeof limit);
  Say("sendmsg", sendmsg(fd, &message.msg_hdr, 0));
  Say("recv", recv(fd, data, sizeof data - 1, 0));
  Say("sendmmsg", sendmmsg(fd, &message, 1, 0));
  Say("recv", recv(fd, data, sizeof data - 1, 0));
  Print("%s", data);
  control.header.cmsg_len = 3;
  Say("malformed", sendmsg(fd, &message.msg_hdr, 0));
  close(fd);
}

static void ErrorQueue(void) {
  const int fd = Open();
  char data[64];
  Say("before", recv(fd, data, sizeof data, MSG_ERRQUEUE));
  MustSend(fd, &g_to, 20, 1);
  if (!Await(fd)) return;
  Say("recv", recv(fd, data, sizeof data, MSG_ERRQUEUE));
  SayControl(fd, 512, MSG_ERRQUEUE, 1);
  SetOn("IP_RECVERR", fd, IsV6() ? IPPROTO_IPV6 : IPPROTO_IP, IsV6() ? IPV6_RECVERR : IP_RECVERR);
  SayControl(fd, 512, MSG_ERRQUEUE, 1);
  SayControl(fd, 512, 0, 1);
  close(fd);
}

/* As much of the address as there is room for, and its true size. */
static void ShortAddress(void) {
  static const socklen_t kRooms[] = {0, 1, 2, 4, 8, 15, 16, 23, 28, 64};
  const int fd = Open();
  char data[64];
  for (size_t i = 0; i < sizeof kRooms / sizeof *kRooms; ++i) {
    for (int is_message = 0; is_message < 2; ++is_message) {
      char from[80];
      struct iovec part = {data, sizeof data};
      struct msghdr message = {.msg_name = from, .msg_namelen = kRooms[i], .msg_iov = &part, .msg_iovlen = 1};
      socklen_t size = kRooms[i];
      const size_t written = size < g_size ? size : g_size;
      memset(from, '#', sizeof from);
      MustSend(fd, &g_to, 20, 1);
      const long got = is_message ? recvmsg(fd, &message, 0)
                                  : recvfrom(fd, data, sizeof data, 0, (struct sockaddr*)from, &size);
      if (is_message) size = message.msg_namelen;
      Print("room %u: %ld size %s %s%s", kRooms[i], got, size == g_size ? "true" : "wrong",
            memcmp(from, &g_to, written) == 0 ? "prefix" : "differs",
            from[written] == '#' ? "" : ", written past the end");
    }
  }
  close(fd);
}

static void NoAddress(void) {
  const int fd = Open();
  char data[64];
  socklen_t size = 44;
  struct iovec part = {data, sizeof data};
  struct msghdr message = {.msg_namelen = 44, .msg_iov = &part, .msg_iovlen = 1};
  for (int i = 0; i < 3; ++i) MustSend(fd, &g_to, 20, 1);
  Say("recvfrom", recvfrom(fd, data, sizeof data, 0, NULL, &size));
  Print("size %u", size);
  Say("recvfrom", recvfrom(fd, data, sizeof data, 0, NULL, NULL));
  Say("recvmsg", recvmsg(fd, &message, 0));
  Print("size %u", message.msg_namelen);
  message.msg_namelen = g_size;
  part.iov_len = 5;
  Say("sendmsg", sendmsg(fd, &message, 0));
  if (Connect(fd, &g_to) != 0) Abandon("connect");
  Say("sendmsg", sendmsg(fd, &message, 0));
  Say("recv", recv(fd, data, sizeof data, 0));
  close(fd);
}

/* Segmentation offload: what it would cut into datagrams has one header. */
static void Offload(void) {
  const int fd = Open();
  const int size = 100;
  Say("UDP_SEGMENT", setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size));
  SetOn("UDP_GRO", fd, IPPROTO_UDP, UDP_GRO);
  MustSend(fd, &g_to, 20, 1);
  SayEcho("echo", fd, 1);
  Say("UDP_SEGMENT", setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size));
  SetOn("UDP_GRO", fd, IPPROTO_UDP, UDP_GRO);
  MustSend(fd, &g_to, 20, 2);
  SayEcho("echo", fd, 2);
  close(fd);
}

static void SendAway(const char* what, int fd, const char* host, int port) {
  struct sockaddr_storage to = {0};
  const socklen_t kept = g_size;
  ParsePeer(&to, strchr(host, ':') != NULL ? "6" : "4", host, port);
  Say(what, sendto(fd, "hello", 5, 0, (struct sockaddr*)&to, g_size));
  g_size = kept;
}

/* Neither leaves the machine, should it go direct: a limit of 0 hops, the loopback device. */
static void Multicast(void) {
  const int fd = Open();
  const int hops = 0;
  if (IsV6()) {
    Say("hops", setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops));
    SendAway("multicast", fd, "ff02::fb", 5353);
  } else {
    Say("hops", setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops));
    SendAway("multicast", fd, "224.0.0.251", 5353);
  }
  close(fd);
}

static void Broadcast(void) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) != 0) Abandon("SO_BINDTODEVICE");
  SendAway("not allowed", fd, "255.255.255.255", 9);
  SetOn("SO_BROADCAST", fd, SOL_SOCKET, SO_BROADCAST);
  SendAway("broadcast", fd, "255.255.255.255", 9);
  close(fd);
}

int main(int argc, char** argv) {
  static const struct Case kCases[] = {{"none", None, 0},
                                       {"pktinfo", PacketInfo, 0},
                                       {"timestamp", Timestamp, 0},
                                       {"several", Several, 0},
                                       {"too-short", TooShort, 0},
                                       {"sent", Sent, 0},
                                       {"errqueue", ErrorQueue, 0},
                                       {"short-address", ShortAddress, 0},
                                       {"no-address", NoAddress, 0},
                                       {"offload", Offload, 1},
                                       {"multicast", Multicast, 1},
                                       {"broadcast", Broadcast, 1},
                                       {NULL, NULL, 0}};
  return RunCases(kCases, argc, argv);
}
