// SPDX-License-Identifier: BSD-2-Clause
// BorrowedMemory: a large piece of memory for the time of one call, for calls that are made so often that a
// mapping of their own each time would cost more than they do. A few pieces are kept; malloc(3) must not be
// called where the program may be in a signal handler.
#pragma once

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstddef>

#include "preload/descriptor_array.h"

namespace socksify {

class BorrowedMemory {
 public:
  static constexpr size_t kSize = size_t{1} << 20;  // pages that nobody touches cost nothing

  BorrowedMemory() {
    for (std::atomic<void*>& each : kept_) {
      memory_ = each.exchange(nullptr, std::memory_order_acquire);
      if (memory_ != nullptr) return;
    }
    memory_ = ReserveMemory(kSize);
  }
  ~BorrowedMemory() {
    for (std::atomic<void*>& each : kept_) {
      if (memory_ == nullptr) return;
      memory_ = each.exchange(memory_, std::memory_order_release);
    }
    if (memory_ != nullptr) munmap(memory_, kSize);
  }
  BorrowedMemory(const BorrowedMemory&) = delete;
  BorrowedMemory& operator=(const BorrowedMemory&) = delete;

  // An array behind those that were taken before; null when there is no room. Its elements are as they were.
  template <typename T>
  T* Take(size_t count) {
    const size_t begin = (used_ + alignof(T) - 1) / alignof(T) * alignof(T);
    if (memory_ == nullptr || count > (kSize - begin) / sizeof(T)) return nullptr;
    used_ = begin + count * sizeof(T);
    return reinterpret_cast<T*>(static_cast<std::byte*>(memory_) + begin);
  }

 private:
  static inline constinit std::array<std::atomic<void*>, 4> kept_{};

  void* memory_ = nullptr;
  size_t used_ = 0;
};

}  // namespace socksify
