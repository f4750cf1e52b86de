// SPDX-License-Identifier: BSD-2-Clause
// Query: what is asked of the route table.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/endpoint.h"
#include "routing/rule.h"

namespace socksify {

struct Query {
  const Endpoint& destination;  // ::ffff:a.b.c.d must have been unmapped by the caller
  Transport transport = Transport::kTcp;
  Command command = Command::kConnect;
  const IpAddress* source = nullptr;  // the bound local address, or null while there is none
  std::string_view process = "";      // the program's base name, as in program_invocation_short_name(3)
  uint16_t source_port = 0;           // the bound local port, 0 while there is none
};

}  // namespace socksify
