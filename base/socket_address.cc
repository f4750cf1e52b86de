// SPDX-License-Identifier: BSD-2-Clause
#include "base/socket_address.h"

#include <arpa/inet.h>

namespace socksify {
namespace {

// SIN6_LEN_RFC2133 in the kernel: sockaddr_in6 before it had sin6_scope_id.
constexpr socklen_t kShortSockaddrIn6 = 24;

// Link-local, or multicast on an interface or a link (RFC 4007 section 6, RFC 4291 section 2.7).
bool HasScope(const in6_addr& ip) {
  const uint8_t kind = ip.s6_addr[1] & 0x0f;
  return IN6_IS_ADDR_LINKLOCAL(&ip) || (IN6_IS_ADDR_MULTICAST(&ip) && (kind == 1 || kind == 2));
}

}  // namespace

std::optional<IpAndPort> ReadSockaddr(const sockaddr* address, socklen_t size) {
  sa_family_t family = AF_UNSPEC;
  if (address == nullptr || size < offsetof(sockaddr, sa_family) + sizeof family) return std::nullopt;
  // The pointer may be unaligned, so nothing is named or copied through it.
  const char* const bytes = reinterpret_cast<const char*>(address);
  std::memcpy(&family, bytes + offsetof(sockaddr, sa_family), sizeof family);
  if (family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in v4{};
    std::memcpy(&v4, bytes, sizeof v4);
    return IpAndPort{IpAddress::V4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  if (family == AF_INET6 && size >= kShortSockaddrIn6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, bytes, std::min<size_t>(size, sizeof v6));
    return IpAndPort{IpAddress::V6(std::span<const uint8_t, 16>(v6.sin6_addr.s6_addr), v6.sin6_scope_id),
                     ntohs(v6.sin6_port)};
  }
  return std::nullopt;
}

std::optional<Endpoint> EndpointFromSockaddr(const sockaddr* address, socklen_t size) {
  const std::optional<IpAndPort> read = ReadSockaddr(address, size);
  if (!read) return std::nullopt;
  return Endpoint::FromIp(read->ip, read->port);
}

socklen_t ToSockaddr(const IpAddress& ip, uint16_t port, int family, SocketAddress* out) {
  std::memset(out, 0, sizeof *out);
  if (family == AF_INET) {
    const IpAddress v4 = ip.Unmapped();
    if (!v4.is_v4()) return 0;
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(port);
    std::memcpy(&out->v4.sin_addr, v4.bytes().data(), 4);
    return sizeof out->v4;
  }
  if (family != AF_INET6) return 0;
  const IpAddress v6 = ip.Mapped();
  out->v6.sin6_family = AF_INET6;
  out->v6.sin6_port = htons(port);
  std::memcpy(&out->v6.sin6_addr, v6.bytes().data(), 16);
  if (HasScope(out->v6.sin6_addr)) out->v6.sin6_scope_id = v6.scope_id();
  return sizeof out->v6;
}

socklen_t NormalizeSockaddr(const sockaddr* address, socklen_t size, SocketAddress* out) {
  const std::optional<IpAndPort> read = ReadSockaddr(address, size);
  if (!read) return 0;
  return ToSockaddr(read->ip, read->port, read->ip.is_v4() ? AF_INET : AF_INET6, out);
}

}  // namespace socksify
