// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/socks5_address.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "protocol/message.h"

namespace socksify {
namespace {

constexpr uint8_t kTypeIpv4 = 1;
constexpr uint8_t kTypeName = 3;
constexpr uint8_t kTypeIpv6 = 4;

}  // namespace

size_t Socks5AddressSize(uint8_t type, uint8_t first_address_byte) {
  switch (type) {
    case kTypeIpv4: return 1 + 4 + 2;
    case kTypeName: return 1 + 1 + size_t{first_address_byte} + 2;
    case kTypeIpv6: return 1 + 16 + 2;
    default: return 0;
  }
}

size_t EncodeSocks5Address(const Endpoint& endpoint, std::span<uint8_t, kSocks5MaxAddressSize> out) {
  size_t size = 0;
  if (endpoint.is_name()) {
    out[size++] = kTypeName;
    out[size++] = static_cast<uint8_t>(endpoint.name().size());
  } else {
    out[size++] = endpoint.ip().is_v4() ? kTypeIpv4 : kTypeIpv6;
  }
  const std::span<const uint8_t> address =
      endpoint.is_name() ? AsBytes(endpoint.name()) : endpoint.ip().bytes();
  std::ranges::copy(address, out.begin() + size);
  size += address.size();
  out[size++] = static_cast<uint8_t>(endpoint.port() >> 8);
  out[size++] = static_cast<uint8_t>(endpoint.port());
  return size;
}

Endpoint DecodeSocks5Address(std::span<const uint8_t> field) {
  const auto port = static_cast<uint16_t>(field[field.size() - 2] << 8 | field[field.size() - 1]);
  const std::span<const uint8_t> address = field.subspan(1, field.size() - 3);
  if (field[0] == kTypeIpv6) return Endpoint::FromIp(IpAddress::V6(address.first<16>()), port);
  if (field[0] == kTypeIpv4) {
    const uint32_t value =
        uint32_t{address[0]} << 24 | uint32_t{address[1]} << 16 | uint32_t{address[2]} << 8 | address[3];
    return Endpoint::FromIp(IpAddress::V4(value), port);
  }
  const std::string_view name(reinterpret_cast<const char*>(address.data()) + 1, address.size() - 1);
  return Endpoint::FromName(name, port).value_or(Endpoint::FromIp(IpAddress(), port));
}

}  // namespace socksify
