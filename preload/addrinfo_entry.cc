// SPDX-License-Identifier: BSD-2-Clause
#include "preload/addrinfo_entry.h"

#include <netinet/in.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/socket_address.h"

namespace socksify {
namespace {

// What freeaddrinfo(3) of glibc frees: the entry, and the canonical name that is not part of it.
struct Block {
  addrinfo entry;
  union {
    sockaddr_in v4;
    sockaddr_in6 v6;
  } address;
};

constexpr int kKnownFlags = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL |
                            AI_ADDRCONFIG | AI_IDN | AI_CANONIDN | AI_NUMERICSERV;

std::optional<uint16_t> PortOf(const char* service) {
  if (service == nullptr) return 0;
  const std::string_view text = service;
  uint16_t port = 0;
  // The sign, the blanks and the numbers that strtoul(3) takes as well are libc's.
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// The protocol of the only entry that `hints` let through; 0 where there may be others.
int OnlyProtocol(const addrinfo& hints) {
  int protocol = 0;
  if (hints.ai_socktype == SOCK_STREAM) protocol = IPPROTO_TCP;
  if (hints.ai_socktype == SOCK_DGRAM) protocol = IPPROTO_UDP;
  return hints.ai_protocol == 0 || hints.ai_protocol == protocol ? protocol : 0;
}

}  // namespace

int ShownFlags(const addrinfo* hints) {
  return hints != nullptr ? hints->ai_flags : AI_V4MAPPED | AI_ADDRCONFIG;
}

addrinfo* MakeSingleEntry(const IpAddress& address, const char* service, const addrinfo* hints) {
  if (hints == nullptr || (hints->ai_flags & ~kKnownFlags) != 0) return nullptr;
  const int protocol = OnlyProtocol(*hints);
  const std::optional<uint16_t> port = PortOf(service);
  if (protocol == 0 || !port) return nullptr;
  const int family = address.is_v4() ? AF_INET : AF_INET6;
  SocketAddress shown{};
  const socklen_t size = ToSockaddr(address, *port, family, &shown);
  auto* const block = static_cast<Block*>(std::malloc(sizeof(Block)));
  if (block == nullptr || size > sizeof block->address) {
    std::free(block);
    return nullptr;
  }
  std::memcpy(&block->address, &shown, size);
  block->entry = {};
  block->entry.ai_flags = hints->ai_flags;
  block->entry.ai_family = family;
  block->entry.ai_socktype = hints->ai_socktype;
  block->entry.ai_protocol = protocol;
  block->entry.ai_addrlen = size;
  block->entry.ai_addr = reinterpret_cast<sockaddr*>(&block->address);
  return &block->entry;
}

}  // namespace socksify
