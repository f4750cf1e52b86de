// SPDX-License-Identifier: BSD-2-Clause
// The address of a name server, as `nameserver:` and SOCKS_NS write it.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "routing/proxy_url.h"

namespace socksify {

inline constexpr uint16_t kDnsPort = 53;

// Reads an IPv4 or IPv6 address with an optional port: 10.0.0.53, 10.0.0.53:5353, 2001:db8::35 or
// [2001:db8::35]:5353. Without a port it is 53. A name is refused: nobody could be asked for it.
std::expected<HostPort, TextProblem> ParseNameServer(std::string_view text);

}  // namespace socksify
