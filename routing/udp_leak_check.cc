// SPDX-License-Identifier: BSD-2-Clause
// A route does not match what none of its servers can do, as in Dante. So behind `via: http://...` a later
// route that is direct lets datagrams by, QUIC among them, to hosts that the file means to reach by a proxy.
//
// Only the clear case is told: some route matches all datagrams that the first one would, were its servers
// able to carry them, and the first that does so stands behind it and is direct.
#include <algorithm>
#include <cstddef>

#include "routing/config_linker.h"
#include "routing/route_index.h"

namespace socksify {
namespace {

// As for unreachable rules: a comparison takes some ten nanoseconds.
constexpr size_t kMaxComparisons = 2'000'000;

// What there is to say of whoever goes by the same later route is said once for many.
constexpr size_t kMaxWarnings = 20;

// What `rule` would match if its servers could carry datagrams.
Rule DatagramsOf(const Rule& rule) {
  Rule datagrams;
  datagrams.from = rule.from;
  datagrams.to = rule.to;
  datagrams.from_port = rule.from_port;
  datagrams.to_port = rule.to_port;
  datagrams.transports = TransportBit(Transport::kUdp);
  datagrams.commands = CommandBit(Command::kUdpAssociate);
  datagrams.processes = rule.processes;
  datagrams.names_users = rule.names_users && !rule.has_unknown_user;
  datagrams.users = rule.users;
  return datagrams;
}

}  // namespace

void WarnOfUdpPastProxies(const std::vector<RouteDraft>& drafts, std::span<const Rule> rules,
                          Reporter* reporter) {
  if (std::ranges::none_of(drafts, &RouteDraft::loses_udp)) return;
  const RouteIndex index(rules);
  size_t comparisons = 0;
  size_t warnings = 0;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!drafts[i].loses_udp) continue;
    const Rule datagrams = DatagramsOf(rules[i]);
    Candidates candidates = index.ForRulesThatCover(datagrams);
    for (size_t other = candidates.Next(); other < rules.size(); other = candidates.Next()) {
      if (++comparisons > kMaxComparisons) return;
      if (!rules[other].Covers(datagrams)) continue;
      if (other < i || !rules[other].IsPurelyDirect()) break;
      reporter->Warning(*drafts[i].source, rules[i].where,
                        "UDP to these destinations goes direct, by " + rules[other].where.ToString() +
                            ": the servers of this route cannot carry it",
                        "block it: route { from: 0/0 to: .. protocol: udp via: block }; or write "
                        "'protocol: tcp' in this route");
      if (++warnings == kMaxWarnings) return;
      break;
    }
  }
}

}  // namespace socksify
