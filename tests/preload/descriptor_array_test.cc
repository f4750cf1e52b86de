// SPDX-License-Identifier: BSD-2-Clause
#include "preload/descriptor_array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>

namespace socksify {
namespace {

template <typename Array>
bool IsWithin(const Array& array, const void* cell) {
  return std::less_equal<const void*>()(&array, cell) && std::less<const void*>()(cell, &array + 1);
}

TEST(DescriptorArrayTest, HasACellForEachDescriptor) {
  static DescriptorArray<uint32_t> array;
  EXPECT_EQ(array.Get(3), 0U);
  EXPECT_EQ(array.At(3), nullptr);
  array.Provide(3)->store(7);
  EXPECT_EQ(array.Get(3), 7U);
  EXPECT_EQ(array.Get(4), 0U);
  EXPECT_FALSE(IsWithin(array, array.At(3)));
  EXPECT_EQ(array.Get(-1), 0U);
  EXPECT_EQ(array.Provide(-1), nullptr);
  EXPECT_EQ(array.Provide(kMaxDescriptors), nullptr);
}

TEST(DescriptorArrayTest, HasTheFirstCellsWithinItself) {
  static DescriptorArray<uint32_t, 4> array;
  for (const int fd : {0, 3}) {
    EXPECT_EQ(array.Get(fd), 0U);
    ASSERT_TRUE(IsWithin(array, array.At(fd)));
    array.At(fd)->store(7);
    EXPECT_EQ(array.Get(fd), 7U);
    EXPECT_EQ(array.Provide(fd), array.At(fd));
  }
  // The others are not there before they are wanted.
  EXPECT_EQ(array.At(4), nullptr);
  EXPECT_EQ(array.Get(4), 0U);
  array.Provide(4)->store(8);
  EXPECT_FALSE(IsWithin(array, array.At(4)));
  EXPECT_EQ(array.Get(4), 8U);
  EXPECT_EQ(array.Get(3), 7U);
  EXPECT_EQ(array.Get(-1), 0U);
  EXPECT_EQ(array.Provide(-1), nullptr);
}

TEST(DescriptorArrayTest, HasRoomBeforeItsCells) {
  static DescriptorArray<uint32_t, 0, 7168> array;
  EXPECT_EQ(array.room(), nullptr);
  array.Provide(0)->store(7);
  auto* const room = static_cast<unsigned char*>(array.room());
  ASSERT_NE(room, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(room) % 4096, 0U);
  EXPECT_EQ(static_cast<const void*>(room + 7168), array.At(0));
  EXPECT_EQ(std::count(room, room + 7168, 0), 7168);
  std::fill(room, room + 7168, 0xff);
  EXPECT_EQ(array.Get(0), 7U);
  array.Provide(kMaxDescriptors - 1)->store(8);
  EXPECT_EQ(array.Get(kMaxDescriptors - 1), 8U);
}

}  // namespace
}  // namespace socksify
