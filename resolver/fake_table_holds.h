// SPDX-License-Identifier: BSD-2-Clause
// FakeTableHolds: which addresses of the fake table living processes hold, so that they are not recycled.
//
// A connection may live while more newer names are used than the table has slots. Were its address given to
// another name, the program would find a wrong name for its peer, or connect to a wrong host when it connects
// again. So the process that has the connection leaves a record "slot s, process p, since t" in shared
// memory, and the writer that looks for a slot to recycle passes over those whose holder still runs.
//
// A record is one word, taken and given up by one compare-exchange: a process killed at any instruction
// leaves nothing half done, and what it leaves behind is worth nothing once it has ended; `since` tells it
// from a later process with the same id. Only the writer that meets a record asks the kernel about its
// process, and it meets one only when the table is full and the slot is the oldest. A hold thus costs its
// holder no more than getpid(2) and a write, once for each name. Byte-range locks of the table's file would
// die with their process as well, but need a descriptor that stays open, on which the program could stumble;
// a count in each slot would never come back from a killed process.
//
// Best effort where it must end: the records of a slot have room for kWindow processes, and as a whole the
// table has one record for four slots. A holder in another PID namespace counts as ended unless a process of
// ours has its id. What is not recorded is recycled by age alone.
//
// Lock-free, bounded, async-signal-safe, and safe against any content of the memory. A view: the memory must
// outlive it.
#pragma once

#include <cstdint>
#include <optional>

#include "resolver/fake_table_layout.h"

namespace socksify {

// Tells whether a holder still runs; remembers the last one that it was asked about.
class HolderCheck {
 public:
  // `since_s` as a record has it.
  bool Runs(uint32_t pid, uint32_t since_s);

 private:
  uint32_t pid_ = 0;
  bool is_dead_ = false;
  std::optional<int64_t> start_s_;
};

class FakeTableHolds {
 public:
  // How many records a slot may have.
  static constexpr uint32_t kWindow = 32;

  // `size` is a power of two, at least kWindow.
  FakeTableHolds(FakeTableHold* entries, uint32_t size) : entries_(entries), mask_(size - 1) {}

  // Records that `pid` holds `slot` since `now_s` seconds after boot; once, however often it is called. False
  // when there is no room.
  bool Add(uint32_t slot, uint32_t pid, int64_t now_s);
  void Remove(uint32_t slot, uint32_t pid);

  // Whether a process that still runs holds `slot`. Removes the records of others.
  bool IsHeld(uint32_t slot, HolderCheck* check) const;

  static constexpr unsigned kSlotBits = 17;
  static constexpr unsigned kPidBits = 22;  // PID_MAX_LIMIT of Linux
  static constexpr unsigned kSinceBits = 64 - kSlotBits - kPidBits;

 private:
  FakeTableHold& Entry(uint32_t slot, uint32_t i) const {
    return entries_[((slot * 0x9e3779b9U >> 8) + i) & mask_];
  }

  FakeTableHold* entries_;
  uint32_t mask_;
};

}  // namespace socksify
