// SPDX-License-Identifier: BSD-2-Clause
#include "base/endpoint.h"

#include <algorithm>

namespace socksify {

Endpoint Endpoint::FromIp(const IpAddress& ip, uint16_t port) {
  Endpoint endpoint;
  endpoint.ip_ = ip;
  endpoint.port_ = port;
  return endpoint;
}

std::optional<Endpoint> Endpoint::FromName(std::string_view name, uint16_t port) {
  if (name.empty() || name.size() > kMaxNameSize) return std::nullopt;
  if (name.find('\0') != std::string_view::npos) return std::nullopt;
  Endpoint endpoint;
  std::ranges::copy(name, endpoint.name_.begin());
  endpoint.name_size_ = static_cast<uint8_t>(name.size());
  endpoint.port_ = port;
  return endpoint;
}

std::optional<Endpoint> Endpoint::FromHost(std::string_view host, uint16_t port) {
  std::string_view bare = host;
  const bool bracketed = bare.size() >= 2 && bare.front() == '[' && bare.back() == ']';
  if (bracketed) bare = bare.substr(1, bare.size() - 2);
  const std::optional<IpAddress> ip = IpAddress::Parse(bare);
  if (ip && (!bracketed || ip->is_v6())) return FromIp(*ip, port);
  if (bracketed) return std::nullopt;
  return FromName(host, port);
}

std::string Endpoint::HostToString() const {
  return is_name() ? std::string(name()) : ip_.ToString();
}

std::string Endpoint::ToString() const {
  std::string text;
  if (!is_name() && ip_.is_v6()) {
    text += '[';
    text += ip_.ToString();
    text += ']';
  } else {
    text = HostToString();
  }
  text += ':';
  text += std::to_string(port_);
  return text;
}

bool operator==(const Endpoint& a, const Endpoint& b) {
  return a.ip_ == b.ip_ && a.port_ == b.port_ && a.name() == b.name();
}

}  // namespace socksify
