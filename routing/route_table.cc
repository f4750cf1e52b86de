// SPDX-License-Identifier: BSD-2-Clause
#include "routing/route_table.h"

#include <algorithm>
#include <utility>

namespace socksify {

RouteTable::RouteTable(std::vector<Rule> rules, std::vector<std::unique_ptr<const Server>> servers)
    : rules_(std::move(rules)),
      servers_(std::move(servers)),
      needs_source_(std::ranges::any_of(rules_, &Rule::NeedsSource)) {}

const Rule* RouteTable::Decide(const Query& query) const {
  for (const Rule& rule : rules_) {
    if (rule.Matches(query)) return &rule;
  }
  return nullptr;
}

NameFate RouteTable::FateOf(std::string_view name, std::string_view process) const {
  bool met_direct = false;
  for (const Rule& rule : rules_) {
    if (!rule.MayMeetName(name, process)) continue;
    if (!rule.IsPurelyDirect()) return NameFate::kFake;
    met_direct = true;
    if (rule.IsUnconditional()) break;
  }
  return met_direct ? NameFate::kLocal : NameFate::kFake;
}

}  // namespace socksify
