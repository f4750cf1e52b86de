// SPDX-License-Identifier: BSD-2-Clause
// DnsTransport: how a DNS query reaches a name server, as a parameter.
//
// Inside the preload the route table decides which way that is, and the calls must be libc's originals.
// Nothing in a transport may throw: between it and its caller stand frames of a C library.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "base/endpoint.h"

namespace socksify {

enum class DnsProtocol : uint8_t { kTcp, kUdp };

struct DnsTransport {
  void* context = nullptr;

  // A socket for `server`, which is never a name: a TCP connection that stands, or a UDP socket that
  // exchanges datagrams with that server alone, by whatever way they go. It may be of any family, blocking or
  // not, and should be close-on-exec. Takes at most `timeout_ms`, which is at least 1. -1 and errno on
  // failure.
  int (*open)(void* context, DnsProtocol protocol, const Endpoint& server, int timeout_ms) = nullptr;

  // For the sockets of open(); as their man pages say. The flags are MSG_DONTWAIT and MSG_NOSIGNAL.
  ssize_t (*send)(int fd, const void* data, size_t size, int flags) = nullptr;
  ssize_t (*recv)(int fd, void* data, size_t size, int flags) = nullptr;
  int (*poll)(pollfd* fds, nfds_t count, int timeout_ms) = nullptr;
  int (*close)(int fd) = nullptr;
};

}  // namespace socksify
