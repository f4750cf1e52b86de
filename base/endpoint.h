// SPDX-License-Identifier: BSD-2-Clause
// Endpoint: where a connection goes: an IP address or a host name, and a port.
//
// A plain value of fixed size (no allocation, trivially copyable). Ports are in host order. A name is kept as
// it was given, at most 255 bytes, because SOCKS5 counts it in one octet (RFC 1928 section 5).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.h"

namespace socksify {

class Endpoint {
 public:
  static constexpr size_t kMaxNameSize = 255;

  // 0.0.0.0:0
  Endpoint() = default;

  static Endpoint FromIp(const IpAddress& ip, uint16_t port);
  // Fails for an empty name, one of more than 255 bytes, and one with a NUL in it.
  static std::optional<Endpoint> FromName(std::string_view name, uint16_t port);
  // Whatever `host` is: an address if it reads as one (IPv6 may stand in brackets), else a name.
  static std::optional<Endpoint> FromHost(std::string_view host, uint16_t port);

  bool is_name() const { return name_size_ != 0; }
  std::string_view name() const { return {name_.data(), name_size_}; }  // empty for an address
  const IpAddress& ip() const { return ip_; }                           // 0.0.0.0 for a name
  uint16_t port() const { return port_; }
  void set_port(uint16_t port) { port_ = port; }

  std::string HostToString() const;  // web.test, 10.0.0.1, ::1
  std::string ToString() const;      // web.test:80, 10.0.0.1:80, [::1]:80

  friend bool operator==(const Endpoint& a, const Endpoint& b);

 private:
  IpAddress ip_;
  uint16_t port_ = 0;
  uint8_t name_size_ = 0;
  std::array<char, kMaxNameSize> name_{};
};

}  // namespace socksify
