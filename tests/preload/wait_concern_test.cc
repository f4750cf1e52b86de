// SPDX-License-Identifier: BSD-2-Clause
#include "preload/wait_concern.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace socksify {
namespace {

// Other tests of the same process may have left something.
TEST(WaitConcernTest, AnyOfAnyKindIsOne) {
  const bool was_any = g_wait_concerns.is_any();
  WaitConcern one;
  WaitConcern other;
  EXPECT_FALSE(one.is_any());
  one.Add();
  EXPECT_TRUE(one.is_any());
  EXPECT_FALSE(other.is_any());
  EXPECT_TRUE(g_wait_concerns.is_any());
  other.Add();
  one.Remove();
  EXPECT_FALSE(one.is_any());
  EXPECT_TRUE(other.is_any());
  EXPECT_TRUE(g_wait_concerns.is_any()) << "one of two kinds is left";
  other.Add();
  other.Remove();
  EXPECT_TRUE(other.is_any()) << "one of two is left";
  EXPECT_TRUE(g_wait_concerns.is_any());
  other.Remove();
  EXPECT_FALSE(other.is_any());
  EXPECT_EQ(g_wait_concerns.is_any(), was_any);
}

// What a thread has counted another one finds in both, in the order in which it looks.
TEST(WaitConcernTest, TheSumIsNeverTooSmall) {
  const bool was_any = g_wait_concerns.is_any();
  WaitConcern concern;
  std::atomic<bool> is_over = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50'000; ++round) {
        concern.Add();
        EXPECT_TRUE(g_wait_concerns.is_any());
        concern.Remove();
      }
    });
  }
  threads.emplace_back([&] {
    concern.Add();
    while (!is_over) {
      EXPECT_TRUE(g_wait_concerns.is_any());
      EXPECT_TRUE(concern.is_any());
    }
    concern.Remove();
  });
  threads[0].join();
  threads[1].join();
  is_over = true;
  threads[2].join();
  EXPECT_FALSE(concern.is_any());
  EXPECT_EQ(g_wait_concerns.is_any(), was_any);
}

}  // namespace
}  // namespace socksify
