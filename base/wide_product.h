// SPDX-License-Identifier: BSD-2-Clause
// The whole product of two numbers of 64 bits, also where the compiler has no number of 128.
#pragma once

#include <cstdint>

namespace socksify {

struct WideProduct {
  uint64_t high;
  uint64_t low;

  bool operator==(const WideProduct&) const = default;
};

constexpr WideProduct MultiplyHalves(uint64_t a, uint64_t b) {
  constexpr uint64_t kLow = 0xffff'ffff;
  const uint64_t low = (a & kLow) * (b & kLow);
  const uint64_t first = (a >> 32) * (b & kLow) + (low >> 32);
  const uint64_t second = (a & kLow) * (b >> 32) + (first & kLow);
  return {.high = (a >> 32) * (b >> 32) + (first >> 32) + (second >> 32), .low = second << 32 | (low & kLow)};
}

constexpr WideProduct Multiply(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return {.high = static_cast<uint64_t>(product >> 64), .low = static_cast<uint64_t>(product)};
#else
  return MultiplyHalves(a, b);
#endif
}

}  // namespace socksify
