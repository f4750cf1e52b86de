// SPDX-License-Identifier: BSD-2-Clause
// StablePool: objects whose memory is never given back, so that a stale pointer to one may still be looked
// through: the object says itself that it is not what it was.
//
// The caller locks. T is constructed once, when its memory is first taken, and has a member `T* next_free`.
// The first kNear of them are part of the pool; the next may lie in memory that the caller has.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <new>

#include "preload/descriptor_array.h"

namespace socksify {

template <typename T, size_t kNear = 0>
class StablePool {
  static constexpr size_t kHeaderSize = 32;  // of a Batch
  // Where the objects are right behind it.
  static constexpr size_t kBatchHeaderSize = (kHeaderSize + alignof(T) - 1) / alignof(T) * alignof(T);

 public:
  constexpr StablePool() = default;

  // Null when there is no memory.
  T* Take() {
    if (free_ == nullptr) return Make();
    T* const taken = free_;
    free_ = taken->next_free;
    return taken;
  }
  // Whether no memory was provided or reserved yet. The caller locks.
  bool is_without_memory() const { return batches_.load(std::memory_order_relaxed) == nullptr; }
  // An object more may be made at the beginning of `memory`, which is zero, of kProvidedSize bytes, aligned
  // as any page is, and stays. The caller locks.
  static constexpr size_t kProvidedSize = sizeof(T) + kHeaderSize;
  void Provide(void* memory) {
    auto* const place = static_cast<std::byte*>(memory);
    AddBatch(place + sizeof(T), place, 1);
  }

  void Give(T* object) {
    object->next_free = free_;
    free_ = object;
  }

  // Every object that was ever taken, those given back included. Needs no lock.
  template <typename Visit>
  void ForEach(const Visit& visit) {
    const size_t near_made = near_made_.load(std::memory_order_acquire);
    for (size_t i = 0; i < near_made; ++i) visit(ObjectAt(near_.data(), i));
    for (Batch* batch = batches_.load(std::memory_order_acquire); batch != nullptr; batch = batch->next) {
      const size_t made = batch->made.load(std::memory_order_acquire);
      for (size_t i = 0; i < made; ++i) visit(batch->Object(i));
    }
  }

 private:
  static constexpr size_t kBatchSize = 16;

  // The objects' places are left alone until an object is made there, so that a batch takes memory for those
  // in use.
  struct Batch {
    Batch* next = nullptr;
    std::byte* places = nullptr;
    size_t size = 0;
    std::atomic<size_t> made = 0;

    T* Object(size_t i) { return ObjectAt(places, i); }
  };
  static_assert(sizeof(Batch) <= kHeaderSize && sizeof(T) % alignof(Batch) == 0);

  static T* ObjectAt(std::byte* places, size_t i) {
    return std::launder(reinterpret_cast<T*>(places + i * sizeof(T)));
  }

  T* Make() {
    const size_t near_made = near_made_.load(std::memory_order_relaxed);
    if (near_made < kNear) {
      T* const object = new (near_.data() + near_made * sizeof(T)) T;
      near_made_.store(near_made + 1, std::memory_order_release);
      return object;
    }
    Batch* batch = batches_.load(std::memory_order_relaxed);
    if (batch == nullptr || batch->made.load(std::memory_order_relaxed) == batch->size) batch = Grow();
    if (batch == nullptr) return nullptr;
    const size_t made = batch->made.load(std::memory_order_relaxed);
    T* const object = new (batch->places + made * sizeof(T)) T;
    batch->made.store(made + 1, std::memory_order_release);
    return object;
  }

  Batch* Grow() {
    void* const memory = ReserveMemory(kBatchHeaderSize + kBatchSize * sizeof(T));
    if (memory == nullptr) return nullptr;
    return AddBatch(memory, static_cast<std::byte*>(memory) + kBatchHeaderSize, kBatchSize);
  }

  Batch* AddBatch(void* memory, std::byte* places, size_t size) {
    auto* const batch = new (memory) Batch;
    batch->places = places;
    batch->size = size;
    batch->next = batches_.load(std::memory_order_relaxed);
    batches_.store(batch, std::memory_order_release);
    return batch;
  }

  T* free_ = nullptr;
  std::atomic<Batch*> batches_ = nullptr;
  std::atomic<size_t> near_made_ = 0;
  alignas(T) std::array<std::byte, kNear * sizeof(T)> near_{};
};

}  // namespace socksify
