// SPDX-License-Identifier: BSD-2-Clause
// How a path is spoken to and how it is shown to people.
#pragma once

#include <span>
#include <string>

#include "protocol/handshake.h"
#include "routing/server.h"

namespace socksify {

// The newest of the dialects that a server takes and that this version speaks.
ProxyProtocol PreferredProtocol(const Server& server);

// "socks5 10.0.3.1:1080"
std::string DescribeServer(const Server& server);
// "direct", "block", "socks5 10.0.3.1:1080" or "socks5 10.0.4.1:1080 then socks4 192.168.100.2:1080".
std::string DescribeTarget(const Target& target);
// The same of those servers that were chosen of a chain; all of them where `hops` is empty.
std::string DescribeHops(const Target& target, std::span<const Server* const> hops);

}  // namespace socksify
