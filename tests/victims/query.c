/* SPDX-License-Identifier: BSD-2-Clause
   query SERVER WAY NAME TYPE [EDNS_SIZE]: asks a name server by UDP, as a program does that speaks DNS by
   itself, and prints what the answer says and where it came from. WAY is how it sends and receives: send
   sendto sendmsg sendmmsg write writev twice epoll both truncated malformed */
#include "victim.h"

#include <arpa/nameser.h>
#include <poll.h>
#include <resolv.h>
#include <sys/epoll.h>
#include <sys/uio.h>

static unsigned char g_query[NS_MAXMSG];
static int g_size;
static struct sockaddr_storage g_server;
static socklen_t g_server_size;

static void ParseServer(const char* text) {
  struct sockaddr_in* v4 = (struct sockaddr_in*)&g_server;
  struct sockaddr_in6* v6 = (struct sockaddr_in6*)&g_server;
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(53);
    g_server_size = sizeof *v4;
  } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(53);
    g_server_size = sizeof *v6;
  }
}

static void PrintAddress(const char* what, const struct sockaddr_storage* address) {
  char host[64], port[16];
  const socklen_t size =
      address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  if (getnameinfo((const struct sockaddr*)address, size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) == 0)
    printf("%s %s port %s\n", what, host, port);
}

static void PrintRecord(ns_msg* message, ns_sect section, int index) {
  ns_rr record;
  char text[INET6_ADDRSTRLEN + 256] = "";
  if (ns_parserr(message, section, index, &record) != 0) {
    printf("bad record\n");
    return;
  }
  if (ns_rr_type(record) == ns_t_a) inet_ntop(AF_INET, ns_rr_rdata(record), text, sizeof text);
  if (ns_rr_type(record) == ns_t_aaaa) inet_ntop(AF_INET6, ns_rr_rdata(record), text, sizeof text);
  if (ns_rr_type(record) == ns_t_ptr || ns_rr_type(record) == ns_t_mx)
    ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message),
                       ns_rr_rdata(record) + (ns_rr_type(record) == ns_t_mx ? 2 : 0), text, sizeof text);
  if (ns_rr_type(record) == ns_t_opt) {
    printf("edns\n");
    return;
  }
  printf("%s type %d %s\n", ns_rr_name(record), ns_rr_type(record), text);
}

static void PrintAnswer(const unsigned char* answer, ssize_t size) {
  ns_msg message;
  if (size < 0) Fail("receive");
  if (ns_initparse(answer, (int)size, &message) != 0) {
    printf("not understood\n");
    return;
  }
  printf("rcode %d%s%s\n", ns_msg_getflag(message, ns_f_rcode),
         ns_msg_getflag(message, ns_f_tc) ? " truncated" : "",
         ns_msg_id(message) == (g_query[0] << 8 | g_query[1]) ? "" : " of another query");
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) PrintRecord(&message, ns_s_an, i);
  for (int i = 0; i < ns_msg_count(message, ns_s_ar); ++i) PrintRecord(&message, ns_s_ar, i);
}

static void AwaitReadable(int fd) {
  struct pollfd readable = {.fd = fd, .events = POLLIN};
  if (poll(&readable, 1, 10000) != 1) {
    printf("no answer\n");
    exit(1);
  }
}

static void ReceiveFrom(int fd) {
  unsigned char answer[NS_MAXMSG];
  struct sockaddr_storage from;
  socklen_t size = sizeof from;
  AwaitReadable(fd);
  const ssize_t got = recvfrom(fd, answer, sizeof answer, 0, (struct sockaddr*)&from, &size);
  PrintAnswer(answer, got);
  PrintAddress("from", &from);
}

static void ReceiveMessage(int fd, int many) {
  unsigned char answer[NS_MAXMSG];
  struct sockaddr_storage from;
  struct iovec part = {.iov_base = answer, .iov_len = sizeof answer};
  struct mmsghdr message = {
      .msg_hdr = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1}};
  AwaitReadable(fd);
  ssize_t got = 0;
  if (many) {
    if (recvmmsg(fd, &message, 1, 0, NULL) != 1) Fail("recvmmsg");
    got = message.msg_len;
  } else {
    got = recvmsg(fd, &message.msg_hdr, 0);
  }
  PrintAnswer(answer, got);
  PrintAddress("from", &from);
}

static void ReceivePlain(int fd) {
  unsigned char answer[NS_MAXMSG];
  AwaitReadable(fd);
  PrintAnswer(answer, read(fd, answer, sizeof answer));
}

static void Connect(int fd) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  if (connect(fd, (struct sockaddr*)&g_server, g_server_size) != 0) Fail("connect");
  if (getpeername(fd, (struct sockaddr*)&peer, &size) != 0) Fail("getpeername");
  PrintAddress("peer", &peer);
}

int main(int argc, char** argv) {
  const char* way = argv[2];
  ParseServer(argv[1]);
  g_size = res_mkquery(ns_o_query, argv[3], ns_c_in, atoi(argv[4]), NULL, 0, NULL, g_query, sizeof g_query);
  if (argc > 5) { /* an OPT record (RFC 6891) */
    const int room = atoi(argv[5]);
    const unsigned char opt[] = {0, 0, 41, (unsigned char)(room >> 8), (unsigned char)room, 0, 0, 0, 0, 0, 0};
    memcpy(g_query + g_size, opt, sizeof opt);
    g_size += (int)sizeof opt;
    g_query[11] = 1;
  }
  const int fd = socket(g_server.ss_family, SOCK_DGRAM, 0);
  struct iovec parts[] = {{.iov_base = g_query, .iov_len = 5},
                          {.iov_base = g_query + 5, .iov_len = (size_t)g_size - 5}};
  struct mmsghdr message = {
      .msg_hdr = {.msg_name = &g_server, .msg_namelen = g_server_size, .msg_iov = parts, .msg_iovlen = 2}};
  struct sockaddr* server = (struct sockaddr*)&g_server;
  if (strcmp(way, "sendto") == 0) {
    if (sendto(fd, g_query, (size_t)g_size, 0, server, g_server_size) != g_size) Fail("sendto");
    ReceiveFrom(fd);
  } else if (strcmp(way, "unspec") == 0) { /* an AF_INET socket takes it so (udp(7)) */
    server->sa_family = AF_UNSPEC;
    if (sendto(fd, g_query, (size_t)g_size, 0, server, g_server_size) != g_size) Fail("sendto");
    ReceiveFrom(fd);
  } else if (strcmp(way, "sendmsg") == 0) {
    if (sendmsg(fd, &message.msg_hdr, 0) != g_size) Fail("sendmsg");
    ReceiveMessage(fd, 0);
  } else if (strcmp(way, "sendmmsg") == 0) {
    if (sendmmsg(fd, &message, 1, 0) != 1 || message.msg_len != (unsigned)g_size) Fail("sendmmsg");
    ReceiveMessage(fd, 1);
  } else if (strcmp(way, "malformed") == 0) {
    if (sendto(fd, g_query, 14, 0, server, g_server_size) != 14) Fail("sendto");
    ReceiveFrom(fd);
  } else if (strcmp(way, "both") == 0) { /* two servers by one socket */
    struct sockaddr_in* v4 = (struct sockaddr_in*)&g_server;
    if (sendto(fd, g_query, (size_t)g_size, 0, server, g_server_size) != g_size) Fail("sendto");
    v4->sin_addr.s_addr = htonl(ntohl(v4->sin_addr.s_addr) + 1);
    if (sendto(fd, g_query, (size_t)g_size, 0, server, g_server_size) != g_size) Fail("sendto");
    ReceiveFrom(fd);
    ReceiveFrom(fd);
  } else {
    Connect(fd);
    if (strcmp(way, "write") == 0) {
      if (write(fd, g_query, (size_t)g_size) != g_size) Fail("write");
      ReceivePlain(fd);
    } else if (strcmp(way, "writev") == 0) {
      if (writev(fd, parts, 2) != g_size) Fail("writev");
      ReceivePlain(fd);
    } else if (strcmp(way, "epoll") == 0) {
      struct epoll_event event = {.events = EPOLLIN | EPOLLET};
      const int set = epoll_create1(0);
      epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
      if (epoll_wait(set, &event, 1, 0) != 0) printf("early\n");
      if (send(fd, g_query, (size_t)g_size, MSG_DONTWAIT) != g_size) Fail("send");
      printf("epoll_wait %d\n", epoll_wait(set, &event, 1, 10000));
      ReceiveFrom(fd);
    } else {
      const int times = strcmp(way, "twice") == 0 ? 2 : 1;
      for (int i = 0; i < times; ++i) {
        if (send(fd, g_query, (size_t)g_size, 0) != g_size) Fail("send");
        ReceiveFrom(fd);
      }
      if (times == 2) {
        const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
        if (connect(fd, &nobody, sizeof nobody) != 0) Fail("disconnect");
        printf("send: %s\n", send(fd, g_query, (size_t)g_size, 0) < 0 ? strerrorname_np(errno) : "sent");
      }
    }
  }
  return 0;
}
