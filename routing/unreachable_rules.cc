// SPDX-License-Identifier: BSD-2-Clause
// A rule that covers another one matches all of its destinations, so it is among the candidates for any one
// of them, and few pairs of rules have to be compared.
#include <algorithm>
#include <cstddef>

#include "routing/config_linker.h"
#include "routing/route_index.h"

namespace socksify {
namespace {

// Thousands of rules for the same network, which nobody writes by hand, would still be compared by pairs. The
// rest of such a file goes unchecked: a comparison takes some ten nanoseconds.
constexpr size_t kMaxComparisons = 2'000'000;

// Candidates for some destination of `rule`.
Candidates Meeting(const RouteIndex& index, const Rule& rule) {
  using Kind = AddressPattern::Kind;
  const auto has_place = [](const AddressPattern& pattern) { return pattern.kind != Kind::kNothing; };
  const auto pattern = std::ranges::find_if(rule.to, has_place);
  // Whatever covers everything, or every name, is a candidate for any name; what covers nothing is not
  // sought.
  if (pattern == rule.to.end()) return index.ForName({});
  return pattern->kind == Kind::kNetwork ? index.ForAddress(pattern->network) : index.ForName(pattern->name);
}

}  // namespace

void WarnOfUnreachableRules(const std::vector<RouteDraft>& drafts, const std::vector<Rule>& rules,
                            Reporter* reporter) {
  const RouteIndex index(rules);
  size_t comparisons = 0;
  for (size_t later = 1; later < rules.size(); ++later) {
    Candidates candidates = Meeting(index, rules[later]);
    for (size_t earlier = candidates.Next(); earlier < later; earlier = candidates.Next()) {
      if (++comparisons > kMaxComparisons) return;
      if (!rules[earlier].Covers(rules[later])) continue;
      reporter->Warning(*drafts[later].source, rules[later].where,
                        "this route is never reached: " + rules[earlier].where.ToString() +
                            " matches everything that it does",
                        "put the more special route first, or remove this one");
      break;
    }
  }
}

}  // namespace socksify
