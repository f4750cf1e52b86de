// SPDX-License-Identifier: BSD-2-Clause
// `resolveprotocol: tcp` and `udp`: real DNS, whose queries go where the route table sends them.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "preload/runtime.h"
#include "resolver/real_lookup.h"

namespace socksify {

// The addresses of a name for which WayFor() says kReal. May take some seconds. No cancellation point.
std::expected<std::vector<IpAddress>, LookupError> RealAddressesOf(Runtime* runtime, std::string_view name,
                                                                   LookupFamily family);

// The name of an address by the same way; nothing where names are looked up in another one, or there is none.
std::optional<std::string> RealNameOf(Runtime* runtime, const IpAddress& address);

// Whom to ask: `nameserver:`, SOCKS_NS, or else resolv.conf(5)'s.
std::vector<Endpoint> NameServers(Runtime* runtime);

}  // namespace socksify
