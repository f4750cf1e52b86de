/* SPDX-License-Identifier: BSD-2-Clause
   udp_peers WAY [COUNT] [HOST PORT]...: one IPv4 datagram socket and the peers that the arguments name, of
   which names are looked up. By "each" it sends to each in turn, twice, and says what comes back; by
   "together" it sends to all by one call and counts what comes back of each. By "ask" it sends COUNT
   datagrams to the first, one at a time, and says what comes back within half a second of each; by "patient"
   each as often as it must. By "nowhere" it receives from the first, and then of the last by a null pointer.
   "closefrom", "close_range" and "loop" are "each" once more after all but the
   socket has been closed. */
#include "udp.h"

enum { kMostPeers = 8, kShortMs = 500, kTries = 12 };

static struct sockaddr_storage g_peers[kMostPeers];
static int g_count;

/* -1 for none of them */
static int PeerAt(const struct sockaddr_storage* from) {
  for (int i = 0; i < g_count; ++i)
    if (IsSame(&g_peers[i], from)) return i;
  return -1;
}

/* The next datagram; false if none comes in time. */
static int SayNext(int fd, size_t size, unsigned seed, int expected) {
  char data[5000];
  struct sockaddr_storage from = {0};
  socklen_t from_size = sizeof from;
  const size_t room = seed % 2 == 0 ? 512 : sizeof data;
  const long got = recvfrom(fd, data, room, 0, (struct sockaddr*)&from, &from_size);
  if (got < 0) {
    printf("nothing: %s\n", strerrorname_np(errno));
    return 0;
  }
  const int peer = PeerAt(&from);
  if (peer == expected && (size_t)got == size && IsFilled(data, size, seed))
    printf("echo of peer %d\n", peer);
  else
    printf("%ld bytes of %s (%d), %s\n", got, Who(&from, from_size), peer,
           IsFilled(data, (size_t)got, seed) ? "intact" : "differs");
  return 1;
}

static void Each(int fd) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < g_count; ++i) {
      const unsigned seed = (unsigned)(round * g_count + i);
      const long sent = Send(fd, &g_peers[i], 100, seed);
      if (sent != 100)
        printf("send to peer %d: %s\n", i, strerrorname_np(errno));
      else
        SayNext(fd, 100, seed, i);
    }
  }
}

static void Together(int fd) {
  struct mmsghdr messages[2 * kMostPeers];
  char data[100];
  struct iovec part = {data, sizeof data};
  int counts[kMostPeers] = {0};
  Fill(data, sizeof data, 1);
  for (int i = 0; i < 2 * g_count; ++i)
    messages[i] = (struct mmsghdr){
        .msg_hdr = {
            .msg_name = &g_peers[i % g_count], .msg_namelen = g_size, .msg_iov = &part, .msg_iovlen = 1}};
  printf("sendmmsg %d\n", sendmmsg(fd, messages, (unsigned)(2 * g_count), 0));
  for (int i = 0; i < 2 * g_count; ++i) {
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof from;
    const long got = recvfrom(fd, data, sizeof data, 0, (struct sockaddr*)&from, &size);
    const int peer = got < 0 ? -1 : PeerAt(&from);
    if (peer < 0 || got != sizeof data || !IsFilled(data, sizeof data, 1))
      printf("%ld bytes, %s\n", got, got < 0 ? strerrorname_np(errno) : Who(&from, size));
    else
      ++counts[peer];
  }
  for (int i = 0; i < g_count; ++i) printf("%d of peer %d\n", counts[i], i);
}

static void Ask(int fd, int times) {
  SetReceiveTimeout(fd, kShortMs);
  for (int i = 0; i < times; ++i) {
    const long sent = Send(fd, &g_peers[0], 100, (unsigned)i);
    if (sent != 100)
      printf("send: %s\n", strerrorname_np(errno));
    else
      SayNext(fd, 100, (unsigned)i, 0);
  }
  char byte;
  printf("left: %s\n", recv(fd, &byte, 1, MSG_DONTWAIT) < 0 ? strerrorname_np(errno) : "something");
}

static void Patient(int fd, int times) {
  for (int i = 0; i < times; ++i) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int tries = 0;
    do {
      ++tries;
      (void)Send(fd, &g_peers[0], 100, (unsigned)i);
    } while (tries < kTries && poll(&ready, 1, kShortMs) != 1);
    if (!SayNext(fd, 100, (unsigned)i, 0)) return;
  }
}

static void Nowhere(int fd) {
  for (int i = 0; i < 3; ++i) {
    struct iovec part = {NULL, i == 0 ? 100 : 9000};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
    if (Send(fd, &g_peers[0], 100, 1) != 100 || !SayNext(fd, 100, 1, 0)) return;
    (void)Send(fd, &g_peers[g_count - 1], 5, 1);
    const long got = i == 2 ? recvmmsg(fd, &message, 1, 0, NULL) : recv(fd, NULL, part.iov_len, 0);
    printf("%ld %s\n", got, got < 0 ? strerrorname_np(errno) : "");
  }
}

/* All that the program did not open, as it sees it. */
static void CloseOthers(int fd, const char* way) {
  for (int other = 3; other < fd; ++other) close(other);
  if (strcmp(way, "closefrom") == 0) closefrom(fd + 1);
  if (strcmp(way, "close_range") == 0) close_range((unsigned)fd + 1, ~0U, 0);
  for (int other = fd + 1; strcmp(way, "loop") == 0 && other < 65536; ++other) close(other);
}

int main(int argc, char** argv) {
  const char* const way = argc > 1 ? argv[1] : "";
  const int is_counted = strcmp(way, "ask") == 0 || strcmp(way, "patient") == 0;
  int at = is_counted ? 3 : 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  g_case = way;
  signal(SIGALRM, HandleAlarm);
  alarm(20);
  for (; at + 1 < argc && g_count < kMostPeers; at += 2, ++g_count) {
    const struct addrinfo* const found = Resolve(argv[at], argv[at + 1], AF_INET);
    memcpy(&g_peers[g_count], found->ai_addr, found->ai_addrlen);
    g_size = found->ai_addrlen;
  }
  if (g_count == 0) {
    printf("%s WAY [COUNT] HOST PORT [HOST PORT]...\n", argv[0]);
    return 2;
  }
  g_to = g_peers[0];
  const int fd = Open();
  if (strcmp(way, "together") == 0) {
    Together(fd);
  } else if (strcmp(way, "nowhere") == 0) {
    Nowhere(fd);
  } else if (is_counted) {
    way[0] == 'a' ? Ask(fd, atoi(argv[2])) : Patient(fd, atoi(argv[2]));
  } else {
    Each(fd);
    if (strcmp(way, "each") == 0) return 0;
    CloseOthers(fd, way);
    Each(fd);
    const int next = open("/dev/null", O_RDONLY);
    printf("next descriptor %s\n", next == fd + 1 || next < fd ? "as ever" : "elsewhere");
  }
  return 0;
}
