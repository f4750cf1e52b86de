// SPDX-License-Identifier: BSD-2-Clause
// FakeTableIndex: the open-addressing index of the fake table, from the hash of a name to its slot.
//
// It lives in shared memory and is only a hint: a reader, who takes no lock, may miss an entry that a writer
// is moving, and asks again under the lock; what it finds it checks against the slot. Every walk is bounded
// by the size of the index, whatever is in it. Entries are added at any time, and moved and removed under the
// table's lock.
//
// An entry has room for a part of the hash only, the bits that the largest index does not tell by its place;
// where the rest is needed, `hash_of` gives the hash of the name in a slot, or nothing for no slot. So a
// look-up in a large table finds more of the index in the processor's cache.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "resolver/fake_table_layout.h"

namespace socksify {

// Called between the stores of a writer: the seam at which tests kill it. Empty in production.
struct FakeTableSteps {
  void (*hook)(void* context) = nullptr;
  void* context = nullptr;

  void operator()() const {
    if (hook != nullptr) hook(context);
  }
};

class FakeTableIndex {
 public:
  FakeTableIndex() = default;
  // `entries` are a power of two.
  FakeTableIndex(FakeTableIndexEntry* entries, uint32_t size) : entries_(entries), mask_(size - 1) {}

  // The first slot entered under `hash` for which matches(slot) holds. The slot number is as it stands in
  // memory; `matches` has to check its bounds.
  template <typename Matches>
  std::optional<uint32_t> Find(uint32_t hash, Matches matches) const {
    for (uint32_t i = 0; i <= mask_; ++i) {
      const uint32_t entry = entries_[(hash + i) & mask_].load();
      if (entry == 0) return std::nullopt;
      if (IsUnder(hash, entry) && matches(SlotOf(entry))) return SlotOf(entry);
    }
    return std::nullopt;
  }

  // Enters `slot` under `hash`, unless matches(other) holds for one that stands before its place. The slot
  // that Find() finds from now on; nothing when there is no room, which only a damaged index lacks. Two who
  // enter different slots for one name get one and the same, if nobody removes entries meanwhile.
  template <typename Matches>
  std::optional<uint32_t> FindOrInsert(uint32_t hash, uint32_t slot, Matches matches) {
    for (uint32_t i = 0; i <= mask_; ++i) {
      FakeTableIndexEntry& entry = entries_[(hash + i) & mask_];
      uint32_t found = entry.load();
      if (found == 0 && entry.compare_exchange_strong(found, EntryOf(hash, slot))) return slot;
      if (IsUnder(hash, found) && matches(SlotOf(found))) return SlotOf(found);
    }
    return std::nullopt;
  }

  // The following need the lock.
  // Moves later entries of the same run back into the gap, so that no walk ends early. An entry that is not
  // there is no error.
  template <typename HashOf>
  void Erase(uint32_t hash, uint32_t slot, HashOf hash_of, const FakeTableSteps& step) {
    std::optional<uint32_t> gap = PlaceOf(hash, slot);
    if (!gap) return;
    // An entry may move back to the gap when its walk begins at or before it.
    for (uint32_t i = 1, start = *gap; i <= mask_; ++i) {
      const uint32_t here = (start + i) & mask_;
      const uint32_t entry = entries_[here].load();
      if (entry == 0) break;
      const std::optional<uint32_t> its_hash = hash_of(SlotOf(entry));
      if (!its_hash || ((here - *its_hash) & mask_) < ((here - *gap) & mask_)) continue;
      entries_[*gap].store(entry, std::memory_order_release);
      step();
      gap = here;
    }
    entries_[*gap].store(0, std::memory_order_release);
  }
  // False when there is no room.
  bool Insert(uint32_t hash, uint32_t slot);
  void Clear(const FakeTableSteps& step);
  // Enters all that is here in `larger`, too, which is empty.
  template <typename HashOf>
  void CopyTo(FakeTableIndex* larger, HashOf hash_of, const FakeTableSteps& step) const {
    for (uint32_t i = 0; i <= mask_; ++i) {
      const uint32_t entry = entries_[i].load();
      if (entry == 0) continue;
      const std::optional<uint32_t> hash = hash_of(SlotOf(entry));
      if (!hash) continue;
      larger->Insert(*hash, SlotOf(entry));
      step();
    }
  }

 private:
  static constexpr int kSlotBits = std::bit_width(kFakeTableMaxSlots);

  static bool IsUnder(uint32_t hash, uint32_t entry) { return (hash ^ entry) >> kSlotBits == 0; }
  static uint32_t SlotOf(uint32_t entry) { return entry % (1U << kSlotBits) - 1; }
  static uint32_t EntryOf(uint32_t hash, uint32_t slot) {
    return hash >> kSlotBits << kSlotBits | (slot + 1);
  }
  std::optional<uint32_t> PlaceOf(uint32_t hash, uint32_t slot) const;

  FakeTableIndexEntry* entries_ = nullptr;
  uint32_t mask_ = 0;
};

}  // namespace socksify
