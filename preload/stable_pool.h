// SPDX-License-Identifier: BSD-2-Clause
// StablePool: objects whose memory is never given back, so that a stale pointer to one may still be looked
// through: the object says itself that it is not what it was.
//
// The caller locks. T is constructed once, when its memory is first taken, and has a member `T* next_free`.
#pragma once

#include <atomic>
#include <new>

#include "preload/descriptor_array.h"

namespace socksify {

template <typename T>
class StablePool {
 public:
  constexpr StablePool() = default;

  // Null when there is no memory.
  T* Take() {
    if (free_ == nullptr) Grow();
    T* const taken = free_;
    if (taken != nullptr) free_ = taken->next_free;
    return taken;
  }
  void Give(T* object) {
    object->next_free = free_;
    free_ = object;
  }

  // Every object that was ever taken, those given back included. Needs no lock.
  template <typename Visit>
  void ForEach(const Visit& visit) {
    for (Batch* batch = batches_.load(std::memory_order_acquire); batch != nullptr; batch = batch->next) {
      for (T& object : batch->objects) visit(&object);
    }
  }

 private:
  struct Batch {
    Batch* next = nullptr;
    T objects[16];
  };

  void Grow() {
    void* const memory = ReserveMemory(sizeof(Batch));
    if (memory == nullptr) return;
    auto* const batch = new (memory) Batch;
    for (T& object : batch->objects) Give(&object);
    batch->next = batches_.load(std::memory_order_relaxed);
    batches_.store(batch, std::memory_order_release);
  }

  T* free_ = nullptr;
  std::atomic<Batch*> batches_ = nullptr;
};

}  // namespace socksify
