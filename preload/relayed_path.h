// SPDX-License-Identifier: BSD-2-Clause
// The way of one datagram to its relay: the header that goes in front and the address that the kernel is
// given. A socket remembers the ways of the last few, so that most datagrams meet neither the route table nor
// the table of fake addresses.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <span>

#include "preload/decision.h"
#include "preload/relays.h"
#include "protocol/udp_header.h"

namespace socksify {

// A view of what the kernel is told.
struct Way {
  std::span<const uint8_t> header;
  const sockaddr_in6* address;  // in the family of the program's socket
  socklen_t address_size;       // 0: the kernel has the socket connected to it

  const sockaddr* destination() const {
    return address_size != 0 ? reinterpret_cast<const sockaddr*>(address) : nullptr;
  }
};

struct Outgoing {  // NOLINT(cppcoreguidelines-pro-type-member-init): made for each datagram
  UdpHeader header;
  sockaddr_in6 address;
  socklen_t address_size;

  Way way() const { return {{header.bytes.data(), header.size}, &address, address_size}; }
};

// The decision for a datagram without an address, on a socket with IsConnectedByRelay(). False with errno.
bool DecideForPeer(Runtime* runtime, int fd, Decision* out);
// Whether a datagram with an address goes to the very peer of the socket, whose answers it is to receive.
bool IsForPeer(int fd, const Decision& decision);

// Finds the way, asking a proxy if need be (FindPath()). `is_to_peer`: the kernel is given no address, but is
// connected to the relay. False with errno.
bool Prepare(Runtime* runtime, int fd, RelayedSocket* socket, const Decision& decision, bool is_to_peer,
             Outgoing* out);

// What was remembered of the way to `address`; for a null address that to the peer. False where none is, or
// it is time to look at the relay.
bool RecallPath(const RelayedSocket& socket, const sockaddr* address, socklen_t size, KnownPath* out);
// Remembers a way that Prepare() has found. `generation` is the socket's from before.
void RememberPath(Runtime* runtime, RelayedSocket* socket, uint32_t generation, const sockaddr* address,
                  socklen_t size, const Decision& decision, const Outgoing& way);

}  // namespace socksify
