// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/chain_choice.h"

#include <algorithm>

#include "base/order.h"

namespace socksify {

void ChainChoice::Begin(const Target& path, uint64_t draw, const ServerHealth* health, const Probes& probes,
                        long long now_ms) {
  path_ = &path;
  hops_ = path.hops;
  if (path.chain == Chain::kStrict) return;
  pool_size_ = std::min(path.hops.size(), pool_.size());
  std::copy_n(path.hops.begin(), pool_size_, pool_.begin());
  const size_t usable = PutFirst(std::span(pool_).first(pool_size_),
                                 [](const Server* server) { return server->unusable.empty(); });
  // With too few of them the path fails, and the failure names one that cannot be used.
  if (usable != 0 && usable >= path.chain_length) pool_size_ = usable;
  const auto pool = std::span(pool_).first(pool_size_);
  if (path.chain == Chain::kRandom) Shuffle(pool, draw);
  if (path.chain == Chain::kRoundRobin)
    std::ranges::rotate(pool, pool.begin() + static_cast<std::ptrdiff_t>(draw % pool_size_));
  if (health != nullptr) MoveBadOnesBehind(*health, probes, now_ms);
  if (!Choose()) hops_ = pool;
}

// For a chain of all that can be reached the bad ones are as good as gone, unless all are.
void ChainChoice::MoveBadOnesBehind(const ServerHealth& health, const Probes& probes, long long now_ms) {
  const auto pool = std::span(pool_).first(pool_size_);
  const size_t good = PutFirst(pool, [&](const Server* server) {
    return server->unusable.empty() && (probes.Has(*server) || !health.IsBad(*server, now_ms));
  });
  if (path_->chain == Chain::kDynamic && good != 0) pool_size_ = good;
}

bool ChainChoice::Choose() {
  const size_t length = path_->chain_length != 0 ? path_->chain_length : pool_size_;
  if (length == 0 || length > pool_size_) return false;
  hops_ = std::span(pool_).first(length);
  return true;
}

bool ChainChoice::Drop(size_t index) {
  if (path_ == nullptr || path_->chain == Chain::kStrict || index >= hops_.size()) return false;
  std::copy(pool_.begin() + static_cast<std::ptrdiff_t>(index) + 1,
            pool_.begin() + static_cast<std::ptrdiff_t>(pool_size_),
            pool_.begin() + static_cast<std::ptrdiff_t>(index));
  --pool_size_;
  return Choose();
}

}  // namespace socksify
