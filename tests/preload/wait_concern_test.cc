// SPDX-License-Identifier: BSD-2-Clause
#include "preload/wait_concern.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace socksify
