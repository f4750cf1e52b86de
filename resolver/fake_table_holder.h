// SPDX-License-Identifier: BSD-2-Clause
// FakeTableHolder: how many connections of this process hold each slot of the fake table.
//
// The counts are private memory, which a child has a copy of, as it has of the connections. Only the first
// connection to a slot and the end of the last one touch the shared records (fake_table_holds.h).
//
// Thread-safe, lock-free, async-signal-safe, and without a system call but for the first call in a new
// process. Owns its memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "resolver/fake_table_holds.h"

namespace socksify {

class FakeTableHolder {
 public:
  // For slots below `capacity`. Where there is no memory for the counts, nothing is ever held.
  FakeTableHolder(const FakeTableHolds& holds, uint32_t capacity);
  ~FakeTableHolder();
  FakeTableHolder(const FakeTableHolder&) = delete;
  FakeTableHolder& operator=(const FakeTableHolder&) = delete;

  void Hold(uint32_t slot);
  // Undoes one Hold(); nothing for a slot that is not held.
  void Release(uint32_t slot);
  // In a child: records for it what it has inherited. Hold() and Release() do so too when they find that the
  // process is another.
  void AfterFork();

 private:
  uint32_t Pid();

  FakeTableHolds holds_;
  std::atomic<uint32_t>* counts_ = nullptr;
  // On a page of its own that a forked child finds empty (madvise(2), MADV_WIPEONFORK); null where the kernel
  // does not do that.
  std::atomic<uint32_t>* mark_ = nullptr;
  uint32_t capacity_;
  size_t memory_size_ = 0;
  std::atomic<uint32_t> held_ = 0;  // how many slots have a count
  std::atomic<uint32_t> end_ = 0;   // slots from here on have never been held
  std::atomic<uint32_t> pid_;
};

}  // namespace socksify
