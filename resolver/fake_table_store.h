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
#include <span>
#include <utility>

#include "resolver/fake_digest.h"
#include "resolver/fake_key.h"
#include "resolver/fake_table_holds.h"
#include "resolver/fake_table_index.h"
#include "resolver/fake_table_layout.h"

namespace socksify {

// A part of the table's memory, in bytes from its start.
struct FakeTableExtent {
  size_t begin;
  size_t end;
};

class FakeTableStore {
 public:
  // Puts disk space behind parts of the table, some of which may have it already. Returns 0 or an errno
  // value.
  class Allocator {
   public:
    virtual int Allocate(std::span<const FakeTableExtent> extents) = 0;

   protected:
    ~Allocator() = default;
  };

  FakeTableStore(std::byte* memory, const FakeTableLayout& layout);

  FakeTableHeader& header() const { return *header_; }
  uint32_t capacity() const { return layout_.capacity(); }
  FakeDigest DigestOf(const FakeKey& key) const { return digester_.Of(key); }

  // The slot of the name with `digest`, which from now on is the one used last: no writer that has not begun
  // to recycle it will for as long as others are older. Nothing when it is unknown or just being moved.
  std::optional<uint32_t> FindAndUse(const FakeDigest& digest) const;
  // Enters `key`, which is not known, into a slot that has never been used, without the lock. Nothing when
  // there is none to be had, or others are at work that needs the lock: Enter() has to see to it, and gets to
  // know what was begun. Async-signal-safe.
  std::optional<uint32_t> EnterFresh(const FakeKey& key, const FakeDigest& digest,
                                     std::optional<uint32_t>* begun);
  // The name in `slot`, without marking it as used. False when it stands for none.
  bool Read(uint32_t slot, FakeKey* key) const;
  // Marks `slot`, below the number of used slots, as the one used last. Its stamp.
  uint64_t Use(uint32_t slot) const;
  // How many slots have been taken for names, whatever the memory says at most capacity().
  uint32_t used() const;
  // How many names there are. Looks at every slot.
  uint32_t CountNames() const;

  // When `slot` was used last: a higher number is later.
  uint64_t StampOf(uint32_t slot) const { return slots_[slot].stamp.load(std::memory_order_relaxed); }
  const FakeTableHolds& holds() const { return holds_; }

  // Under the lock: repairs what a killed writer left, then enters `key`, when the table is full at the cost
  // of the least recently used name that nobody holds, or, when all are held, of the least recently used one.
  // The slot, or what `allocator` failed with. `begun` is what EnterFresh() has taken for the name.
  std::expected<uint32_t, int> Enter(const FakeKey& key, const FakeDigest& digest,
                                     std::optional<uint32_t> begun, Allocator* allocator);
  // Under the lock: removes every name, and returns how many they were. The slots stay used, with the stamps
  // that they have: while others remain that have never held a name, or were used less recently, no address
  // of a removed name is given to a new one.
  uint32_t Clear();

  void set_steps(const FakeTableSteps& steps) { step_ = steps; }

 private:
  std::atomic<uint64_t>& Word(uint32_t slot, size_t i) const {
    return i < FakeTableName::kWords ? names_[slot].words[i] : tails_[slot].words[i - FakeTableName::kWords];
  }
  FakeSlotState StateOf(uint32_t slot) const { return FakeSlotState(slots_[slot].state.load()); }
  void SetState(uint32_t slot, FakeSlotState state) { slots_[slot].state.store(state.bits()); }
  // Where it is not `*expected`, that becomes what it is.
  bool ChangeState(uint32_t slot, FakeSlotState* expected, FakeSlotState state) const;
  void Copy(uint32_t slot, FakeKey* key) const;
  bool Matches(uint32_t slot, const FakeDigest& digest, FakeSlotState* state) const;
  std::optional<uint32_t> HashInSlot(uint32_t slot) const;
  void Erase(uint32_t hash, uint32_t slot);
  std::optional<uint32_t> TakeFresh();
  bool WriteFresh(uint32_t slot, const FakeKey& key, const FakeDigest& digest);
  bool Show(uint32_t slot, const FakeDigest& digest) const;
  // Whether nobody has moved entries of the index since `moves` was read, or does.
  bool IsUnmovedSince(uint32_t moves) const;
  std::optional<uint32_t> FindShown(const FakeDigest& digest, FakeSlotState* state) const;
  std::optional<uint32_t> Find(const FakeDigest& digest, FakeSlotState* state) const;
  std::optional<uint32_t> FindOrFinish(const FakeDigest& digest, std::optional<uint32_t> begun);
  std::optional<uint32_t> FindAnnounced(const FakeDigest& digest) const;
  int MakeRoom(Allocator* allocator);
  void GrowIndex(uint32_t size);
  uint32_t index_size() const;
  // The level that is in use; one look-up keeps to it.
  FakeTableIndex Index() const { return Index(index_size()); }
  FakeTableIndex Index(uint32_t size) const { return {levels_ + size, size}; }
  void BeginOperation(uint32_t slot, uint32_t flags = 0);
  void EndOperation();
  void WithdrawOperation();
  struct Oldest;
  void LookForOldest(uint32_t run, HolderCheck* check, Oldest* oldest);
  std::pair<uint32_t, uint64_t> OldestRun() const;
  struct Victim;
  Victim LeastRecentlyUsed();
  bool Claim(const Victim& victim, bool in_use_too);
  uint32_t ClaimLeastRecentlyUsed();
  uint32_t Recycle(const FakeKey& key, const FakeDigest& digest);
  void Overwrite(uint32_t slot, const FakeKey& key, const FakeDigest& digest);
  void MakeOldest(uint32_t slot);
  void Discard(uint32_t slot);
  void Repair();
  void RebuildIndex();
  void DropHidden();
  bool InsertShown(uint32_t slot, const FakeDigest& digest);
  void InsertAnnounced(uint32_t slot, const FakeDigest& digest);
  bool ClearSlot(uint32_t slot);
  void Wipe(uint32_t slot, size_t begin, size_t end);

  FakeTableLayout layout_;
  FakeTableHeader* header_;
  FakeDigester digester_;
  FakeTableRun* runs_;
  FakeTableIndexEntry* levels_;
  FakeTableHolds holds_;
  FakeTableSlot* slots_;
  FakeTableName* names_;
  FakeTableTail* tails_;
  FakeTableSteps step_;
};

}  // namespace socksify
