// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/server_health.h"

#include <algorithm>

namespace socksify {

void ServerHealth::NoteFailure(const Server& server, long long now_ms) {
  if (max_fail_ == 0) return;
  Entry* const entry = FindOrTake(server);
  if (entry == nullptr) return;
  entry->failed_ms.store(now_ms, std::memory_order_relaxed);
  entry->failures.fetch_add(1, std::memory_order_relaxed);
}

void ServerHealth::NoteSuccess(const Server& server) {
  for (Entry& entry : entries_) {
    const Server* const known = entry.server.load(std::memory_order_acquire);
    if (known == nullptr) return;
    if (known == &server) return entry.failures.store(0, std::memory_order_relaxed);
  }
}

bool ServerHealth::IsBad(const Server& server, long long now_ms) const {
  const Entry* const entry = Find(server);
  if (entry == nullptr || entry->failures.load(std::memory_order_relaxed) < max_fail_) return false;
  return bad_expire_ms_ == 0 || now_ms - entry->failed_ms.load(std::memory_order_relaxed) < bad_expire_ms_;
}

void ServerHealth::PutBadOnesLast(std::span<const Target*> targets, long long now_ms) const {
  if (max_fail_ == 0) return;
  const auto is_block = [](const Target* target) { return target->kind == Target::Kind::kBlock; };
  const auto end = std::ranges::find_if(targets, is_block);
  const auto is_good = [&](const Target* target) {
    return std::ranges::none_of(target->hops, [&](const Server* hop) { return IsBad(*hop, now_ms); });
  };
  // By hand: std::stable_partition allocates.
  auto good_end = targets.begin();
  for (auto it = targets.begin(); it != end; ++it) {
    if (!is_good(*it)) continue;
    std::rotate(good_end, it, it + 1);
    ++good_end;
  }
}

const ServerHealth::Entry* ServerHealth::Find(const Server& server) const {
  for (const Entry& entry : entries_) {
    const Server* const known = entry.server.load(std::memory_order_acquire);
    if (known == &server) return &entry;
    if (known == nullptr) return nullptr;
  }
  return nullptr;
}

ServerHealth::Entry* ServerHealth::FindOrTake(const Server& server) {
  for (Entry& entry : entries_) {
    const Server* known = nullptr;
    if (entry.server.compare_exchange_strong(known, &server) || known == &server) return &entry;
  }
  return nullptr;
}

}  // namespace socksify
