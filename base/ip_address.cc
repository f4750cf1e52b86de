// SPDX-License-Identifier: BSD-2-Clause
#include "base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace socksify {

IpAddress IpAddress::V6(std::span<const uint8_t, 16> bytes, uint32_t scope_id) {
  IpAddress address;
  address.version_ = IpVersion::kV6;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  address.scope_id_ = scope_id;
  return address;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  char buffer[kTextSize];
  if (text.empty() || text.size() >= sizeof buffer) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  uint32_t scope_id = 0;
  const size_t percent = text.find('%');
  if (percent != std::string_view::npos) {
    const char* const begin = text.data() + percent + 1;
    const char* const end = text.data() + text.size();
    const auto [ptr, error] = std::from_chars(begin, end, scope_id);
    if (error != std::errc() || ptr != end) return std::nullopt;
    text = text.substr(0, percent);
  }
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';

  IpAddress address;
  if (percent == std::string_view::npos && inet_pton(AF_INET, buffer, address.bytes_.data()) == 1) {
    return address;
  }
  if (inet_pton(AF_INET6, buffer, address.bytes_.data()) == 1) {
    address.version_ = IpVersion::kV6;
    address.scope_id_ = scope_id;
    return address;
  }
  return std::nullopt;
}

bool IpAddress::IsLoopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t b) { return b == 0; });
}

IpAddress IpAddress::LastFourBytes() const {
  IpAddress address;
  std::copy(bytes_.begin() + 12, bytes_.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::Mapped() const {
  if (is_v6()) return *this;
  IpAddress address;
  address.version_ = IpVersion::kV6;
  std::copy(kV4MappedPrefix.begin(), kV4MappedPrefix.end(), address.bytes_.begin());
  std::copy(bytes_.begin(), bytes_.begin() + 4, address.bytes_.begin() + 12);
  return address;
}

bool IpAddress::IsInPrefix(const IpAddress& network, unsigned prefix_bits) const {
  if (version_ != network.version_ || prefix_bits > bytes().size() * 8) return false;
  if (is_v4()) return prefix_bits == 0 || (v4_value() ^ network.v4_value()) >> (32 - prefix_bits) == 0;
  const size_t whole = prefix_bits / 8;
  if (std::memcmp(bytes_.data(), network.bytes_.data(), whole) != 0) return false;
  const unsigned rest = prefix_bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<uint8_t>(0xff00 >> rest);
  return (bytes_[whole] & mask) == (network.bytes_[whole] & mask);
}

std::string IpAddress::ToString() const {
  char buffer[kTextSize];
  if (inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer) == nullptr) return {};
  std::string text = buffer;
  if (scope_id_ != 0) text += '%' + std::to_string(scope_id_);
  return text;
}

}  // namespace socksify
