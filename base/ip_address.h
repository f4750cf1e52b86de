// SPDX-License-Identifier: BSD-2-Clause
// IpAddress: one IPv4 or IPv6 address as a plain value.
//
// Bytes are kept in network order, as they stand in packets and sockaddrs; V4() and v4_value() speak host
// order. Trivially copyable, so it may live in shared memory. Immutable use is thread-safe.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socksify {

enum class IpVersion : uint8_t { kV4 = 4, kV6 = 6 };

class IpAddress {
 public:
  // Room for the longest text form with a numeric scope and the terminating NUL (inet_ntop(3)).
  static constexpr size_t kTextSize = 64;

  // 0.0.0.0
  constexpr IpAddress() = default;

  // `value` is in host order: V4(0x7f000001) is 127.0.0.1.
  static IpAddress V4(uint32_t value) {
    IpAddress address;
    for (size_t i = 0; i < 4; ++i) address.bytes_[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
    return address;
  }
  // `bytes` is in network order. `scope_id` is an interface index (RFC 4007), 0 for none.
  static IpAddress V6(std::span<const uint8_t, 16> bytes, uint32_t scope_id = 0);
  // Reads the strict forms of inet_pton(3), and IPv6 with a numeric %scope. No brackets, no look-up.
  static std::optional<IpAddress> Parse(std::string_view text);

  IpVersion version() const { return version_; }
  bool is_v4() const { return version_ == IpVersion::kV4; }
  bool is_v6() const { return version_ == IpVersion::kV6; }

  // 4 or 16 bytes in network order; valid as long as this object.
  std::span<const uint8_t> bytes() const { return {bytes_.data(), is_v4() ? size_t{4} : size_t{16}}; }
  // Host order; only for IPv4.
  uint32_t v4_value() const {
    return uint32_t{bytes_[0]} << 24 | uint32_t{bytes_[1]} << 16 | uint32_t{bytes_[2]} << 8 | bytes_[3];
  }
  uint32_t scope_id() const { return scope_id_; }

  bool IsUnspecified() const { return bytes_ == std::array<uint8_t, 16>{}; }  // 0.0.0.0 or ::
  bool IsLoopback() const;                                                    // 127.0.0.0/8 or ::1
  // ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2)
  bool IsV4Mapped() const {
    return is_v6() && std::memcmp(bytes_.data(), kV4MappedPrefix.data(), kV4MappedPrefix.size()) == 0;
  }

  // a.b.c.d for ::ffff:a.b.c.d, and itself for anything else.
  IpAddress Unmapped() const { return IsV4Mapped() ? LastFourBytes() : *this; }
  // ::ffff:a.b.c.d for an IPv4 address, and itself for an IPv6 one.
  IpAddress Mapped() const;

  // True when the first `prefix_bits` bits agree; addresses of different versions never do.
  bool IsInPrefix(const IpAddress& network, unsigned prefix_bits) const;

  std::string ToString() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  static constexpr std::array<uint8_t, 12> kV4MappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

  IpAddress LastFourBytes() const;

  IpVersion version_ = IpVersion::kV4;
  std::array<uint8_t, 16> bytes_{};  // of an IPv4 address the first four; the others are 0
  uint32_t scope_id_ = 0;
};

}  // namespace socksify
