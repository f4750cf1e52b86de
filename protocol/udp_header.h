// SPDX-License-Identifier: BSD-2-Clause
// The header in front of every datagram between a client and a UDP relay (RFC 1928 section 7), without I/O.
//
//   +-----+------+------+----------+----------+----------+
//   | RSV | FRAG | ATYP | DST.ADDR | DST.PORT |   DATA   |
//   +-----+------+------+----------+----------+----------+
//   |  2  |  1   |  1   | variable |    2     | variable |
//   +-----+------+------+----------+----------+----------+
//
// To the relay it names the destination, from the relay the source. Fragmentation is optional and nobody does
// it: a datagram with a FRAG other than 0 is refused, as the RFC has it for those that do not reassemble.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include "base/endpoint.h"
#include "protocol/socks5_address.h"

namespace socksify {

inline constexpr size_t kUdpMinHeaderSize = 3 + kSocks5MinAddressSize;
inline constexpr size_t kUdpMaxHeaderSize = 3 + kSocks5MaxAddressSize;
// The header of a datagram to or from an IPv4 address, and an IPv6 address.
inline constexpr size_t kUdpIpv4HeaderSize = 3 + 1 + 4 + 2;
inline constexpr size_t kUdpIpv6HeaderSize = 3 + 1 + 16 + 2;

// A plain value. The bytes are not cleared, because it is made for each datagram.
struct UdpHeader {  // NOLINT(cppcoreguidelines-pro-type-member-init)
  std::array<uint8_t, kUdpMaxHeaderSize> bytes;
  size_t size = 0;
};

// The header of a datagram for `destination`. Writes only the bytes that count. An IPv6 scope does not
// travel.
void MakeUdpHeader(const Endpoint& destination, UdpHeader* out);

enum class UdpHeaderError : uint8_t {
  kTruncated,    // the datagram ends before the header does
  kFragment,     // FRAG is not 0
  kAddressType,  // an ATYP that RFC 1928 does not have
};

struct ReceivedUdpHeader {
  Endpoint source;  // 0.0.0.0 for a name that can be none, see DecodeSocks5Address
  size_t size = 0;  // where the data begins
};

// Reads the header at the start of `datagram`, of which kUdpMaxHeaderSize bytes are enough. RSV is ignored.
std::expected<ReceivedUdpHeader, UdpHeaderError> ReadUdpHeader(std::span<const uint8_t> datagram);

// The most frequent header, of a datagram from an IPv4 address: its address and its port as they are on the
// wire, in network order, and nothing else. Null for any other header.
inline const uint8_t* Ipv4SourceOf(std::span<const uint8_t> datagram) {
  const bool is_ipv4 = datagram.size() >= kUdpIpv4HeaderSize && datagram[2] == 0 && datagram[3] == 1;
  return is_ipv4 ? datagram.data() + 4 : nullptr;
}

}  // namespace socksify
