// SPDX-License-Identifier: BSD-2-Clause
#include "routing/route_table.h"

#include <algorithm>
#include <utility>

namespace socksify {

RouteTable::RouteTable(std::vector<Rule> rules, std::vector<std::unique_ptr<const Server>> servers)
    : rules_(std::move(rules)),
      servers_(std::move(servers)),
      index_(rules_),
      needs_source_(std::ranges::any_of(rules_, &Rule::NeedsSource)),
      names_users_(std::ranges::any_of(rules_, &Rule::names_users)),
      has_say_in_resolving_(
          std::ranges::any_of(rules_, [](const Rule& rule) { return rule.SayInResolving().has_value(); })) {}

const Rule* RouteTable::Decide(const Query& query) const {
  Candidates candidates = index_.For(query.destination);
  for (uint32_t i = candidates.Next(); i != Candidates::kEnd; i = candidates.Next()) {
    if (rules_[i].Matches(query)) return &rules_[i];
  }
  return nullptr;
}

NameRule RouteTable::HowToResolve(std::string_view name, std::string_view process, uint32_t user,
                                  ResolveProtocol otherwise) const {
  bool met_direct = false;
  bool met_other = false;
  bool must_stay_name = false;
  Candidates candidates = index_.ForName(name);
  for (uint32_t i = candidates.Next(); i != Candidates::kEnd; i = candidates.Next()) {
    const Rule& rule = rules_[i];
    if (!rule.MayMeetName(name, process, user)) continue;
    const std::optional<ResolveProtocol> say = rule.SayInResolving();
    if (say && (!must_stay_name || *say == ResolveProtocol::kFake)) return {*say, &rule};
    const bool is_direct = rule.IsPurelyDirect();
    (is_direct ? met_direct : met_other) = true;
    if (!is_direct && rule.IsForNamesAlone()) must_stay_name = true;
    if (rule.IsUnconditional() || (met_other && !has_say_in_resolving_)) break;
  }
  return {met_direct && !met_other ? ResolveProtocol::kLocal : otherwise, nullptr};
}

}  // namespace socksify
