// SPDX-License-Identifier: BSD-2-Clause
#include <cstddef>

#include "routing/config_linker.h"
#include "routing/route_index.h"

namespace socksify {
namespace {

// Thousands of rules for the same network, which nobody writes by hand, would still be compared by pairs. The
// rest of such a file goes unchecked: a comparison takes some ten nanoseconds.
constexpr size_t kMaxComparisons = 2'000'000;

}  // namespace

void WarnOfUnreachableRules(const std::vector<RouteDraft>& drafts, std::span<const Rule> rules,
                            Reporter* reporter) {
  if (rules.size() < 2) return;
  const RouteIndex index(rules);
  size_t comparisons = 0;
  for (size_t later = 1; later < rules.size(); ++later) {
    Candidates candidates = index.ForRulesThatCover(rules[later]);
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
