// SPDX-License-Identifier: BSD-2-Clause
// The mapped layout of the fake table: what stands where in the file.
//
//     header, runs | index, 4 bytes | holds, 8 bytes | slots, 16 bytes | names, 64 bytes | tails, 192 bytes
//                  | an entry       | each           | each: what tells| each: those of  | each: the rest of
//                  |                |                | it, its stamp   | 63 bytes        | longer names
//
// A look-up of a known name needs an entry and a slot, which are 3 MiB in a table of 131,072 names, and not
// the name. The index has a level for each power of two, of which one is in use: level n has n entries from
// number n on, for n / 2 slots. So a table of few names has few pages that a process has to meet, and a level
// is filled while the one before it still answers. Each part begins on a page of any machine. 32- and 64-bit
// processes share one file: every field has a fixed width, and the 8-byte ones are aligned to 8 (i386 would
// align them to 4). Numbers are in the machine's own byte order, which `byte_order` tells. Header, holds and
// the first level are allocated when the file is made. Further levels, and slots, names and tails from number
// `allocated` on, are never touched before that: a load from a hole of a file on a full tmpfs raises SIGBUS
// as a store does.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "resolver/fake_digest.h"
#include "resolver/fake_key.h"

namespace socksify {

// What must be equal for two programs to use the same file; compared byte by byte, so there is no padding.
struct FakeTableIdentity {
  char magic[8] = {'S', 'O', 'C', 'K', 'S', 'I', 'F', 'Y'};
  uint32_t byte_order = 0x01020304;
  uint32_t layout_version = 5;
  uint32_t capacity = 0;
  uint32_t v4 = 0;  // host order
  uint8_t v6[16] = {};
  uint32_t v4_bits = 0;
  uint32_t v6_bits = 0;
};
static_assert(sizeof(FakeTableIdentity) == 48);

struct alignas(64) FakeTableHeader {
  FakeTableIdentity identity;
  alignas(8) uint64_t hash_seed;

  // Ticks once for every use of a name; the stamps are its values.
  alignas(64) std::atomic<uint64_t> clock;
  alignas(8) std::atomic<uint64_t> ticket;

  // Slots from here on have never been anybody's; never more than `allocated`.
  alignas(64) std::atomic<uint32_t> used;

  // Written only under the writer's lock.
  std::atomic<uint32_t> allocated;   // slots that have disk space behind them
  std::atomic<uint32_t> index_size;  // the level of the index that is in use
  // Counts the times that somebody has moved or removed entries of the index.
  std::atomic<uint32_t> moves;
  // What a writer under the lock is at, for the one that finds it killed, and for those who write without it:
  // 0 for nothing, else slot + 1, with kOverwriting once the slot's old name is no longer whole.
  std::atomic<uint32_t> operation;
  // The process id of the writer where no file can be locked, 0 for nobody (see fake_table_lock.h).
  std::atomic<uint32_t> owner;

  static constexpr uint32_t kOverwriting = 0x8000'0000;
};
static_assert(sizeof(FakeTableHeader) == 192);

// What tells a slot, in one word: a sequence, which is odd while the slot is being changed and another one
// after each change, and above it the check (fake_digest.h) of the name that the slot stands for, 0 for none.
// A slot that has never stood for a name has sequence 0, and no check for as long as the name is on its way.
class FakeSlotState {
 public:
  static constexpr uint16_t kFirstSequence = 2;  // that of the first name

  explicit constexpr FakeSlotState(uint64_t bits = 0) : bits_(bits) {}
  constexpr FakeSlotState(uint16_t sequence, uint64_t check) : bits_(check << kSequenceBits | sequence) {}

  constexpr uint64_t bits() const { return bits_; }
  constexpr uint16_t sequence() const { return static_cast<uint16_t>(bits_); }
  constexpr uint64_t check() const { return bits_ >> kSequenceBits; }
  constexpr bool is_fresh() const { return sequence() == 0; }
  constexpr bool is_changing() const { return sequence() % 2 != 0; }

  constexpr FakeSlotState Changing() const { return FakeSlotState(bits_ | 1); }
  // Before the change.
  constexpr FakeSlotState Unchanged() const { return FakeSlotState(bits_ & ~uint64_t{1}); }
  // After a change, to another name or, with 0, to none.
  constexpr FakeSlotState ChangedTo(uint64_t check) const {
    const auto next = static_cast<uint16_t>((sequence() | 1) + 1);
    return {next != 0 ? next : kFirstSequence, check};
  }

  bool operator==(const FakeSlotState&) const = default;

 private:
  static constexpr int kSequenceBits = 64 - FakeDigest::kCheckBits;

  uint64_t bits_;
};

struct FakeTableSlot {
  alignas(8) std::atomic<uint64_t> state;  // a FakeSlotState
  std::atomic<uint64_t> stamp;             // when it was used last, by the header's clock
};
static_assert(sizeof(FakeTableSlot) == 16);

// The first words of a FakeKey.
struct alignas(64) FakeTableName {
  static constexpr size_t kWords = 8;

  std::atomic<uint64_t> words[kWords];
};
static_assert(sizeof(FakeTableName) == 64);

// The other words.
struct FakeTableTail {
  static constexpr size_t kWords = FakeKey::kWords - FakeTableName::kWords;

  alignas(8) std::atomic<uint64_t> words[kWords];
};
static_assert(sizeof(FakeTableTail) == 192);

// Of the slots that are allocated together: none has a stamp below `oldest`, or hardly ever one, whose user
// was slow to write it or was killed before. So who looks for the slot that was used longest ago need not
// look at all of them. Written under the lock.
struct FakeTableRun {
  alignas(8) std::atomic<uint64_t> oldest;
};

// The most slots that a table can have.
constexpr uint32_t kFakeTableMaxSlots = 131'072;
// An entry of the index: slot + 1 in the low bits, those of the hash above them; or 0 for none.
using FakeTableIndexEntry = std::atomic<uint32_t>;
using FakeTableHold = std::atomic<uint64_t>;  // see fake_table_holds.h; 0 for none
static_assert(std::atomic<uint64_t>::is_always_lock_free && sizeof(std::atomic<uint64_t>) == 8);
static_assert(std::atomic<uint32_t>::is_always_lock_free && sizeof(std::atomic<uint32_t>) == 4);

// Where the parts of a table of `capacity` slots are, in bytes from the start.
class FakeTableLayout {
 public:
  explicit constexpr FakeTableLayout(uint32_t capacity)
      : capacity_(capacity),
        last_level_(std::bit_ceil(capacity) * 2),
        hold_entries_(std::max(std::bit_ceil(capacity) / 4, kMinHoldEntries)) {}

  // How many slots are allocated at a time: as many as have a page of names.
  static constexpr uint32_t kRun = 1024;
  constexpr uint32_t run_count() const { return (capacity_ + kRun - 1) / kRun; }

  constexpr uint32_t capacity() const { return capacity_; }
  constexpr uint32_t hold_entries() const { return hold_entries_; }  // a power of two

  constexpr uint32_t first_level() const { return std::min(kFirstLevel, last_level_); }
  constexpr bool IsLevel(uint32_t size) const {
    // What std::has_single_bit() says, which is a call of libgcc where a processor may not count bits.
    return (size & (size - 1)) == 0 && size >= first_level() && size <= last_level_;
  }
  // Where the level of `size` entries ends; the ones before it end where it begins.
  static constexpr size_t LevelEnd(uint32_t size) {
    return IndexOffset() + WholePages(size_t{2} * size * sizeof(FakeTableIndexEntry));
  }

  static constexpr size_t RunsOffset() { return sizeof(FakeTableHeader); }
  static constexpr size_t IndexOffset() { return kPage; }
  constexpr size_t HoldsOffset() const { return LevelEnd(last_level_); }
  constexpr size_t SlotsOffset() const {
    return HoldsOffset() + WholePages(hold_entries_ * sizeof(FakeTableHold));
  }
  constexpr size_t NamesOffset() const { return SlotsOffset() + SlotPages(capacity_); }
  constexpr size_t TailsOffset() const { return NamesOffset() + NamePages(capacity_); }
  constexpr size_t FileSize() const { return TailsOffset() + TailPages(capacity_); }

  // The size of the pages that `count` slots, or their names or tails, take.
  static constexpr size_t SlotPages(uint32_t count) { return WholePages(count * sizeof(FakeTableSlot)); }
  static constexpr size_t NamePages(uint32_t count) { return WholePages(count * sizeof(FakeTableName)); }
  static constexpr size_t TailPages(uint32_t count) { return WholePages(count * sizeof(FakeTableTail)); }

 private:
  // The largest page that any machine has: no page is half a hole.
  static constexpr size_t kPage = 65'536;
  static constexpr size_t WholePages(size_t size) { return (size + kPage - 1) / kPage * kPage; }

  static_assert(sizeof(FakeTableHeader) + kFakeTableMaxSlots / kRun * sizeof(FakeTableRun) <= kPage);

  static constexpr uint32_t kMinHoldEntries = 64;
  static constexpr uint32_t kFirstLevel = 2 * kRun;

  uint32_t capacity_;
  uint32_t last_level_;
  uint32_t hold_entries_;
};

}  // namespace socksify
