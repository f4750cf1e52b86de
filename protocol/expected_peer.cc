// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/expected_peer.h"

namespace socksify {

bool IsExpectedPeer(const std::optional<IpAddress>& expected, const Endpoint& peer) {
  if (!expected || expected->Unmapped().IsUnspecified()) return true;
  return !peer.is_name() && peer.ip().Unmapped() == expected->Unmapped();
}

}  // namespace socksify
