/* SPDX-License-Identifier: BSD-2-Clause
   echo_udp HOST PORT HOW: sends 20 datagrams to a server that echoes, and prints how many came back whole
   from where they went to; or the name of the first error, such as EPERM. HOW is the call to send with, and
   implies the one to receive with: sendto, sendmsg and sendmmsg name the destination in each call; send,
   write and writev want a connected socket. No two datagrams have the same size; one is empty. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kCount = 20, kStep = 73, kMost = 2048, kBatch = 5, kTimeoutMs = 5000 };

static int g_fd;
static struct sockaddr_storage g_to;
static socklen_t g_to_length;
static unsigned char g_sent[kMost], g_received[kBatch][kMost];
static struct sockaddr_storage g_from[kBatch];

static void Fail(void) {
  printf("%s\n", strerrorname_np(errno));
  exit(1);
}

static int Check(long result) {
  if (result < 0) Fail();
  return (int)result;
}

static size_t SizeOf(int number) {
  return (size_t)number * kStep;
}

static void Fill(unsigned char* data, int number) {
  for (size_t i = 0; i < SizeOf(number); ++i) data[i] = (unsigned char)(i * 7 + (size_t)number);
}

static int IsFromServer(const struct sockaddr_storage* from, socklen_t length) {
  if (length != g_to_length || from->ss_family != g_to.ss_family) return 0;
  if (from->ss_family == AF_INET6) {
    const struct sockaddr_in6 *a = (const void*)from, *b = (const void*)&g_to;
    return a->sin6_port == b->sin6_port && memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr) == 0;
  }
  const struct sockaddr_in *a = (const void*)from, *b = (const void*)&g_to;
  return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

static void WaitForDatagram(void) {
  struct pollfd wait = {.fd = g_fd, .events = POLLIN};
  if (Check(poll(&wait, 1, kTimeoutMs)) == 0) {
    errno = ETIMEDOUT;
    Fail();
  }
}

static int IsNumber(const unsigned char* data, size_t size, int number) {
  Fill(g_sent, number);
  return size == SizeOf(number) && memcmp(data, g_sent, size) == 0;
}

/* Each sends datagram `number` whole; with two pieces where there can be two. */
static struct msghdr InPieces(struct iovec* pieces, int number) {
  pieces[0] = (struct iovec){g_sent, SizeOf(number) / 3};
  pieces[1] = (struct iovec){g_sent + SizeOf(number) / 3, SizeOf(number) - SizeOf(number) / 3};
  return (struct msghdr){.msg_name = &g_to, .msg_namelen = g_to_length, .msg_iov = pieces, .msg_iovlen = 2};
}

static int Send(const char* how, int number) {
  struct iovec pieces[2];
  const struct msghdr message = InPieces(pieces, number);
  Fill(g_sent, number);
  if (strcmp(how, "sendto") == 0)
    return Check(sendto(g_fd, g_sent, SizeOf(number), 0, (struct sockaddr*)&g_to, g_to_length));
  if (strcmp(how, "sendmsg") == 0) return Check(sendmsg(g_fd, &message, 0));
  if (strcmp(how, "send") == 0) return Check(send(g_fd, g_sent, SizeOf(number), 0));
  if (strcmp(how, "write") == 0) return Check(write(g_fd, g_sent, SizeOf(number)));
  return Check(writev(g_fd, pieces, 2));
}

/* Returns the size, and whether the source is right: who does not ask for it takes it to be. */
static size_t Receive(const char* how, int* is_source_right) {
  struct iovec pieces[2] = {{g_received[0], 100}, {g_received[0] + 100, kMost - 100}};
  struct msghdr message = {
      .msg_name = g_from, .msg_namelen = sizeof g_from[0], .msg_iov = pieces, .msg_iovlen = 2};
  socklen_t length = sizeof g_from[0];
  *is_source_right = 1;
  if (strcmp(how, "sendto") == 0) {
    const int size = Check(recvfrom(g_fd, g_received[0], kMost, 0, (struct sockaddr*)g_from, &length));
    *is_source_right = IsFromServer(g_from, length);
    return (size_t)size;
  }
  if (strcmp(how, "sendmsg") == 0) {
    const int size = Check(recvmsg(g_fd, &message, 0));
    *is_source_right = IsFromServer(g_from, message.msg_namelen) && message.msg_flags == 0;
    return (size_t)size;
  }
  if (strcmp(how, "send") == 0) return (size_t)Check(recv(g_fd, g_received[0], kMost, 0));
  if (strcmp(how, "write") == 0) return (size_t)Check(read(g_fd, g_received[0], kMost));
  return (size_t)Check(readv(g_fd, pieces, 2));
}

static int EchoOneByOne(const char* how) {
  int right = 0;
  const int first = strcmp(how, "writev") == 0;
  for (int number = first; number < first + kCount; ++number) {
    int is_source_right;
    const int is_sent = (size_t)Send(how, number) == SizeOf(number);
    WaitForDatagram();
    const size_t size = Receive(how, &is_source_right);
    right += is_sent && is_source_right && IsNumber(g_received[0], size, number);
  }
  return right;
}

/* Sends the batch that begins with `first`, and returns how many of it were sent whole. */
static int SendBatch(int first) {
  static unsigned char data[kBatch][kMost];
  struct mmsghdr messages[kBatch] = {0};
  struct iovec pieces[kBatch];
  int whole = 0;
  for (int i = 0; i < kBatch; ++i) {
    Fill(data[i], first + i);
    pieces[i] = (struct iovec){data[i], SizeOf(first + i)};
    messages[i].msg_hdr = (struct msghdr){
        .msg_name = &g_to, .msg_namelen = g_to_length, .msg_iov = &pieces[i], .msg_iovlen = 1};
  }
  const int count = Check(sendmmsg(g_fd, messages, kBatch, 0));
  for (int i = 0; i < count; ++i) whole += messages[i].msg_len == SizeOf(first + i);
  return whole;
}

/* Receives what is there, `most` at the most; adds to `right`, and returns how many there were. */
static int ReceiveSome(int first, int most, int* right) {
  struct mmsghdr messages[kBatch] = {0};
  struct iovec pieces[kBatch];
  for (int i = 0; i < most; ++i) {
    pieces[i] = (struct iovec){g_received[i], kMost};
    messages[i].msg_hdr = (struct msghdr){
        .msg_name = &g_from[i], .msg_namelen = sizeof g_from[i], .msg_iov = &pieces[i], .msg_iovlen = 1};
  }
  WaitForDatagram();
  const int count = Check(recvmmsg(g_fd, messages, (unsigned)most, MSG_WAITFORONE, NULL));
  for (int i = 0; i < count; ++i) {
    const int number = (int)(messages[i].msg_len / kStep);
    *right += number >= first && number < first + kBatch &&
              IsNumber(g_received[i], messages[i].msg_len, number) &&
              IsFromServer(&g_from[i], messages[i].msg_hdr.msg_namelen);
  }
  return count;
}

static int EchoBatches(void) {
  int right = 0;
  for (int first = 0; first < kCount; first += kBatch) {
    int batch = 0;
    const int is_sent = SendBatch(first) == kBatch;
    for (int received = 0; received < kBatch;) received += ReceiveSome(first, kBatch - received, &batch);
    right += is_sent ? batch : 0;
  }
  return right;
}

int main(int argc, char** argv) {
  const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
  struct addrinfo* found;
  if (argc != 4) return 2;
  if (getaddrinfo(argv[1], argv[2], &hints, &found) != 0) {
    puts("no address");
    return 1;
  }
  memcpy(&g_to, found->ai_addr, found->ai_addrlen);
  g_to_length = found->ai_addrlen;
  g_fd = Check(socket(found->ai_family, SOCK_DGRAM, 0));
  freeaddrinfo(found);
  if (strncmp(argv[3], "send", 4) != 0 || strcmp(argv[3], "send") == 0)
    Check(connect(g_fd, (struct sockaddr*)&g_to, g_to_length));
  printf("%d\n", strcmp(argv[3], "sendmmsg") == 0 ? EchoBatches() : EchoOneByOne(argv[3]));
  return 0;
}
