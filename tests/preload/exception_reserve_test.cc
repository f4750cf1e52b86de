// SPDX-License-Identifier: BSD-2-Clause
#include "preload/exception_reserve.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>

namespace socksify {
namespace {

TEST(ExceptionReserveTest, GivesEachSlotOnceAndAgainWhenItIsBack) {
  static ExceptionReserve reserve;
  std::set<void*> taken;
  for (size_t i = 0; i < ExceptionReserve::kSlots; ++i) {
    void* const memory = reserve.Take(ExceptionReserve::kSlotSize);
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % alignof(std::max_align_t), 0U);
    EXPECT_TRUE(taken.insert(memory).second);
  }
  EXPECT_EQ(reserve.Take(1), nullptr);
  void* const one = *taken.begin();
  EXPECT_TRUE(reserve.GiveBack(one));
  EXPECT_EQ(reserve.Take(1), one);
}

TEST(ExceptionReserveTest, RefusesWhatIsTooLargeOrNotItsOwn) {
  static ExceptionReserve reserve;
  EXPECT_EQ(reserve.Take(ExceptionReserve::kSlotSize + 1), nullptr);
  int other = 0;
  EXPECT_FALSE(reserve.GiveBack(&other));
  auto* const memory = static_cast<std::byte*>(reserve.Take(1));
  EXPECT_FALSE(reserve.GiveBack(memory + 1));
  EXPECT_TRUE(reserve.GiveBack(memory));
}

}  // namespace
}  // namespace socksify
