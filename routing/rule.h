// SPDX-License-Identifier: BSD-2-Clause
// Rule: one `route` block, ready to match. Immutable; owned by its RouteTable.
#pragma once

#include <cstdint>
#include <vector>

#include "routing/location.h"
#include "routing/server.h"

namespace socksify {

enum class Transport : uint8_t { kTcp, kUdp };
enum class Command : uint8_t { kConnect, kBind, kUdpAssociate };
enum class Balance : uint8_t { kOrdered, kRandom, kRoundRobin, kHash };

struct Rule {
  Location where;               // the line that decides
  std::vector<Target> group;    // `via`; never empty
  std::vector<Target> fallback; // `fallback`
  Balance balance = Balance::kOrdered;
  // the matchers: source and destination patterns, ports, transports, commands, processes
};

}  // namespace socksify
