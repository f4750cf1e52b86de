// SPDX-License-Identifier: BSD-2-Clause
// ExceptionReserve: where exceptions lie when malloc(3) has nothing left to give, so that std::bad_alloc
// itself can be thrown. Thread-safe, without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

namespace socksify {

class ExceptionReserve {
 public:
  static constexpr size_t kSlots = 16;
  static constexpr size_t kSlotSize = 512;

  // `size` bytes for any object, or null when it is more than kSlotSize or no slot is free.
  void* Take(size_t size) {
    if (size > kSlotSize) return nullptr;
    for (Slot& slot : slots_)
      if (!slot.is_taken.exchange(true, std::memory_order_acquire)) return slot.bytes.data();
    return nullptr;
  }

  // Whether `memory` was one of its own, which it then has back.
  bool GiveBack(const void* memory) {
    for (Slot& slot : slots_) {
      if (memory != slot.bytes.data()) continue;
      slot.is_taken.store(false, std::memory_order_release);
      return true;
    }
    return false;
  }

 private:
  struct Slot {
    alignas(std::max_align_t) std::array<std::byte, kSlotSize> bytes{};
    std::atomic<bool> is_taken = false;
  };

  std::array<Slot, kSlots> slots_{};
};

}  // namespace socksify
