// SPDX-License-Identifier: BSD-2-Clause
// Versioned: a value that is read without a lock while others write it (under one).
//
// The version is odd while the value is written. The value is kept in atomic words, since a reader may copy
// it while it changes and then finds out by the version. Lives in memory that is never given back
// (stable_pool.h), so that a stale pointer to it may still be looked through.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace socksify {

// Room for what Read() writes: where it is made for each datagram, clearing it first would show.
template <typename T>
union Unwritten {
  static_assert(std::is_trivially_copyable_v<T>);
  Unwritten() {}  // NOLINT(modernize-use-equals-default,cppcoreguidelines-pro-type-member-init)
  T value;
};

template <typename T>
class Versioned {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  constexpr Versioned() = default;

  // Of writers there is one at a time.
  void Write(const T& value) {
    std::array<uint64_t, kWords> words{};
    std::memcpy(words.data(), &value, sizeof value);
    version_.fetch_add(1, std::memory_order_acq_rel);
    // Each word is released so that none is seen before the first step.
    for (size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_release);
    version_.fetch_add(1, std::memory_order_release);
  }
  // The value is not what it was: a reader that has begun begins again.
  void Touch() { version_.fetch_add(2, std::memory_order_acq_rel); }

  // False when writers leave no time to read it whole, or one was stopped half way; `out` is worth nothing
  // then.
  bool Read(T* out) const {
    for (int tries = 0; tries < 1000; ++tries) {
      const uint32_t before = version_.load(std::memory_order_acquire);
      if ((before & 1) != 0) continue;
      CopyWords(out, std::make_index_sequence<kWords>());
      if (version_.load(std::memory_order_relaxed) == before) return true;
    }
    return false;
  }

 private:
  static constexpr size_t kWords = (sizeof(T) + sizeof(uint64_t) - 1) / sizeof(uint64_t);

  // One after the other, which takes fewer instructions than a loop.
  template <size_t... kIndices>
  void CopyWords(T* out, std::index_sequence<kIndices...> /*all*/) const {
    (CopyWord<kIndices>(out), ...);
  }
  template <size_t kIndex>
  void CopyWord(T* out) const {
    constexpr size_t kBegin = kIndex * sizeof(uint64_t);
    const uint64_t word = words_[kIndex].load(std::memory_order_acquire);
    std::memcpy(reinterpret_cast<std::byte*>(out) + kBegin, &word, std::min(sizeof word, sizeof(T) - kBegin));
  }

  std::atomic<uint32_t> version_ = 0;
  std::array<std::atomic<uint64_t>, kWords> words_{};
};

}  // namespace socksify
