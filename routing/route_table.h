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
#include "routing/route_index.h"
#include "routing/rule.h"
#include "routing/server.h"

namespace socksify {

// How a name that a program wants to look up is to be resolved.
struct NameRule {
  ResolveProtocol protocol = ResolveProtocol::kFake;
  const Rule* rule = nullptr;  // the rule whose `resolve:` says so; null: it follows from the routes alone
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

  // How to resolve `name`, whatever the port, transport, command and source turn out to be. Of the rules that
  // it can meet, in order and up to the first that nothing else can pass:
  //  1. the first that has a say (Rule::SayInResolving) decides; but behind a rule for names alone that has
  //     none and leads to a proxy or blocks, only kFake counts, because whatever else would turn that rule's
  //     names into addresses, which pass it by;
  //  2. if there is none and all of them only go direct: kLocal;
  //  3. else, and for a name that no rule can meet: `otherwise`, which is Settings::resolve_protocol.
  // Names that never leave the machine (localhost, /etc/hosts) are the caller's to sort out before.
  NameRule HowToResolve(std::string_view name, std::string_view process, uint32_t user,
                        ResolveProtocol otherwise) const;

  // Whether some rule asks where a connection comes from. If none does, a caller need not find it out.
  bool needs_source() const { return needs_source_; }

  // Whether some rule asks whose program it is, likewise.
  bool names_users() const { return names_users_; }

  // The rules in the order they are tried, implied ones (autoroute) included.
  std::span<const Rule> rules() const { return rules_; }
  // Every server that a rule or a `server` block names, in file order.
  std::span<const std::unique_ptr<const Server>> servers() const { return servers_; }

 private:
  std::vector<Rule> rules_;
  std::vector<std::unique_ptr<const Server>> servers_;
  RouteIndex index_;
  bool needs_source_ = false;
  bool names_users_ = false;
  bool has_say_in_resolving_ = false;  // some rule has
};

// Writes the targets of `rule` in the order in which they are to be tried: the group as its balance says,
// then the fallbacks in order. `draw` is the caller's random number (kRandom) or running count (kRoundRobin);
// kHash uses the destination's host alone. Returns how many were written, at most kMaxTargets.
size_t OrderTargets(const Rule& rule, const Endpoint& destination, uint64_t draw,
                    std::span<const Target*, RouteTable::kMaxTargets> out);

}  // namespace socksify
