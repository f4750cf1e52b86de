// SPDX-License-Identifier: BSD-2-Clause
#include "preload/borrowed_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace socksify {
namespace {

struct alignas(64) Wide {
  char bytes[64];
};

template <typename T>
uintptr_t Address(const T* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

TEST(BorrowedMemoryTest, ArraysStandBehindOneAnotherAndAligned) {
  BorrowedMemory memory;
  const char* const chars = memory.Take<char>(3);
  const uint64_t* const words = memory.Take<uint64_t>(2);
  const Wide* const wide = memory.Take<Wide>(1);
  const char* const behind = memory.Take<char>(1);
  ASSERT_NE(chars, nullptr);
  EXPECT_EQ(Address(words) % alignof(uint64_t), 0U);
  EXPECT_GE(Address(words), Address(chars + 3));
  EXPECT_EQ(Address(wide) % alignof(Wide), 0U);
  EXPECT_GE(Address(wide), Address(words + 2));
  EXPECT_EQ(Address(behind), Address(wide + 1));
}

TEST(BorrowedMemoryTest, WhatDoesNotFitIsRefusedAndTakesNothing) {
  BorrowedMemory memory;
  EXPECT_EQ(memory.Take<char>(BorrowedMemory::kSize + 1), nullptr);
  EXPECT_EQ(memory.Take<uint64_t>(SIZE_MAX), nullptr);
  EXPECT_EQ(memory.Take<uint64_t>(SIZE_MAX / sizeof(uint64_t) + 1), nullptr) << "the size wraps around to 0";
  char* const all = memory.Take<char>(BorrowedMemory::kSize);
  ASSERT_NE(all, nullptr);
  std::memset(all, 1, BorrowedMemory::kSize);
  EXPECT_EQ(memory.Take<char>(1), nullptr);
}

// More at a time than are kept.
TEST(BorrowedMemoryTest, EachHasAPieceOfItsOwn) {
  std::vector<std::unique_ptr<BorrowedMemory>> borrowed;
  std::set<char*> pieces;
  for (int i = 0; i < 7; ++i) {
    borrowed.push_back(std::make_unique<BorrowedMemory>());
    pieces.insert(borrowed.back()->Take<char>(1));
  }
  EXPECT_EQ(pieces.size(), 7U);
  EXPECT_FALSE(pieces.contains(nullptr));
}

TEST(BorrowedMemoryTest, APieceIsLentAgain) {
  std::set<char*> pieces;
  for (int i = 0; i < 10; ++i) pieces.insert(BorrowedMemory().Take<char>(1));
  EXPECT_EQ(pieces.size(), 1U);
}

TEST(BorrowedMemoryTest, ThreadsDoNotShare) {
  std::vector<std::thread> threads;
  std::atomic<int> clashes = 0;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&clashes, i] {
      for (int round = 0; round < 2000; ++round) {
        BorrowedMemory memory;
        int* const mine = memory.Take<int>(16);
        for (int j = 0; j < 16; ++j) mine[j] = i;
        for (int j = 0; j < 16; ++j) clashes += mine[j] != i;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(clashes, 0);
}

}  // namespace
}  // namespace socksify
