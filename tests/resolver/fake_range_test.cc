// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/fake_range.h"

#include <gtest/gtest.h>

namespace socksify {
namespace {

constexpr uint32_t kMax = 131'072;

FakeRange Range(const char* v4, unsigned v4_bits, const char* v6, unsigned v6_bits) {
  return {.v4 = *IpAddress::Parse(v4), .v4_bits = v4_bits, .v6 = *IpAddress::Parse(v6), .v6_bits = v6_bits};
}

TEST(FakeRangeMapTest, CapacityIsTheSmallestOfTheRangesAndTheMaximum) {
  const struct {
    FakeRange range;
    uint32_t capacity;
  } kCases[] = {
      {Range("198.18.0.0", 15, "100::", 96), 131'072}, {Range("10.0.0.0", 8, "100::", 64), 131'072},
      {Range("198.18.0.0", 24, "100::", 96), 256},     {Range("198.18.0.0", 15, "100::", 126), 4},
      {Range("198.18.0.0", 32, "100::", 96), 1},       {Range("198.18.0.0", 15, "100::", 128), 1},
      {Range("0.0.0.0", 0, "::", 0), 131'072},
  };
  for (const auto& test : kCases) {
    const auto map = FakeRangeMap::Make(test.range, kMax);
    ASSERT_TRUE(map) << test.range.v4.ToString();
    EXPECT_EQ(map->capacity(), test.capacity) << map->ToString();
  }
}

TEST(FakeRangeMapTest, RefusesWrongVersionsAndPrefixes) {
  EXPECT_FALSE(FakeRangeMap::Make(Range("100::", 15, "100::", 96), kMax));
  EXPECT_FALSE(FakeRangeMap::Make(Range("198.18.0.0", 15, "198.18.0.0", 15), kMax));
  EXPECT_FALSE(FakeRangeMap::Make(Range("198.18.0.0", 33, "100::", 96), kMax));
  EXPECT_FALSE(FakeRangeMap::Make(Range("198.18.0.0", 15, "100::", 129), kMax));
}

TEST(FakeRangeMapTest, SlotsAndAddressesAreInverse) {
  for (const FakeRange& range :
       {Range("198.18.0.0", 15, "100::", 96), Range("10.9.8.0", 29, "fd00::fff0", 124),
        Range("255.254.0.0", 15, "fdff:ffff::", 32)}) {
    const auto map = FakeRangeMap::Make(range, kMax);
    ASSERT_TRUE(map);
    for (const uint32_t slot : {0U, 1U, map->capacity() / 2, map->capacity() - 1}) {
      for (const IpVersion version : {IpVersion::kV4, IpVersion::kV6}) {
        const IpAddress address = map->AddressOf(slot, version);
        EXPECT_EQ(address.version(), version);
        EXPECT_TRUE(map->Contains(address)) << address.ToString();
        EXPECT_EQ(map->SlotOf(address), slot) << address.ToString();
      }
    }
  }
}

TEST(FakeRangeMapTest, FirstAndLastAddresses) {
  const auto map = FakeRangeMap::Make(Range("198.18.0.0", 15, "100::", 96), kMax);
  ASSERT_TRUE(map);
  EXPECT_EQ(map->AddressOf(0, IpVersion::kV4).ToString(), "198.18.0.0");
  EXPECT_EQ(map->AddressOf(131'071, IpVersion::kV4).ToString(), "198.19.255.255");
  EXPECT_EQ(map->AddressOf(0, IpVersion::kV6).ToString(), "100::");
  EXPECT_EQ(map->AddressOf(131'071, IpVersion::kV6).ToString(), "100::1:ffff");
  EXPECT_EQ(map->ToString(), "198.18.0.0-15-100::-96");
}

TEST(FakeRangeMapTest, AddressesOutsideHaveNoSlot) {
  const auto map = FakeRangeMap::Make(Range("198.18.0.0", 15, "100::", 96), kMax);
  ASSERT_TRUE(map);
  for (const char* text :
       {"198.17.255.255", "198.20.0.0", "0.0.0.0", "101::1", "100::1:0:0", "::ffff:1.2.3.4"}) {
    EXPECT_FALSE(map->Contains(*IpAddress::Parse(text))) << text;
    EXPECT_FALSE(map->SlotOf(*IpAddress::Parse(text))) << text;
  }
  // In the range, but past the last slot.
  EXPECT_TRUE(map->Contains(*IpAddress::Parse("100::2:0")));
  EXPECT_FALSE(map->SlotOf(*IpAddress::Parse("100::2:0")));
}

TEST(FakeRangeMapTest, MappedAddressCountsAsIpv4) {
  const auto map = FakeRangeMap::Make(Range("198.18.0.0", 15, "100::", 96), kMax);
  ASSERT_TRUE(map);
  EXPECT_TRUE(map->Contains(*IpAddress::Parse("::ffff:198.18.0.7")));
  EXPECT_EQ(map->SlotOf(*IpAddress::Parse("::ffff:198.18.0.7")), 7U);
}

TEST(FakeRangeMapTest, HostBitsAreCleared) {
  const auto map = FakeRangeMap::Make(Range("198.19.1.2", 15, "100::5", 96), kMax);
  ASSERT_TRUE(map);
  EXPECT_EQ(map->ToString(), "198.18.0.0-15-100::-96");
}

}  // namespace
}  // namespace socksify
