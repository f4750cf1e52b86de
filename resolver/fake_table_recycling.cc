// SPDX-License-Identifier: BSD-2-Clause
//
// What a writer under the lock does when the table is full: it chooses a slot, claims it, and gives it to the
// new name. The order of its stores is drawn in fake_table_store.cc.
#include <algorithm>
#include <utility>

#include "resolver/fake_table_store.h"

namespace socksify {
namespace {

// How many victims a writer claims before it takes one that readers keep using.
constexpr int kClaimAttempts = 16;
// How many runs of slots it looks at.
constexpr uint32_t kRunsToLookAt = 8;
// A stamp this far ahead of the clock was not drawn from it: damage, to be recycled first.
constexpr uint64_t kMaxStampLead = uint64_t{1} << 32;

}  // namespace

// What has been found so far: a stamp with its slot, among those that nobody holds and among the others.
struct FakeTableStore::Oldest {
  uint64_t stamp = UINT64_MAX;
  uint32_t slot = 0;
  uint64_t held_stamp = UINT64_MAX;
  uint32_t held_slot = 0;
};

// Looks at every slot of `run`, and notes how old they are.
void FakeTableStore::LookForOldest(uint32_t run, HolderCheck* check, Oldest* oldest) {
  const uint64_t now = header_->clock.load(std::memory_order_relaxed);
  uint64_t oldest_here = UINT64_MAX;
  const uint32_t begin = run * FakeTableLayout::kRun;
  const uint32_t end = std::min(begin + FakeTableLayout::kRun, used());
  for (uint32_t slot = begin; slot < end; ++slot) {
    uint64_t stamp = StampOf(slot);
    if (stamp > now + kMaxStampLead) stamp = 0;
    if (stamp >= oldest_here) continue;
    if (holds_.IsHeld(slot, check)) {
      if (stamp < oldest->held_stamp) oldest->held_slot = slot;
      oldest->held_stamp = std::min(stamp, oldest->held_stamp);
      // Being held is a use: the writers to come do not ask again before the table has gone round.
      Use(slot);
      continue;
    }
    oldest_here = stamp;
    if (stamp < oldest->stamp) oldest->slot = slot;
    oldest->stamp = std::min(stamp, oldest->stamp);
  }
  runs_[run].oldest.store(std::min(oldest_here, now), std::memory_order_relaxed);
}

// The run that may have the oldest slot, and what it says of it.
std::pair<uint32_t, uint64_t> FakeTableStore::OldestRun() const {
  const uint64_t now = header_->clock.load(std::memory_order_relaxed);
  const uint32_t runs = (used() + FakeTableLayout::kRun - 1) / FakeTableLayout::kRun;
  std::pair<uint32_t, uint64_t> first{0, UINT64_MAX};
  for (uint32_t run = 0; run < runs; ++run) {
    uint64_t oldest = runs_[run].oldest.load(std::memory_order_relaxed);
    // Damage.
    if (oldest > now) oldest = 0;
    if (oldest < first.second) first = {run, oldest};
  }
  return first;
}

// Exact where the runs tell how old their slots are, as they do after a look. Where names are used again and
// again in another order than that of the slots, all runs would have to be looked at; a few of the oldest
// have a name that is old enough, unless all are held.
uint32_t FakeTableStore::LeastRecentlyUsed() {
  HolderCheck check;
  Oldest oldest;
  for (uint32_t looked_at = 0; looked_at < layout_.run_count(); ++looked_at) {
    const auto [run, stamp] = OldestRun();
    const bool is_old_enough = looked_at >= kRunsToLookAt && oldest.stamp != UINT64_MAX;
    if (stamp >= oldest.stamp || is_old_enough) break;
    LookForOldest(run, &check, &oldest);
  }
  return oldest.stamp != UINT64_MAX ? oldest.slot : oldest.held_slot;
}

bool FakeTableStore::Claim(uint32_t slot, bool in_use_too) {
  const uint64_t stamp = slots_[slot].stamp.load();
  BeginOperation(slot);
  FakeSlotState state = StateOf(slot);
  // It changes twice at most: when the first name of the slot is there, and when it is shown.
  while (!ChangeState(slot, &state, state.Changing())) {
  }
  step_();
  if (in_use_too || slots_[slot].stamp.load() == stamp) return true;
  SetState(slot, state);
  step_();
  header_->operation.store(0, std::memory_order_release);
  return false;
}

uint32_t FakeTableStore::ClaimLeastRecentlyUsed() {
  uint32_t slot = LeastRecentlyUsed();
  for (int attempt = 1; !Claim(slot, attempt == kClaimAttempts); ++attempt) slot = LeastRecentlyUsed();
  return slot;
}

void FakeTableStore::Overwrite(uint32_t slot, const FakeKey& key, const FakeDigest& digest) {
  FakeKey old;  // NOLINT(cppcoreguidelines-pro-type-member-init): only the size is read.
  old.words[0] = Word(slot, 0).load(std::memory_order_relaxed);
  Wipe(slot, key.word_count(), old.word_count());
  for (size_t i = 0; i < key.word_count(); ++i) {
    Word(slot, i).store(key.words[i], std::memory_order_release);
    step_();
  }
  slots_[slot].stamp.store(header_->clock.fetch_add(1) + 1);
  step_();
  SetState(slot, StateOf(slot).ChangedTo(digest.check));
  step_();
}

void FakeTableStore::Discard(uint32_t slot) {
  const FakeSlotState state = StateOf(slot).Changing();
  SetState(slot, state);
  step_();
  runs_[slot / FakeTableLayout::kRun].oldest.store(0);
  slots_[slot].stamp.store(0);
  step_();
  SetState(slot, state.ChangedTo(0));
  step_();
  Wipe(slot, 0, FakeKey::kWords);
}

uint32_t FakeTableStore::Recycle(const FakeKey& key, const FakeDigest& digest) {
  const uint32_t slot = ClaimLeastRecentlyUsed();
  BeginOperation(slot, FakeTableHeader::kOverwriting);
  if (const std::optional<uint32_t> old_hash = HashInSlot(slot)) {
    Erase(*old_hash, slot);
    step_();
  }
  Overwrite(slot, key, digest);
  InsertOrRebuild(digest.hash, slot);
  EndOperation();
  return slot;
}

}  // namespace socksify
