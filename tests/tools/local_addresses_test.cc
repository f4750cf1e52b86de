// SPDX-License-Identifier: BSD-2-Clause
#include "tools/local_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace socksify {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LocalAddressesTest, FindsThisMachine) {
  for (const IpAddress& address : FindLocalAddresses("LOCALHOST")) EXPECT_TRUE(address.IsLoopback());
  EXPECT_FALSE(FindLocalAddresses("localhost").empty());
}

TEST(LocalAddressesTest, ReadsNumbersAsLibcDoes) {
  EXPECT_THAT(FindLocalAddresses("127.1"), ElementsAre(IpAddress::V4(0x7f000001)));
  EXPECT_THAT(FindLocalAddresses("0x0a000001"), ElementsAre(IpAddress::V4(0x0a000001)));
}

TEST(LocalAddressesTest, AsksNobodyAboutOtherNames) {
  EXPECT_THAT(FindLocalAddresses("web.example"), IsEmpty());
  EXPECT_THAT(FindLocalAddresses(""), IsEmpty());
}

}  // namespace
}  // namespace socksify
