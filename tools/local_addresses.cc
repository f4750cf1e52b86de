// SPDX-License-Identifier: BSD-2-Clause
#include "tools/local_addresses.h"

#include <netdb.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>

#include "base/socket_address.h"
#include "resolver/local_names.h"

namespace socksify {

std::vector<IpAddress> FindLocalAddresses(std::string_view name) {
  std::array<char, 256> own_name{};
  if (gethostname(own_name.data(), own_name.size() - 1) != 0) own_name[0] = '\0';
  if (!IsNeverFaked(name, own_name.data(), ReadHosts())) return {};

  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(std::string(name).c_str(), nullptr, &hints, &list) != 0) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, &freeaddrinfo);
  std::vector<IpAddress> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (const auto endpoint = EndpointFromSockaddr(entry->ai_addr, entry->ai_addrlen)) {
      addresses.push_back(endpoint->ip());
    }
  }
  return addresses;
}

}  // namespace socksify
