// SPDX-License-Identifier: BSD-2-Clause
// FakeTableStore: reading and writing the fake table in mapped memory. It knows nothing of files and locks.
//
// Reading is lock-free, bounded, async-signal-safe and safe against any content of the memory. Writing needs
// the table's lock. A view: the memory must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "resolver/fake_key.h"
#include "resolver/fake_table_holds.h"
#include "resolver/fake_table_index.h"
#include "resolver/fake_table_layout.h"

namespace socksify {

class FakeTableStore {
 public:
  // Puts disk space behind the slots from `begin`, where the last allocation ended, to before `end`. Returns
  // 0 or an errno value.
  class Allocator {
   public:
    virtual int Allocate(uint32_t begin, uint32_t end) = 0;

   protected:
    ~Allocator() = default;
  };

  FakeTableStore(std::byte* memory, const FakeTableLayout& layout);

  FakeTableHeader& header() const { return *header_; }
  uint32_t capacity() const { return layout_.capacity(); }
  uint32_t HashOf(const FakeKey& key) const { return key.Hash(header_->hash_seed); }

  // The slot of `key`, which from now on is the one used last: no writer that has not begun to recycle it
  // will for as long as others are older. Nothing when it is unknown or just being moved.
  std::optional<uint32_t> FindAndUse(const FakeKey& key, uint32_t hash) const;
  // The name in `slot`, without marking it as used. False when it stands for none.
  bool Read(uint32_t slot, FakeKey* key) const;
  // Marks `slot`, below the number of used slots, as the one used last.
  void Use(uint32_t slot) const;
  // How many slots have ever held a name, whatever the memory says at most capacity().
  uint32_t used() const;

  // When `slot` was used last: a higher number is later.
  uint64_t StampOf(uint32_t slot) const { return stamps_[slot].load(std::memory_order_relaxed); }
  const FakeTableHolds& holds() const { return holds_; }

  // Under the lock: repairs what a killed writer left, then enters `key`, when the table is full at the cost
  // of the least recently used name that nobody holds, or, when all are held, of the least recently used one.
  // The slot, or what `allocator` failed with.
  std::expected<uint32_t, int> Enter(const FakeKey& key, uint32_t hash, Allocator* allocator);
  // Under the lock: removes every name, and returns how many they were. The slots stay used, with the stamps
  // that they have: while others remain that have never held a name, or were used less recently, no address
  // of a removed name is given to a new one.
  uint32_t Clear();

  void set_steps(const FakeTableSteps& steps) { step_ = steps; }

 private:
  std::atomic<uint32_t>& Word(uint32_t slot, size_t i) const {
    return i < FakeTableSlot::kWords ? slots_[slot].words[i] : tails_[slot].words[i - FakeTableSlot::kWords];
  }
  bool Matches(uint32_t slot, const FakeKey& key, uint32_t* sequence) const;
  int MakeRoom(uint32_t slot, Allocator* allocator);
  uint32_t LeastRecentlyUsed() const;
  bool Claim(uint32_t slot, bool in_use_too);
  uint32_t ClaimLeastRecentlyUsed();
  void Overwrite(uint32_t slot, const FakeKey& key);
  void Discard(uint32_t slot);
  void Repair();
  uint32_t RebuildIndex();

  FakeTableLayout layout_;
  FakeTableHeader* header_;
  FakeTableIndex index_;
  FakeTableStamp* stamps_;
  FakeTableHolds holds_;
  FakeTableSlot* slots_;
  FakeTableTail* tails_;
  FakeTableSteps step_;
};

}  // namespace socksify
