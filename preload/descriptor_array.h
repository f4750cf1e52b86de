// SPDX-License-Identifier: BSD-2-Clause
// DescriptorArray: one value for each possible descriptor of the process.
//
// Reserved address space for kMaxDescriptors, more than any process may have unless its administrator raised
// fs.nr_open, touched only where used. Where there is not so much, for the present hard limit. Reading takes
// no lock; a descriptor beyond the array, or any before Prepare(), reads as T{}.
//
// The first kNear are part of the object, beside all else that a connection changes: few programs have more
// descriptors, and would have a page for each array. Reading takes a comparison more, so this is not for what
// every call looks at.
//
// Before the cells there are kRoom bytes for another use. The first page of cells is hardly used otherwise.
#pragma once

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

namespace socksify {

inline constexpr unsigned kMaxDescriptors = 1 << 20;

// Fresh memory that is zero; null when there is none. Never given back.
inline void* ReserveMemory(size_t bytes) {
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

template <typename T, unsigned kNear = 0, size_t kRoom = 0>
class DescriptorArray {
  static_assert(kRoom % 64 == 0);

 public:
  constexpr DescriptorArray() = default;

  T Get(int fd) const {
    const auto index = static_cast<unsigned>(fd);
    if (IsNear(index)) return near_[index].load(std::memory_order_acquire);
    if (index >= size_.load(std::memory_order_acquire)) [[unlikely]]
      return T{};
    return cells_.load(std::memory_order_relaxed)[index].load(std::memory_order_acquire);
  }
  // The cell of `fd`; null for a descriptor beyond the array and, unless it is near, before Prepare().
  std::atomic<T>* At(int fd) {
    const auto index = static_cast<unsigned>(fd);
    if (IsNear(index)) return &near_[index];
    if (index >= size_.load(std::memory_order_acquire)) [[unlikely]]
      return nullptr;
    return cells_.load(std::memory_order_relaxed) + index;
  }
  // As At(), reserving the array first; null also when there is no address space.
  std::atomic<T>* Provide(int fd) {
    if (!IsNear(static_cast<unsigned>(fd)) && size_.load(std::memory_order_acquire) == 0) [[unlikely]]
      Prepare();
    return At(fd);
  }

  // kRoom bytes at the beginning of a page, zero until somebody uses them; null before Prepare().
  void* room() {
    if (size_.load(std::memory_order_acquire) == 0) return nullptr;
    return reinterpret_cast<std::byte*>(cells_.load(std::memory_order_relaxed)) - kRoom;
  }

 private:
  static constexpr bool IsNear(unsigned index) {
    if constexpr (kNear != 0) return index < kNear;
    return false;
  }

  [[gnu::cold, gnu::noinline]] void Prepare() {
    unsigned size = kMaxDescriptors;
    void* memory = ReserveMemory(kRoom + size * sizeof(std::atomic<T>));
    rlimit limit{};
    if (memory == nullptr && getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < size) {
      size = static_cast<unsigned>(limit.rlim_max);
      memory = ReserveMemory(kRoom + size * sizeof(std::atomic<T>));
    }
    if (memory == nullptr) return;
    // Fresh pages are zero, which is the value that the atomics start with.
    auto* const cells = reinterpret_cast<std::atomic<T>*>(static_cast<std::byte*>(memory) + kRoom);
    std::atomic<T>* expected = nullptr;
    if (!cells_.compare_exchange_strong(expected, cells)) {
      munmap(memory, kRoom + size * sizeof(std::atomic<T>));
      while (size_.load(std::memory_order_acquire) == 0) sched_yield();
      return;
    }
    size_.store(size, std::memory_order_release);
  }

  std::atomic<unsigned> size_ = 0;
  std::atomic<std::atomic<T>*> cells_ = nullptr;  // of all descriptors; those of the near ones are not used
  std::array<std::atomic<T>, kNear> near_{};
};

}  // namespace socksify
