// SPDX-License-Identifier: BSD-2-Clause
// The mapped layout of the fake table: what stands where in the file.
//
//     header, runs | index, 4 bytes | holds, 8 bytes | slots, 64 bytes  | tails, 208 bytes
//                  | an entry       | each           | each: names of   | each: the rest of
//                  |                |                | 47 bytes, stamps | longer names
//
// Two cache lines answer for nearly every name, and the table of a busy process stays small in memory. The
// index has a level for each power of two, of which one is in use: level n has n entries from number n on,
// for n / 2 slots. So a table of few names has few pages that a process has to meet, and a level is filled
// while the one before it still answers. Each part begins on a page of any machine. 32- and 64-bit processes
// share one file: every field has a fixed width, and the 8-byte ones are aligned to 8 (i386 would align them
// to 4). Numbers are in the machine's own byte order, which `byte_order` tells. Header, holds and the first
// level are allocated when the file is made. Further levels, and slots and tails from number `allocated` on,
// are never touched before that: a load from a hole of a file on a full tmpfs raises SIGBUS as a store does.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "resolver/fake_key.h"

namespace socksify {

// What must be equal for two programs to use the same file; compared byte by byte, so there is no padding.
struct FakeTableIdentity {
  char magic[8] = {'S', 'O', 'C', 'K', 'S', 'I', 'F', 'Y'};
  uint32_t byte_order = 0x01020304;
  uint32_t layout_version = 4;
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

// A sequence lock and the first words of a FakeKey. An odd sequence says that the words are being changed;
// size 0 that the slot stands for no name. 0 is the sequence of a slot that has never stood for one: its
// words may be on their way.
struct alignas(64) FakeTableSlot {
  static constexpr size_t kWords = 6;
  static constexpr uint32_t kFirstSequence = 2;  // that of the first name

  std::atomic<uint32_t> sequence;
  alignas(8) std::atomic<uint64_t> words[kWords];
  std::atomic<uint64_t> stamp;  // when it was used last, by the header's clock
};
static_assert(sizeof(FakeTableSlot) == 64);

// The other words.
struct FakeTableTail {
  static constexpr size_t kWords = FakeKey::kWords - FakeTableSlot::kWords;

  alignas(8) std::atomic<uint64_t> words[kWords];
};
static_assert(sizeof(FakeTableTail) == 208);

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

  // How many slots are allocated at a time: as many as fill a page.
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
  constexpr size_t TailsOffset() const { return SlotsOffset() + SlotPages(capacity_); }
  constexpr size_t FileSize() const { return TailsOffset() + TailPages(capacity_); }

  // The size of the pages that `count` slots, or their tails, take.
  static constexpr size_t SlotPages(uint32_t count) { return WholePages(count * sizeof(FakeTableSlot)); }
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
