// SPDX-License-Identifier: BSD-2-Clause
// Orders without allocation: std::stable_partition allocates, and std::shuffle wants a generator.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace socksify {

// The next number of a sequence that starts anywhere and visits all 64-bit states (SplitMix64).
constexpr uint64_t NextNumber(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

template <typename T>
void Shuffle(std::span<T> values, uint64_t draw) {
  for (size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[static_cast<size_t>(NextNumber(&draw) % i)]);
}

// Moves the values that `is_first` accepts before the others, both in their order; returns how many they are.
template <typename T, typename Predicate>
size_t PutFirst(std::span<T> values, const Predicate& is_first) {
  auto end = values.begin();
  for (auto it = values.begin(); it != values.end(); ++it) {
    if (!is_first(*it)) continue;
    std::rotate(end, it, it + 1);
    ++end;
  }
  return static_cast<size_t>(end - values.begin());
}

}  // namespace socksify
