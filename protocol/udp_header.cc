// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/udp_header.h"

namespace socksify {
namespace {

constexpr size_t kFragmentOffset = 2;
constexpr size_t kAddressOffset = 3;

}  // namespace

void MakeUdpHeader(const Endpoint& destination, UdpHeader* out) {
  out->bytes[0] = out->bytes[1] = out->bytes[kFragmentOffset] = 0;
  out->size =
      kAddressOffset + EncodeSocks5Address(destination, std::span(out->bytes).subspan<kAddressOffset>());
}

std::expected<ReceivedUdpHeader, UdpHeaderError> ReadUdpHeader(std::span<const uint8_t> datagram) {
  if (datagram.size() < kUdpMinHeaderSize) return std::unexpected(UdpHeaderError::kTruncated);
  if (datagram[kFragmentOffset] != 0) return std::unexpected(UdpHeaderError::kFragment);
  const size_t address_size = Socks5AddressSize(datagram[kAddressOffset], datagram[kAddressOffset + 1]);
  if (address_size == 0) return std::unexpected(UdpHeaderError::kAddressType);
  const std::span<const uint8_t> address = datagram.subspan(kAddressOffset);
  if (address.size() < address_size) return std::unexpected(UdpHeaderError::kTruncated);
  return ReceivedUdpHeader{.source = DecodeSocks5Address(address.first(address_size)),
                           .size = kAddressOffset + address_size};
}

}  // namespace socksify
