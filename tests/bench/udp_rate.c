/* SPDX-License-Identifier: BSD-2-Clause
   Datagrams per second of one call, to a destination behind a SOCKS5 relay (RFC 1928, section 7), in the same
   loop by a program that knows nothing of SOCKS and by one that makes its association itself:

     udp_rate relay SHARED                             a proxy for UDP ASSOCIATE alone, on loopback
     udp_rate plain|hand|direct CALL SIZE COUNT SHARED one measurement; CALL is one of kCalls

   `hand` connects its socket to the relay, which spares the kernel the look-up of a route for each datagram,
   builds each header beside the payload, and hands both to the kernel in two pieces. `direct` does what
   `plain` does, calling the relay its destination, with datagrams that have the header in them from the
   beginning: it is what the calls cost without any proxy. SHARED is a file that both map: the relay's port is
   there, what it has counted, and what it is asked for. Prints the nanoseconds for each datagram. The relay
   only looks at the datagrams now and then, so that it wakes nobody and is never woken: what its socket
   cannot hold meanwhile the kernel drops, at the same price for both. What is to be received lies ready
   before the clock runs. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  kHeaderSize = 10, /* reserved (2), fragment, address type, IPv4 address, port */
  kMostPayload = 1400,
  kBatch = 32,    /* of sendmmsg and recvmmsg */
  kBurst = 64,    /* lies ready to be received; the smallest default buffer holds as many of 1,200 bytes */
  kWarmUp = 2048, /* a multiple of both */
  kDestinationPort = 9999,
  kDeadlineSeconds = 60
};
static const char kDestination[] = "10.99.99.99"; /* is asked for, and nowhere */
static const char* const kCalls[] = {"sendto", "send", "sendmmsg", "recvfrom", "recvmmsg"};

struct Shared {
  _Atomic unsigned port;    /* of the relay's TCP socket, in host byte order; 0 until it listens */
  _Atomic unsigned size;    /* of the payloads, in bytes */
  _Atomic unsigned arrived; /* datagrams of this association that the relay has seen, */
  _Atomic unsigned bad;     /* and those of them that were not what they should have been */
  _Atomic unsigned wanted;  /* datagrams that the relay shall have sent, */
  _Atomic unsigned sent;    /* and those that it has */
};

static struct Shared* g_shared;
static unsigned char g_header[kHeaderSize] = {0, 0, 0, 1};
static struct sockaddr_in g_destination;

static void Fail(const char* what) {
  perror(what);
  exit(1);
}

static void Expect(int is_good, const char* what) {
  if (is_good) return;
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static void MapShared(const char* path) {
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof(struct Shared)) != 0) Fail(path);
  g_shared = mmap(NULL, sizeof(struct Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (g_shared == MAP_FAILED) Fail("mmap");
  close(fd);
}

static struct sockaddr_in Address(const char* host, unsigned port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  Expect(inet_pton(AF_INET, host, &address.sin_addr) == 1, "not an address");
  return address;
}

/* The header that leads to `to`, or that tells where a datagram comes from. */
static void WriteHeader(unsigned char* header, const struct sockaddr_in* to) {
  memcpy(header + 4, &to->sin_addr, 4);
  memcpy(header + 8, &to->sin_port, 2);
}

static void ReadAll(int fd, void* data, size_t size) {
  if (recv(fd, data, size, MSG_WAITALL) != (ssize_t)size) Fail("recv of the handshake");
}

static void WriteAll(int fd, const void* data, size_t size) {
  if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) Fail("send of the handshake");
}

static void NapMicroseconds(long microseconds) {
  const struct timespec nap = {.tv_nsec = microseconds * 1000};
  nanosleep(&nap, NULL);
}

/* The relay. One association at a time. */

/* Returns whether the client has come for an association, and has got one: the relay's UDP socket is `udp`.
 */
static int Associate(int tcp, int udp) {
  unsigned char data[262];
  if (recv(tcp, data, 2, MSG_WAITALL) != 2) return 0;
  ReadAll(tcp, data, data[1]);
  WriteAll(tcp, "\5", 2); /* no authentication, which is a zero */
  ReadAll(tcp, data, 4);
  const int command = data[1];
  Expect(data[3] == 1 || data[3] == 4, "the client should have named an address");
  ReadAll(tcp, data + 4, data[3] == 1 ? 6 : 18);
  struct sockaddr_in bound;
  socklen_t length = sizeof bound;
  if (getsockname(udp, (struct sockaddr*)&bound, &length) != 0) Fail("getsockname");
  unsigned char reply[kHeaderSize] = {5, command == 3 ? 0 : 7, 0, 1};
  WriteHeader(reply, &bound);
  WriteAll(tcp, reply, sizeof reply);
  return command == 3;
}

/* Looks at what has arrived, but not for ever. The first datagram tells where the client is. */
static void Drain(int udp, int* is_connected) {
  static unsigned char buffers[kBurst][kHeaderSize + kMostPayload];
  struct iovec pieces[kBurst];
  struct mmsghdr messages[kBurst] = {0};
  struct sockaddr_in from;
  for (int i = 0; i < kBurst; ++i) {
    pieces[i] = (struct iovec){buffers[i], sizeof buffers[i]};
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  messages[0].msg_hdr.msg_name = &from;
  messages[0].msg_hdr.msg_namelen = sizeof from;
  const int count = recvmmsg(udp, messages, kBurst, MSG_DONTWAIT, NULL);
  if (count <= 0) return;
  if (!*is_connected && connect(udp, (struct sockaddr*)&from, sizeof from) != 0) Fail("connect");
  *is_connected = 1;
  for (int i = 0; i < count; ++i) {
    if (messages[i].msg_len != kHeaderSize + g_shared->size || memcmp(buffers[i], g_header, kHeaderSize) != 0)
      ++g_shared->bad;
  }
  g_shared->arrived += (unsigned)count;
}

static void SendWanted(int udp) {
  unsigned char datagram[kHeaderSize + kMostPayload] = {0};
  memcpy(datagram, g_header, kHeaderSize);
  while (g_shared->sent != g_shared->wanted) {
    if (send(udp, datagram, kHeaderSize + g_shared->size, 0) < 0) Fail("send of the relay");
    ++g_shared->sent;
  }
}

static void Serve(int tcp) {
  const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const struct sockaddr_in any = Address("127.0.0.1", 0);
  if (udp < 0 || bind(udp, (const struct sockaddr*)&any, sizeof any) != 0) Fail("the relay's socket");
  int is_connected = 0;
  char byte;
  g_shared->arrived = g_shared->bad = g_shared->wanted = g_shared->sent = 0;
  if (Associate(tcp, udp)) {
    while (recv(tcp, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) {
      Drain(udp, &is_connected);
      if (is_connected) SendWanted(udp);
      NapMicroseconds(200);
    }
  }
  close(udp);
  close(tcp);
}

_Noreturn static void RunRelay(void) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in bound = Address("127.0.0.1", 0);
  socklen_t length = sizeof bound;
  if (bind(listener, (struct sockaddr*)&bound, length) != 0 || listen(listener, 64) != 0 ||
      getsockname(listener, (struct sockaddr*)&bound, &length) != 0)
    Fail("listen");
  g_shared->port = ntohs(bound.sin_port);
  for (;;) {
    const int tcp = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (tcp < 0) Fail("accept4");
    Serve(tcp);
  }
}

/* The client. */

struct Client {
  int fd;
  int is_by_hand;
  int is_direct;
  size_t size; /* of the payloads */
  unsigned char headers[kBatch][kHeaderSize];
  unsigned char payloads[kBatch][kHeaderSize + kMostPayload];
  struct sockaddr_in names[kBatch];
  struct iovec pieces[kBatch][2]; /* the header's piece is there by hand alone */
  struct mmsghdr messages[kBatch];
};

static struct Client g_client;

/* Returns where the relay is. The association ends with the process. */
static struct sockaddr_in AssociateByHand(void) {
  const struct sockaddr_in proxy = Address("127.0.0.1", g_shared->port);
  const int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  unsigned char answer[kHeaderSize];
  if (connect(tcp, (const struct sockaddr*)&proxy, sizeof proxy) != 0) Fail("connect to the proxy");
  WriteAll(tcp, "\5\1", 3);
  ReadAll(tcp, answer, 2);
  WriteAll(tcp, "\5\3\0\1\0\0\0\0\0", kHeaderSize);
  ReadAll(tcp, answer, sizeof answer);
  Expect(answer[1] == 0, "the proxy refuses");
  struct sockaddr_in relay = {.sin_family = AF_INET};
  memcpy(&relay.sin_addr, answer + 4, 4);
  memcpy(&relay.sin_port, answer + 8, 2);
  return relay;
}

static void PrepareMessages(int is_sending) {
  for (int i = 0; i < kBatch; ++i) {
    memcpy(g_client.headers[i], g_header, 4);
    g_client.pieces[i][0] = (struct iovec){g_client.headers[i], kHeaderSize};
    g_client.pieces[i][1] = (struct iovec){g_client.payloads[i], is_sending ? g_client.size : kMostPayload};
    struct msghdr* const message = &g_client.messages[i].msg_hdr;
    message->msg_iov = g_client.is_by_hand ? g_client.pieces[i] : &g_client.pieces[i][1];
    message->msg_iovlen = g_client.is_by_hand ? 2 : 1;
    if (!g_client.is_by_hand) message->msg_name = &g_client.names[i];
    g_client.names[i] = g_destination;
  }
}

static void ExpectSent(ssize_t sent) {
  if (sent < 0) Fail("send");
  Expect((size_t)sent == g_client.size + (g_client.is_by_hand ? kHeaderSize : 0), "a datagram was cut");
}

static void SendTo(void) {
  if (g_client.is_by_hand) {
    WriteHeader(g_client.headers[0], &g_destination);
    ExpectSent(sendmsg(g_client.fd, &g_client.messages[0].msg_hdr, 0));
  } else {
    ExpectSent(sendto(g_client.fd, g_client.payloads[0], g_client.size, 0,
                      (const struct sockaddr*)&g_destination, sizeof g_destination));
  }
}

/* Who has one destination need not write its header anew. */
static void SendConnected(void) {
  if (g_client.is_by_hand) {
    ExpectSent(sendmsg(g_client.fd, &g_client.messages[0].msg_hdr, 0));
  } else {
    ExpectSent(send(g_client.fd, g_client.payloads[0], g_client.size, 0));
  }
}

static void SendBatch(void) {
  for (int i = 0; i < kBatch; ++i) {
    if (g_client.is_by_hand)
      WriteHeader(g_client.headers[i], &g_client.names[i]);
    else
      g_client.messages[i].msg_hdr.msg_namelen = sizeof g_destination;
  }
  const int sent = sendmmsg(g_client.fd, g_client.messages, kBatch, 0);
  if (sent < 0) Fail("sendmmsg");
  Expect(sent == kBatch, "not the whole batch was sent");
  for (int i = 0; i < kBatch; ++i) ExpectSent((ssize_t)g_client.messages[i].msg_len);
}

/* Whoever receives wants to know from whom, and gets a sockaddr_in for it. */
static void ExpectReceived(int i, size_t size) {
  if (g_client.is_by_hand) {
    Expect(size > kHeaderSize && memcmp(g_client.headers[i], "\0\0\0\1", 4) == 0,
           "a datagram with a bad header");
    memcpy(&g_client.names[i].sin_addr, g_client.headers[i] + 4, 4);
    memcpy(&g_client.names[i].sin_port, g_client.headers[i] + 8, 2);
    size -= kHeaderSize;
  }
  Expect(size == g_client.size && g_client.names[i].sin_addr.s_addr == g_destination.sin_addr.s_addr &&
             g_client.names[i].sin_port == g_destination.sin_port,
         "a datagram of a wrong size, or from somebody else");
}

static void ReceiveFrom(void) {
  socklen_t length = sizeof g_destination;
  const ssize_t size = g_client.is_by_hand ? recvmsg(g_client.fd, &g_client.messages[0].msg_hdr, 0)
                                           : recvfrom(g_client.fd, g_client.payloads[0], kMostPayload, 0,
                                                      (struct sockaddr*)&g_client.names[0], &length);
  if (size < 0) Fail("receive");
  ExpectReceived(0, (size_t)size);
}

static void ReceiveBatch(void) {
  if (!g_client.is_by_hand) {
    for (int i = 0; i < kBatch; ++i) g_client.messages[i].msg_hdr.msg_namelen = sizeof g_destination;
  }
  const int count = recvmmsg(g_client.fd, g_client.messages, kBatch, 0, NULL);
  if (count < 0) Fail("recvmmsg");
  Expect(count == kBatch, "not the whole batch was received");
  for (int i = 0; i < kBatch; ++i) ExpectReceived(i, g_client.messages[i].msg_len);
}

static double Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Each returns the nanoseconds that `count` datagrams have taken. */
static double TimeSends(void (*call)(void), int step, int count) {
  const double started = Now();
  for (int i = 0; i < count; i += step) call();
  return Now() - started;
}

static double TimeReceives(void (*call)(void), int step, int count) {
  double sum = 0;
  for (int done = 0; done < count; done += kBurst) {
    g_shared->wanted += kBurst;
    while (g_shared->sent != g_shared->wanted) NapMicroseconds(50);
    sum += TimeSends(call, step, kBurst);
  }
  return sum;
}

static int FindCall(const char* name) {
  for (int i = 0; i < (int)(sizeof kCalls / sizeof *kCalls); ++i) {
    if (strcmp(name, kCalls[i]) == 0) return i;
  }
  return -1;
}

static void Open(int is_connected) {
  struct sockaddr_in to = g_destination;
  if (g_client.is_by_hand || g_client.is_direct) to = AssociateByHand();
  g_client.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (g_client.fd < 0) Fail("socket");
  if ((is_connected || g_client.is_by_hand) &&
      connect(g_client.fd, (const struct sockaddr*)&to, sizeof to) != 0)
    Fail("connect");
  if (!g_client.is_direct) return;
  g_destination = to;
  g_client.size += kHeaderSize;
  for (int i = 0; i < kBatch; ++i) memcpy(g_client.payloads[i], g_header, kHeaderSize);
}

/* Waits until the relay knows where we are. */
static void Introduce(void) {
  PrepareMessages(1);
  SendTo();
  for (int i = 0; i < 50000 && g_shared->arrived == 0; ++i) NapMicroseconds(100);
  Expect(g_shared->arrived != 0, "nothing arrives at the relay");
}

static int RunClient(const char* how, const char* name, int size, int count) {
  static void (*const kFunctions[])(void) = {SendTo, SendConnected, SendBatch, ReceiveFrom, ReceiveBatch};
  static const int kSteps[] = {1, 1, kBatch, 1, kBatch};
  const int call = FindCall(name);
  if (call < 0 || size < 1 || size > kMostPayload || count < 1) return 2;
  const int is_sending = call < 3;
  g_client.is_by_hand = strcmp(how, "hand") == 0;
  g_client.is_direct = strcmp(how, "direct") == 0;
  g_client.size = (size_t)size;
  g_shared->size = (unsigned)size;
  g_shared->arrived = g_shared->bad = g_shared->wanted = g_shared->sent = 0;
  alarm(kDeadlineSeconds);
  Open(call == FindCall("send"));
  Introduce();
  PrepareMessages(is_sending);
  for (int i = 0; i < kBatch; ++i) WriteHeader(g_client.headers[i], &g_destination);
  double (*const time_calls)(void (*)(void), int, int) = is_sending ? TimeSends : TimeReceives;
  time_calls(kFunctions[call], kSteps[call], kWarmUp);
  printf("%.1f\n", time_calls(kFunctions[call], kSteps[call], count) / count);
  Expect(g_shared->bad == 0, "the relay got datagrams that were not what they should have been");
  return 0;
}

int main(int argc, char** argv) {
  g_destination = Address(kDestination, kDestinationPort);
  WriteHeader(g_header, &g_destination);
  if (argc == 3 && strcmp(argv[1], "relay") == 0) {
    MapShared(argv[2]);
    RunRelay();
  }
  if (argc == 6 &&
      (strcmp(argv[1], "plain") == 0 || strcmp(argv[1], "hand") == 0 || strcmp(argv[1], "direct") == 0)) {
    MapShared(argv[5]);
    return RunClient(argv[1], argv[2], atoi(argv[3]), atoi(argv[4]));
  }
  return 2;
}
