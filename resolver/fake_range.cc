// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/fake_range.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace socksify {
namespace {

constexpr unsigned kV4Bits = 32;
constexpr unsigned kV6Bits = 128;
// The last four bytes of an IPv6 address hold the slot number: capacity is far below 2^32.
constexpr size_t kV6HighBytes = 12;

std::array<uint8_t, 16> V6Bytes(const IpAddress& address) {
  std::array<uint8_t, 16> bytes{};
  std::ranges::copy(address.bytes(), bytes.begin());
  return bytes;
}

uint32_t LowWord(const std::array<uint8_t, 16>& bytes) {
  uint32_t value = 0;
  for (size_t i = kV6HighBytes; i < bytes.size(); ++i) value = value << 8 | bytes[i];
  return value;
}

IpAddress WithLowWord(std::array<uint8_t, 16> bytes, uint32_t value) {
  for (size_t i = bytes.size(); i-- > kV6HighBytes; value >>= 8) bytes[i] = static_cast<uint8_t>(value);
  return IpAddress::V6(bytes);
}

IpAddress NetworkOf(const IpAddress& address, unsigned prefix_bits) {
  if (address.is_v4()) {
    const uint64_t mask = ~uint64_t{0} << (kV4Bits - prefix_bits);
    return IpAddress::V4(address.v4_value() & static_cast<uint32_t>(mask));
  }
  std::array<uint8_t, 16> bytes = V6Bytes(address);
  for (unsigned bit = prefix_bits; bit < kV6Bits; ++bit) {
    bytes[bit / 8] &= static_cast<uint8_t>(~(0x80U >> bit % 8));
  }
  return IpAddress::V6(bytes);
}

uint32_t AddressCount(unsigned host_bits, uint32_t max) {
  return host_bits >= 32 ? max : static_cast<uint32_t>(std::min<uint64_t>(uint64_t{1} << host_bits, max));
}

}  // namespace

std::optional<FakeRangeMap> FakeRangeMap::Make(const FakeRange& range, uint32_t max_slots) {
  if (!range.v4.is_v4() || range.v4_bits > kV4Bits) return std::nullopt;
  if (!range.v6.is_v6() || range.v6_bits > kV6Bits) return std::nullopt;
  FakeRangeMap map;
  map.range_ = range;
  map.range_.v4 = NetworkOf(range.v4, range.v4_bits);
  map.range_.v6 = NetworkOf(range.v6, range.v6_bits);
  map.capacity_ = std::min(AddressCount(kV4Bits - range.v4_bits, max_slots),
                           AddressCount(kV6Bits - range.v6_bits, max_slots));
  return map;
}

IpAddress FakeRangeMap::AddressOf(uint32_t slot, IpVersion version) const {
  if (version == IpVersion::kV4) return IpAddress::V4(range_.v4.v4_value() + slot);
  const std::array<uint8_t, 16> base = V6Bytes(range_.v6);
  return WithLowWord(base, LowWord(base) + slot);
}

std::optional<uint32_t> FakeRangeMap::SlotOf(const IpAddress& address) const {
  const IpAddress unmapped = address.Unmapped();
  uint32_t slot = 0;
  if (unmapped.is_v4()) {
    slot = unmapped.v4_value() - range_.v4.v4_value();
  } else {
    const std::array<uint8_t, 16> base = V6Bytes(range_.v6);
    const std::array<uint8_t, 16> bytes = V6Bytes(unmapped);
    if (!std::equal(base.begin(), base.begin() + kV6HighBytes, bytes.begin())) return std::nullopt;
    slot = LowWord(bytes) - LowWord(base);
  }
  if (slot >= capacity_) return std::nullopt;
  return slot;
}

bool FakeRangeMap::Contains(const IpAddress& address) const {
  const IpAddress unmapped = address.Unmapped();
  return unmapped.IsInPrefix(range_.v4, range_.v4_bits) || unmapped.IsInPrefix(range_.v6, range_.v6_bits);
}

std::string FakeRangeMap::ToString() const {
  return range_.v4.ToString() + '-' + std::to_string(range_.v4_bits) + '-' + range_.v6.ToString() + '-' +
         std::to_string(range_.v6_bits);
}

}  // namespace socksify
