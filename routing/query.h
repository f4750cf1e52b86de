// SPDX-License-Identifier: BSD-2-Clause
// Query: what is asked of the route table.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/endpoint.h"
#include "routing/rule.h"

namespace socksify {

inline constexpr uint32_t kNobody = UINT32_MAX;

struct Query {
  const Endpoint& destination;  // ::ffff:a.b.c.d must have been unmapped by the caller
  Transport transport = Transport::kTcp;
  Command command = Command::kConnect;
  const IpAddress* source = nullptr;  // the bound local address, or null while there is none
  // The program's base name, as in program_invocation_short_name(3). Without the initializer GCC's -Wextra
  // wants it in every use. NOLINTNEXTLINE(readability-redundant-member-init)
  std::string_view process = {};
  uint16_t source_port = 0;  // the bound local port, 0 while there is none
  uint32_t user = kNobody;   // the real user id; kNobody is in no rule's list of users
};

}  // namespace socksify
