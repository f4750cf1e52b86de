// SPDX-License-Identifier: BSD-2-Clause
// The address field that every SOCKS5 message shares (RFC 1928 sections 4, 5, 6 and 7): ATYP, an address of
// that type, and a port in network order.
//
//   +------+----------+------+
//   | ATYP |   ADDR   | PORT |     ATYP 1: 4 bytes, an IPv4 address
//   +------+----------+------+     ATYP 3: one byte with the length of the name, and the name without a NUL
//   |  1   | variable |  2   |     ATYP 4: 16 bytes, an IPv6 address
//   +------+----------+------+
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/endpoint.h"

namespace socksify {

// The shortest field is an empty name.
constexpr size_t kSocks5MinAddressSize = 1 + 1 + 2;
constexpr size_t kSocks5Ipv4AddressSize = 1 + 4 + 2;
constexpr size_t kSocks5MaxAddressSize = 1 + 1 + Endpoint::kMaxNameSize + 2;

// The size of the whole field as its first two bytes tell, or 0 for an address type that RFC 1928 lacks.
size_t Socks5AddressSize(uint8_t type, uint8_t first_address_byte);

// Writes `endpoint` to the front of `out` and returns the size of the field. An IPv6 scope does not travel.
size_t EncodeSocks5Address(const Endpoint& endpoint, std::span<uint8_t, kSocks5MaxAddressSize> out);

// Reads a whole field, of exactly Socks5AddressSize bytes and of a known type. A name that cannot be one
// (empty, or with a NUL in it) becomes 0.0.0.0 with the port.
Endpoint DecodeSocks5Address(std::span<const uint8_t> field);

}  // namespace socksify
