// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/path_text.h"

namespace socksify {

ProxyProtocol PreferredProtocol(const Server& server) {
  if (server.protocols & kServerSocks5) return ProxyProtocol::kSocks5;
  if (server.protocols & kServerSocks4a) return ProxyProtocol::kSocks4a;
  if (server.protocols & kServerSocks4) return ProxyProtocol::kSocks4;
  return ProxyProtocol::kHttp;
}

std::string DescribeServer(const Server& server) {
  return std::string(ProtocolName(PreferredProtocol(server))) + ' ' + server.address.ToString();
}

std::string DescribeTarget(const Target& target) {
  switch (target.kind) {
    case Target::Kind::kDirect: return "direct";
    case Target::Kind::kBlock: return "block";
    case Target::Kind::kProxies: break;
  }
  return DescribeHops(target, {});
}

std::string DescribeHops(const Target& target, std::span<const Server* const> hops) {
  if (target.kind != Target::Kind::kProxies) return DescribeTarget(target);
  std::string text;
  for (const Server* hop : hops.empty() ? std::span<const Server* const>(target.hops) : hops) {
    if (!text.empty()) text += " then ";
    text += DescribeServer(*hop);
  }
  return text;
}

}  // namespace socksify
