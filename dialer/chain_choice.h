// SPDX-License-Identifier: BSD-2-Clause
// ChainChoice: which servers of a path one connection passes, in which order.
//
// Those of a strict chain are given. Of the others some are chosen, and when one of them cannot be had, the
// choice is made anew without it. A plain value without allocation; the path must outlive it.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dialer/server_health.h"
#include "routing/server.h"

namespace socksify {

class ChainChoice {  // NOLINT(cppcoreguidelines-pro-type-member-init): a strict chain needs no pool.
 public:
  // Chooses of `path`. `draw` is what orders the targets of a group as well; of servers that `health` (may be
  // null) calls bad none is taken while there are enough others, but for those that `probes` has.
  void Begin(const Target& path, uint64_t draw, const ServerHealth* health, const Probes& probes,
             long long now_ms);
  // What is passed, in this order; empty for a path without servers.
  std::span<const Server* const> hops() const { return hops_; }
  // hops()[index] cannot be had. True when there is another choice, which hops() has then.
  bool Drop(size_t index);

 private:
  void MoveBadOnesBehind(const ServerHealth& health, const Probes& probes, long long now_ms);
  bool Choose();

  const Target* path_ = nullptr;
  size_t pool_size_ = 0;
  std::span<const Server* const> hops_;
  std::array<const Server*, Target::kMaxChosenHops> pool_;  // the first ones are the choice
};

}  // namespace socksify
