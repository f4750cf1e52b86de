// SPDX-License-Identifier: BSD-2-Clause
#include "base/wide_product.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

namespace socksify {
namespace {

TEST(WideProductTest, HasAllBits) {
  constexpr uint64_t kMax = UINT64_MAX;
  for (const auto multiply : {Multiply, MultiplyHalves}) {
    EXPECT_EQ(multiply(0, kMax), (WideProduct{0, 0}));
    EXPECT_EQ(multiply(kMax, kMax), (WideProduct{kMax - 1, 1}));
    EXPECT_EQ(multiply(uint64_t{1} << 63, 6), (WideProduct{3, 0}));
    EXPECT_EQ(multiply(0x1'0000'0001, 0x1'0000'0001), (WideProduct{1, 0x2'0000'0001}));
  }
}

TEST(WideProductTest, IsTheSameByHalves) {
  std::mt19937_64 generator(1);
  for (int i = 0; i < 10'000; ++i) {
    // Of all sizes.
    const uint64_t a = generator() >> generator() % 64;
    const uint64_t b = generator() >> generator() % 64;
    EXPECT_EQ(Multiply(a, b), MultiplyHalves(a, b)) << a << ' ' << b;
  }
}

}  // namespace
}  // namespace socksify
