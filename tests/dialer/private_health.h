// SPDX-License-Identifier: BSD-2-Clause
// PrivateHealth: a ServerHealth with a table of its own.
#pragma once

#include <memory>
#include <utility>

#include "dialer/server_health.h"

namespace socksify {

struct PrivateHealthTable {
  std::unique_ptr<HealthTable> table = std::move(HealthTable::MakePrivate().value());
};

class PrivateHealth : public PrivateHealthTable, public ServerHealth {
 public:
  PrivateHealth(unsigned max_fail, unsigned bad_expire_s, unsigned probe_ms = 30'000)
      : ServerHealth(table.get(), max_fail, bad_expire_s, probe_ms) {}
};

}  // namespace socksify
