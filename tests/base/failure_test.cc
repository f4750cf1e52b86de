// SPDX-License-Identifier: BSD-2-Clause
#include "base/failure.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace socksify {
namespace {

TEST(FailureTest, NamesErrnoValues) {
  EXPECT_STREQ(ErrnoName(ECONNREFUSED), "ECONNREFUSED");
  EXPECT_STREQ(ErrnoName(EAGAIN), "EAGAIN");
  EXPECT_STREQ(ErrnoName(EHOSTUNREACH), "EHOSTUNREACH");
}

TEST(FailureTest, UnknownErrnoHasAPlaceholder) {
  EXPECT_STREQ(ErrnoName(-1), "E?");
  EXPECT_STREQ(ErrnoName(99999), "E?");
}

TEST(FailureTest, DefaultBlamesTheServerAndHasAText) {
  const Failure failure;
  EXPECT_EQ(failure.fault, Fault::kServer);
  EXPECT_EQ(failure.error, 0);
  EXPECT_EQ(failure.reply_code, -1);
  EXPECT_STREQ(failure.reason, "");
}

}  // namespace
}  // namespace socksify
