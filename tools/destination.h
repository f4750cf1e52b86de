// SPDX-License-Identifier: BSD-2-Clause
// A destination as people write it: HOST:PORT[/udp].
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "routing/rule.h"

namespace socksify {

struct Destination {
  Endpoint endpoint;  // ::ffff:a.b.c.d is a.b.c.d
  Transport transport = Transport::kTcp;
};

// "web.test:80", "10.0.0.1:http", "[::1]:53/udp", "web.test:443/tcp". `service_port` is that of ConfigHost.
// The error is a message.
std::expected<Destination, std::string> ParseDestination(
    std::string_view text,
    std::optional<uint16_t> (*service_port)(const std::string& name, const char* transport));

// "tcp" or "udp".
const char* ToString(Transport transport);

}  // namespace socksify
