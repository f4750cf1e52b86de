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

// A slot, and its stamp when it was chosen.
struct FakeTableStore::Victim {
  uint32_t slot = 0;
  uint64_t stamp = 0;
};

// What has been found so far, among the slots that nobody holds and among the others, with how old it is.
struct FakeTableStore::Oldest {
  uint64_t stamp = UINT64_MAX;
  Victim victim;
  uint64_t held_stamp = UINT64_MAX;
  Victim held;
};

// Looks at every slot of `run`, and notes how old they are.
void FakeTableStore::LookForOldest(uint32_t run, HolderCheck* check, Oldest* oldest) {
  const uint64_t now = header_->clock.load(std::memory_order_relaxed);
  uint64_t oldest_here = UINT64_MAX;
  const uint32_t begin = run * FakeTableLayout::kRun;
  const uint32_t end = std::min(begin + FakeTableLayout::kRun, used());
  for (uint32_t slot = begin; slot < end; ++slot) {
    const uint64_t found = StampOf(slot);
    const uint64_t stamp = found > now + kMaxStampLead ? 0 : found;
    if (stamp >= oldest_here) continue;
    if (holds_.IsHeld(slot, check)) {
      // Being held is a use: the writers to come do not ask again before the table has gone round.
      const uint64_t use = Use(slot);
      if (stamp < oldest->held_stamp) oldest->held = {.slot = slot, .stamp = use};
      oldest->held_stamp = std::min(stamp, oldest->held_stamp);
      continue;
    }
    oldest_here = stamp;
    if (stamp < oldest->stamp) oldest->victim = {.slot = slot, .stamp = found};
    oldest->stamp = std::min(stamp, oldest->stamp);
  }
  runs_[run].oldest.store(std::min(oldest_here, now), std::memory_order_relaxed);
  step_();
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
FakeTableStore::Victim FakeTableStore::LeastRecentlyUsed() {
  HolderCheck check;
  Oldest oldest;
  for (uint32_t looked_at = 0; looked_at < layout_.run_count(); ++looked_at) {
    const auto [run, stamp] = OldestRun();
    const bool is_old_enough = looked_at >= kRunsToLookAt && oldest.stamp != UINT64_MAX;
    if (stamp >= oldest.stamp || is_old_enough) break;
    LookForOldest(run, &check, &oldest);
  }
  return oldest.stamp != UINT64_MAX ? oldest.victim : oldest.held;
}

// Whoever has used the slot since it was chosen may have been told its address.
bool FakeTableStore::Claim(const Victim& victim, bool in_use_too) {
  BeginOperation(victim.slot);
  FakeSlotState state = StateOf(victim.slot);
  // It changes twice at most: when the first name of the slot is there, and when it is shown.
  while (!ChangeState(victim.slot, &state, state.Changing())) {
  }
  step_();
  if (in_use_too || slots_[victim.slot].stamp.load() == victim.stamp) return true;
  SetState(victim.slot, state);
  step_();
  return false;
}

uint32_t FakeTableStore::ClaimLeastRecentlyUsed() {
  Victim victim = LeastRecentlyUsed();
  for (int attempt = 1; !Claim(victim, attempt == kClaimAttempts); ++attempt) victim = LeastRecentlyUsed();
  return victim.slot;
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

// The first to be recycled.
void FakeTableStore::MakeOldest(uint32_t slot) {
  runs_[slot / FakeTableLayout::kRun].oldest.store(0);
  slots_[slot].stamp.store(0);
  step_();
}

void FakeTableStore::Discard(uint32_t slot) {
  const FakeSlotState state = StateOf(slot).Changing();
  SetState(slot, state);
  step_();
  MakeOldest(slot);
  SetState(slot, state.ChangedTo(0));
  step_();
  Wipe(slot, 0, FakeKey::kWords);
}

uint32_t FakeTableStore::Recycle(const FakeKey& key, const FakeDigest& digest) {
  BeginOperation(0);
  if (const std::optional<uint32_t> known = FindAnnounced(digest)) {
    WithdrawOperation();
    return *known;
  }
  const uint32_t slot = ClaimLeastRecentlyUsed();
  BeginOperation(slot, FakeTableHeader::kOverwriting);
  if (const std::optional<uint32_t> old_hash = HashInSlot(slot)) {
    Erase(*old_hash, slot);
    step_();
  }
  Overwrite(slot, key, digest);
  InsertAnnounced(slot, digest);
  EndOperation();
  return slot;
}

}  // namespace socksify
