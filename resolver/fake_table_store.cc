// SPDX-License-Identifier: BSD-2-Clause
//
// How a kill at any instruction leaves the table usable. A writer announces the slot in `operation` before it
// changes anything, and clears it when all is done; the next writer that finds it set repairs. All stores of
// a writer have release order, so they take effect in the order of the program:
//
//     new slot (number `used`)                   recycled slot
//     ------------------------                   -------------
//     operation = slot                           operation = slot
//     sequence odd                               sequence odd           readers turn away
//                                                stamp as it was?       else a reader came first: undo
//                                                operation |= kOverwriting
//                                                index: old name out
//     words, stamp                               words, stamp
//     sequence even                              sequence even
//     used + 1, names + 1
//     index: new name in                         index: new name in
//     operation = 0                              operation = 0
//
// An odd sequence without kOverwriting is a slot whose old name is whole: the repair keeps it. With it the
// slot is half written: nobody was ever told its new name, and it becomes an empty slot, the first to be
// recycled. A slot with an even sequence is complete, and others may have been told of it: it stays. A slot
// at `used` or beyond is invisible and simply written again. The index is then built anew from the slots.
//
// To clear the table is to take the size of each name away, one store each, and then the index and the rest
// of the words. Stamps stay, so a program that still has the address of a removed name meets no other name
// under it before the table has gone round, but none at all.
//
// A name that was found, stamped, and is still there was not recycled in between: the reader stores the stamp
// and then loads the sequence, the writer stores the sequence and then loads the stamp, all in the single
// total order of sequentially consistent operations, so one of them sees the other and yields.
#include "resolver/fake_table_store.h"

#include <algorithm>

namespace socksify {
namespace {

// How often a reader looks again at a slot that is being changed. A writer that needs longer has lost its
// processor or its life; the name that it takes away is going anyway, and the one it brings nobody knows yet.
constexpr int kReadAttempts = 64;
// How many victims a writer claims before it takes one that readers keep using.
constexpr int kClaimAttempts = 16;
// A stamp this far ahead of the clock was not drawn from it: damage, to be recycled first.
constexpr uint64_t kMaxStampLead = uint64_t{1} << 32;

}  // namespace

FakeTableStore::FakeTableStore(std::byte* memory, const FakeTableLayout& layout)
    : layout_(layout),
      header_(reinterpret_cast<FakeTableHeader*>(memory)),
      index_(reinterpret_cast<FakeTableIndexEntry*>(memory + FakeTableLayout::IndexOffset()),
             layout.index_entries()),
      stamps_(reinterpret_cast<FakeTableStamp*>(memory + layout.StampsOffset())),
      holds_(reinterpret_cast<FakeTableHold*>(memory + layout.HoldsOffset()), layout.hold_entries()),
      slots_(reinterpret_cast<FakeTableSlot*>(memory + layout.SlotsOffset())),
      tails_(reinterpret_cast<FakeTableTail*>(memory + layout.TailsOffset())) {}

uint32_t FakeTableStore::used() const {
  return std::min(header_->used.load(std::memory_order_acquire), capacity());
}

bool FakeTableStore::Matches(uint32_t slot, const FakeKey& key, uint32_t* sequence) const {
  if (slot >= used()) return false;
  const FakeTableSlot& memory = slots_[slot];
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    *sequence = memory.sequence.load(std::memory_order_acquire);
    if (*sequence % 2 != 0) continue;
    bool equal = true;
    for (size_t i = 0; equal && i < key.word_count(); ++i) {
      equal = Word(slot, i).load(std::memory_order_acquire) == key.words[i];
    }
    if (memory.sequence.load(std::memory_order_relaxed) == *sequence) return equal;
  }
  return false;
}

bool FakeTableStore::Read(uint32_t slot, FakeKey* key) const {
  if (slot >= used()) return false;
  const FakeTableSlot& memory = slots_[slot];
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    const uint32_t sequence = memory.sequence.load(std::memory_order_acquire);
    if (sequence % 2 != 0) continue;
    key->words[0] = Word(slot, 0).load(std::memory_order_acquire);
    for (size_t i = 1; i < key->word_count(); ++i) {
      key->words[i] = Word(slot, i).load(std::memory_order_acquire);
    }
    if (memory.sequence.load(std::memory_order_relaxed) == sequence) return key->size() != 0;
  }
  return false;
}

void FakeTableStore::Use(uint32_t slot) const {
  // The most recently used stays so; this spares processes that ask for one name the shared counter.
  if (stamps_[slot].load(std::memory_order_relaxed) == header_->clock.load(std::memory_order_relaxed)) return;
  stamps_[slot].store(header_->clock.fetch_add(1) + 1);
}

std::optional<uint32_t> FakeTableStore::FindAndUse(const FakeKey& key, uint32_t hash) const {
  uint32_t sequence = 0;
  const std::optional<uint32_t> slot = index_.Find(hash, [&](uint32_t candidate) {
    if (candidate >= used()) return false;
    // The stamp is wanted next; in a large table it comes from as far away as the slot, so both are fetched
    // at once.
    __builtin_prefetch(&stamps_[candidate], 1);
    return Matches(candidate, key, &sequence);
  });
  if (!slot) return std::nullopt;
  Use(*slot);
  if (slots_[*slot].sequence.load() != sequence) return std::nullopt;
  return slot;
}

std::expected<uint32_t, int> FakeTableStore::Enter(const FakeKey& key, uint32_t hash, Allocator* allocator) {
  if (header_->operation.load(std::memory_order_acquire) != 0) Repair();
  if (const std::optional<uint32_t> known = FindAndUse(key, hash)) return *known;

  uint32_t slot = used();
  const bool is_new = slot < capacity();
  uint32_t names = header_->names.load(std::memory_order_relaxed);
  if (is_new) {
    if (const int error = MakeRoom(slot, allocator); error != 0) return std::unexpected(error);
    header_->operation.store(slot + 1, std::memory_order_release);
    step_();
    slots_[slot].sequence.store(slots_[slot].sequence.load(std::memory_order_relaxed) | 1);
    step_();
  } else {
    slot = ClaimLeastRecentlyUsed();
    header_->operation.store((slot + 1) | FakeTableHeader::kOverwriting, std::memory_order_release);
    step_();
    FakeKey old;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by the loop.
    for (size_t i = 0; i < FakeKey::kWords; ++i) {
      old.words[i] = Word(slot, i).load(std::memory_order_relaxed);
    }
    if (old.size() != 0) {
      index_.Erase(HashOf(old), slot, step_);
      --names;
      step_();
    }
  }
  Overwrite(slot, key);
  if (is_new) header_->used.store(slot + 1, std::memory_order_release);
  step_();
  header_->names.store(names + 1, std::memory_order_release);
  step_();
  if (!index_.Insert(hash, slot)) RebuildIndex();
  step_();
  header_->operation.store(0, std::memory_order_release);
  return slot;
}

uint32_t FakeTableStore::Clear() {
  if (header_->operation.load(std::memory_order_acquire) != 0) Repair();
  uint32_t removed = 0;
  // Any slot will do: each is whole at any time, so that a repair only builds the index anew.
  header_->operation.store(1, std::memory_order_release);
  step_();
  for (uint32_t slot = 0; slot < used(); ++slot) {
    const uint32_t first = Word(slot, 0).load(std::memory_order_relaxed);
    FakeKey key;  // NOLINT(cppcoreguidelines-pro-type-member-init): only the size is read.
    key.words[0] = first;
    if (key.size() == 0) continue;
    // Without a size the slot stands for no name; a reader who began before meets another sequence.
    Word(slot, 0).store(0, std::memory_order_release);
    step_();
    std::atomic<uint32_t>& sequence = slots_[slot].sequence;
    sequence.store(sequence.load(std::memory_order_relaxed) + 2);
    step_();
    for (size_t i = 1; i < key.word_count(); ++i) Word(slot, i).store(0, std::memory_order_release);
    ++removed;
  }
  index_.Clear(step_);
  header_->names.store(0, std::memory_order_release);
  step_();
  header_->operation.store(0, std::memory_order_release);
  step_();
  return removed;
}

int FakeTableStore::MakeRoom(uint32_t slot, Allocator* allocator) {
  constexpr uint32_t kRun = 256;
  const uint32_t allocated = header_->allocated.load(std::memory_order_relaxed);
  if (slot < allocated) return 0;
  const uint32_t end = std::min(slot + kRun, capacity());
  if (const int error = allocator->Allocate(allocated, end); error != 0) return error;
  step_();
  header_->allocated.store(end, std::memory_order_release);
  step_();
  return 0;
}

uint32_t FakeTableStore::LeastRecentlyUsed() const {
  const uint64_t limit = header_->clock.load(std::memory_order_relaxed) + kMaxStampLead;
  HolderCheck check;
  uint64_t oldest = UINT64_MAX;
  uint64_t oldest_held = UINT64_MAX;
  uint32_t victim = 0;
  uint32_t held_victim = 0;
  for (uint32_t slot = 0; slot < capacity(); ++slot) {
    uint64_t stamp = stamps_[slot].load(std::memory_order_relaxed);
    if (stamp > limit) stamp = 0;
    if (stamp >= oldest) continue;
    if (holds_.IsHeld(slot, &check)) {
      if (stamp < oldest_held) held_victim = slot;
      oldest_held = std::min(stamp, oldest_held);
      // Being held is a use: the writers to come do not ask again before the table has gone round.
      Use(slot);
      continue;
    }
    oldest = stamp;
    victim = slot;
  }
  return oldest != UINT64_MAX ? victim : held_victim;
}

bool FakeTableStore::Claim(uint32_t slot, bool in_use_too) {
  FakeTableSlot& memory = slots_[slot];
  const uint64_t stamp = stamps_[slot].load();
  header_->operation.store(slot + 1, std::memory_order_release);
  step_();
  const uint32_t sequence = memory.sequence.load(std::memory_order_relaxed);
  memory.sequence.store(sequence | 1);
  step_();
  if (in_use_too || stamps_[slot].load() == stamp) return true;
  memory.sequence.store(sequence);
  step_();
  header_->operation.store(0, std::memory_order_release);
  return false;
}

uint32_t FakeTableStore::ClaimLeastRecentlyUsed() {
  uint32_t slot = LeastRecentlyUsed();
  for (int attempt = 1; !Claim(slot, attempt == kClaimAttempts); ++attempt) slot = LeastRecentlyUsed();
  return slot;
}

void FakeTableStore::Overwrite(uint32_t slot, const FakeKey& key) {
  FakeTableSlot& memory = slots_[slot];
  for (size_t i = 0; i < key.word_count(); ++i) {
    Word(slot, i).store(key.words[i], std::memory_order_release);
    step_();
  }
  stamps_[slot].store(header_->clock.fetch_add(1) + 1);
  step_();
  memory.sequence.store(memory.sequence.load(std::memory_order_relaxed) + 1);
  step_();
}

void FakeTableStore::Discard(uint32_t slot) {
  FakeTableSlot& memory = slots_[slot];
  const uint32_t sequence = memory.sequence.load(std::memory_order_relaxed) | 1;
  memory.sequence.store(sequence);
  step_();
  Word(slot, 0).store(0, std::memory_order_release);
  step_();
  stamps_[slot].store(0);
  step_();
  memory.sequence.store(sequence + 1);
  step_();
}

void FakeTableStore::Repair() {
  const uint32_t operation = header_->operation.load(std::memory_order_relaxed);
  const uint32_t slot = (operation & ~FakeTableHeader::kOverwriting) - 1;
  if (slot < used()) {
    std::atomic<uint32_t>& sequence = slots_[slot].sequence;
    const uint32_t value = sequence.load(std::memory_order_relaxed);
    if (value % 2 != 0) {
      if ((operation & FakeTableHeader::kOverwriting) != 0) {
        Discard(slot);
      } else {
        sequence.store(value + 1);
      }
    }
    step_();
  }
  header_->names.store(RebuildIndex(), std::memory_order_release);
  step_();
  header_->operation.store(0, std::memory_order_release);
  step_();
}

uint32_t FakeTableStore::RebuildIndex() {
  index_.Clear(step_);
  uint32_t names = 0;
  for (uint32_t slot = 0; slot < used(); ++slot) {
    FakeKey key;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by Read.
    if (!Read(slot, &key)) continue;
    const uint32_t hash = HashOf(key);
    uint32_t sequence = 0;
    // Only a damaged table holds a name twice.
    if (index_.Find(hash, [&](uint32_t other) { return Matches(other, key, &sequence); })) {
      Discard(slot);
      continue;
    }
    index_.Insert(hash, slot);
    ++names;
    step_();
  }
  return names;
}

}  // namespace socksify
