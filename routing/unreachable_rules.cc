// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>

#include "routing/config_linker.h"

namespace socksify {
namespace {

// Every pair of rules is compared, so only in a configuration that people write by hand.
constexpr size_t kMaxComparedRules = 500;

}  // namespace

void WarnOfUnreachableRules(const std::vector<RouteDraft>& drafts, const std::vector<Rule>& rules,
                            Reporter* reporter) {
  const size_t count = std::min(rules.size(), kMaxComparedRules);
  for (size_t later = 1; later < count; ++later) {
    for (size_t earlier = 0; earlier < later; ++earlier) {
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
