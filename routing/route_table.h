// SPDX-License-Identifier: BSD-2-Clause
// RouteTable: which way a connection goes. Immutable, so reading needs no lock; a decision allocates nothing
// and makes no system call, so it may be taken in any context, a signal handler included.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "routing/query.h"
#include "routing/rule.h"
#include "routing/server.h"

namespace socksify {

// What became of a name that a program wants to look up.
enum class NameFate : uint8_t {
  kLocal,  // every rule that it can meet goes direct: resolve it as the system would
  kFake,   // some rule that it can meet goes through a proxy or blocks, or there is none: a fake address
};

class RouteTable {
 public:
  // The largest number of targets (`via` list and `fallback` together) that one rule may have; more is a
  // configuration error. Lets a caller order them in an array of fixed size.
  static constexpr size_t kMaxTargets = 64;

  // No rule at all: every decision is null.
  RouteTable() = default;
  // `rules` in the order they are tried. Their targets may point into `servers`, which stay where they are
  // when the table is moved.
  RouteTable(std::vector<Rule> rules, std::vector<std::unique_ptr<const Server>> servers);

  // The first rule that matches, or null: no rule (ENETUNREACH).
  const Rule* Decide(const Query& query) const;

  // `name` as for a look-up, whatever the port, transport and command turn out to be. A name that no rule can
  // meet is faked: its connect fails for want of a route, and no query leaves the machine.
  NameFate FateOf(std::string_view name, std::string_view process) const;

  // Whether some rule asks where a connection comes from. If none does, a caller need not find it out.
  bool needs_source() const { return needs_source_; }

  // The rules in the order they are tried, implied ones (autoroute) included.
  std::span<const Rule> rules() const { return rules_; }
  // Every server that a rule or a `server` block names, in file order.
  std::span<const std::unique_ptr<const Server>> servers() const { return servers_; }

 private:
  std::vector<Rule> rules_;
  std::vector<std::unique_ptr<const Server>> servers_;
  bool needs_source_ = false;
};

// Writes the targets of `rule` in the order in which they are to be tried: the group as its balance says,
// then the fallbacks in order. `draw` is the caller's random number (kRandom) or running count (kRoundRobin);
// kHash uses the destination's host alone. Returns how many were written, at most kMaxTargets.
size_t OrderTargets(const Rule& rule, const Endpoint& destination, uint64_t draw,
                    std::span<const Target*, RouteTable::kMaxTargets> out);

}  // namespace socksify
