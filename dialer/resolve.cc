// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/resolve.h"

#include "base/socket_address.h"

namespace socksify {

size_t ResolveWith(decltype(&::getaddrinfo) get, decltype(&::freeaddrinfo) release, const char* name,
                   std::span<IpAddress> out) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* results = nullptr;
  if (get(name, nullptr, &hints, &results) != 0) return 0;
  size_t count = 0;
  for (const addrinfo* entry = results; entry != nullptr && count < out.size(); entry = entry->ai_next) {
    const std::optional<Endpoint> endpoint = EndpointFromSockaddr(entry->ai_addr, entry->ai_addrlen);
    if (endpoint) out[count++] = endpoint->ip();
  }
  release(results);
  return count;
}

}  // namespace socksify
