// SPDX-License-Identifier: BSD-2-Clause
// The edge between Endpoint (host order) and struct sockaddr (network order).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>

#include "base/endpoint.h"

namespace socksify {

// Any socket address that the project handles, as an owned value. One of another family, as the kernel may
// write here, is cut off; its family can still be read.
union SocketAddress {
  sockaddr generic;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

// An Endpoint without a name, which is most of one.
struct IpAndPort {
  IpAddress ip;
  uint16_t port = 0;
};

// Reads an AF_INET or AF_INET6 address of `size` bytes; nothing for another family or one that is too short
// (ip(7), ipv6(7): 24 bytes without the scope are enough for IPv6). The pointer may be unaligned.
// ::ffff:a.b.c.d stays as it is; use IpAddress::Unmapped.
std::optional<IpAndPort> ReadSockaddr(const sockaddr* address, socklen_t size);
std::optional<Endpoint> EndpointFromSockaddr(const sockaddr* address, socklen_t size);

// Writes `ip` and `port` for a socket of `family` (AF_INET or AF_INET6) and returns the size written. IPv4 on
// an AF_INET6 socket becomes ::ffff:a.b.c.d. Returns 0 where it cannot be said: IPv6 on AF_INET. An address
// of global scope gets no scope id, as the kernel has it in what it gives back.
socklen_t ToSockaddr(const IpAddress& ip, uint16_t port, int family, SocketAddress* out);

// Writes an address that a program gave in the form in which the kernel gives it back: of its family's size,
// whatever more or less there was, and with nothing in what means nothing. Returns the size; 0 where
// ReadSockaddr reads nothing.
socklen_t NormalizeSockaddr(const sockaddr* address, socklen_t size, SocketAddress* out);

// Copies a socket address to a caller's buffer as the kernel does (getpeername(2)): truncated to *size,
// which then gets the full size. `Address` is a SocketAddress or what has room for those of other families.
template <typename Address>
void CopySockaddr(const Address& from, socklen_t from_size, sockaddr* to, socklen_t* size) {
  if (from_size == sizeof(sockaddr_in) && *size >= from_size) {
    // The usual case, of a size that the compiler knows.
    std::memcpy(to, &from, sizeof(sockaddr_in));
  } else {
    std::memcpy(to, &from, std::min<size_t>({*size, from_size, sizeof from}));
  }
  *size = from_size;
}

}  // namespace socksify
