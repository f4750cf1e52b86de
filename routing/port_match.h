// SPDX-License-Identifier: BSD-2-Clause
// PortMatch: what `port OPERATOR NUMBER` and `port FIRST-LAST` come down to. Ports are in host order.
#pragma once

#include <cstdint>

namespace socksify {

struct PortMatch {
  uint16_t first = 0;
  uint16_t last = 65535;
  bool negated = false;

  constexpr bool Matches(uint16_t port) const { return (port >= first && port <= last) != negated; }
  constexpr bool IsAny() const { return first == 0 && last == 65535 && !negated; }
  // True when every port that `other` matches is matched here too; may say false when it is not sure.
  constexpr bool Covers(const PortMatch& other) const {
    if (IsAny() || *this == other) return true;
    return !negated && !other.negated && first <= other.first && other.last <= last;
  }
  friend constexpr bool operator==(const PortMatch&, const PortMatch&) = default;
};

}  // namespace socksify
