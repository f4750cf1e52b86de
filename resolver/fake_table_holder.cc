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
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t counts_size = (capacity * sizeof *counts_ + page - 1) / page * page;
  memory_size_ = counts_size + page;
  void* const memory =
      mmap(nullptr, memory_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  counts_ = static_cast<std::atomic<uint32_t>*>(memory);
  void* const last_page = static_cast<std::byte*>(memory) + counts_size;
  if (madvise(last_page, page, MADV_WIPEONFORK) != 0) return;
  mark_ = static_cast<std::atomic<uint32_t>*>(last_page);
  mark_->store(1);
}

FakeTableHolder::~FakeTableHolder() {
  if (counts_ != nullptr) munmap(static_cast<void*>(counts_), memory_size_);
}

void FakeTableHolder::Hold(uint32_t slot) {
  if (counts_ == nullptr || slot >= capacity_) return;
  const uint32_t pid = Pid();
  uint32_t end = end_.load();
  while (end <= slot && !end_.compare_exchange_weak(end, slot + 1)) {
  }
  if (counts_[slot].fetch_add(1) != 0) return;
  held_.fetch_add(1);
  holds_.Add(slot, pid, SecondsSinceBoot());
}

void FakeTableHolder::Release(uint32_t slot) {
  if (counts_ == nullptr || slot >= capacity_) return;
  const uint32_t pid = Pid();
  uint32_t count = counts_[slot].load();
  do {
    if (count == 0) return;
  } while (!counts_[slot].compare_exchange_weak(count, count - 1));
  if (count != 1) return;
  held_.fetch_sub(1);
  holds_.Remove(slot, pid);
  // A thread that has held it anew meanwhile may have relied on the record that is gone now.
  if (counts_[slot].load() != 0) holds_.Add(slot, pid, SecondsSinceBoot());
}

void FakeTableHolder::AfterFork() {
  pid_.store(OwnPid());
  if (mark_ != nullptr) mark_->store(1);
  const uint32_t end = held_.load() != 0 ? end_.load() : 0;
  for (uint32_t slot = 0; slot < end; ++slot) {
    if (counts_[slot].load() != 0) holds_.Add(slot, pid_.load(), SecondsSinceBoot());
  }
}

// The process's, also in a child that no handler has told that it is one.
uint32_t FakeTableHolder::Pid() {
  const bool is_child = mark_ != nullptr ? mark_->load() == 0 : pid_.load() != OwnPid();
  if (is_child) AfterFork();
  return pid_.load();
}

}  // namespace socksify
