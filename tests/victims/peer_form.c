/* SPDX-License-Identifier: BSD-2-Clause
   peer_form ADDRESS PORT: connects by an address with more behind it, as those do that keep all addresses in
   a sockaddr_storage, and prints in what form getpeername(2) gives it back: blocking, non-blocking and over
   UDP. */
#include "victim.h"

#include <poll.h>
#include <stddef.h>

static socklen_t Read(const char* text, unsigned short port, struct sockaddr_storage* out) {
  struct sockaddr_in* const v4 = (struct sockaddr_in*)out;
  struct sockaddr_in6* const v6 = (struct sockaddr_in6*)out;
  memset(out, 0x11, sizeof *out); /* sin_zero, too */
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof *v4;
  }
  memset(v6, 0, sizeof *v6);
  if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1) exit(2);
  v6->sin6_family = AF_INET6;
  v6->sin6_scope_id = 7; /* which only link-local addresses have */
  v6->sin6_port = htons(port);
  return sizeof *v6;
}

static void Try(const char* name, int type, const struct sockaddr_storage* to, socklen_t own_size) {
  unsigned char peer[2 * sizeof *to];
  socklen_t size = sizeof peer;
  const int fd = socket(to->ss_family, type, 0);
  if (fd < 0) Fail("socket");
  if (connect(fd, (const struct sockaddr*)to, sizeof *to) != 0) {
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    if (errno != EINPROGRESS || poll(&writable, 1, 10000) != 1) Fail("connect");
  }
  memset(peer, 0x22, sizeof peer);
  if (getpeername(fd, (struct sockaddr*)peer, &size) != 0) Fail("getpeername");
  const size_t zero_begin = to->ss_family == AF_INET ? offsetof(struct sockaddr_in, sin_zero)
                                                     : offsetof(struct sockaddr_in6, sin6_scope_id);
  int is_clear = 1;
  for (size_t i = zero_begin; i < own_size; ++i) is_clear &= peer[i] == 0;
  for (size_t i = own_size; i < sizeof peer; ++i) is_clear &= peer[i] == 0x22;
  printf("%s: own size %d, same address %d, nothing else %d\n", name, size == own_size,
         memcmp(peer, to, zero_begin) == 0, is_clear);
  close(fd);
}

int main(int argc, char** argv) {
  struct sockaddr_storage to;
  if (argc != 3) return 2;
  const socklen_t size = Read(argv[1], (unsigned short)atoi(argv[2]), &to);
  Try("blocking", SOCK_STREAM, &to, size);
  Try("non-blocking", SOCK_STREAM | SOCK_NONBLOCK, &to, size);
  Try("datagrams", SOCK_DGRAM, &to, size);
  return 0;
}
