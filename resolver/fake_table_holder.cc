// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/fake_table_holder.h"

#include <sys/mman.h>
#include <unistd.h>

#include "resolver/process_life.h"

namespace socksify {
namespace {

uint32_t OwnPid() {
  return static_cast<uint32_t>(getpid());
}

}  // namespace

FakeTableHolder::FakeTableHolder(const FakeTableHolds& holds, uint32_t capacity)
    : holds_(holds), capacity_(capacity), pid_(OwnPid()) {
  void* const memory = mmap(nullptr, capacity * sizeof *counts_, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory != MAP_FAILED) counts_ = static_cast<std::atomic<uint32_t>*>(memory);
}

FakeTableHolder::~FakeTableHolder() {
  if (counts_ != nullptr) munmap(static_cast<void*>(counts_), capacity_ * sizeof *counts_);
}

void FakeTableHolder::Hold(uint32_t slot) {
  if (counts_ == nullptr || slot >= capacity_) return;
  NoticeFork();
  uint32_t end = end_.load();
  while (end <= slot && !end_.compare_exchange_weak(end, slot + 1)) {
  }
  if (counts_[slot].fetch_add(1) != 0) return;
  held_.fetch_add(1);
  holds_.Add(slot, pid_.load(), SecondsSinceBoot());
}

void FakeTableHolder::Release(uint32_t slot) {
  if (counts_ == nullptr || slot >= capacity_) return;
  NoticeFork();
  uint32_t count = counts_[slot].load();
  do {
    if (count == 0) return;
  } while (!counts_[slot].compare_exchange_weak(count, count - 1));
  if (count != 1) return;
  held_.fetch_sub(1);
  holds_.Remove(slot, pid_.load());
  // A thread that has held it anew meanwhile may have relied on the record that is gone now.
  if (counts_[slot].load() != 0) holds_.Add(slot, pid_.load(), SecondsSinceBoot());
}

void FakeTableHolder::AfterFork() {
  pid_.store(OwnPid());
  const uint32_t end = held_.load() != 0 ? end_.load() : 0;
  for (uint32_t slot = 0; slot < end; ++slot) {
    if (counts_[slot].load() != 0) holds_.Add(slot, pid_.load(), SecondsSinceBoot());
  }
}

void FakeTableHolder::NoticeFork() {
  if (pid_.load() != OwnPid()) AfterFork();
}

}  // namespace socksify
