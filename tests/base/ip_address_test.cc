// SPDX-License-Identifier: BSD-2-Clause
#include "base/ip_address.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace socksify {
namespace {

static_assert(std::is_trivially_copyable_v<IpAddress>, "it may live in shared memory");

IpAddress Ip(std::string_view text) {
  return IpAddress::Parse(text).value();
}

TEST(IpAddressTest, DefaultIsUnspecifiedIpv4) {
  EXPECT_TRUE(IpAddress().is_v4());
  EXPECT_EQ(IpAddress().ToString(), "0.0.0.0");
}

TEST(IpAddressTest, Ipv4ValueIsInHostOrder) {
  const IpAddress address = IpAddress::V4(0x7f000001);
  EXPECT_EQ(address.ToString(), "127.0.0.1");
  EXPECT_EQ(address.v4_value(), 0x7f000001U);
  EXPECT_EQ(address.bytes().size(), 4U);
  EXPECT_EQ(address.bytes()[0], 127);
  EXPECT_EQ(Ip("255.254.253.252").v4_value(), 0xfffefdfcU);
}

TEST(IpAddressTest, ParsesAndWrites) {
  const struct {
    std::string_view text;
    std::string_view canonical;
    IpVersion version;
    uint32_t scope_id;
  } kCases[] = {
      {"0.0.0.0", "0.0.0.0", IpVersion::kV4, 0},
      {"255.255.255.255", "255.255.255.255", IpVersion::kV4, 0},
      {"::", "::", IpVersion::kV6, 0},
      {"::1", "::1", IpVersion::kV6, 0},
      {"2001:DB8:0:0:0:0:0:7", "2001:db8::7", IpVersion::kV6, 0},
      {"::ffff:10.1.2.3", "::ffff:10.1.2.3", IpVersion::kV6, 0},
      {"fe80::1%3", "fe80::1%3", IpVersion::kV6, 3},
      {"fe80::1%0", "fe80::1", IpVersion::kV6, 0},
      {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967295",
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295", IpVersion::kV6, 4294967295U},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.text);
    const IpAddress address = Ip(test.text);
    EXPECT_EQ(address.version(), test.version);
    EXPECT_EQ(address.bytes().size(), test.version == IpVersion::kV4 ? 4U : 16U);
    EXPECT_EQ(address.scope_id(), test.scope_id);
    EXPECT_EQ(address.ToString(), test.canonical);
    EXPECT_EQ(Ip(address.ToString()), address);
  }
}

TEST(IpAddressTest, RejectsWhatIsNoAddress) {
  for (const std::string_view text :
       {"",         " ",        "1",        "1.2.3",          "1.2.3.4.5", "256.1.1.1",
        "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "0x7f.1",         "a.b.c.d",   ":",
        ":::",      "1::2::3",  "12345::",  "[::1]",          "1.2.3.4%1", "::1%",
        "::1%eth0", "::1%-1",   "::1%1x",   "::1%4294967296", "web.test",  "::ffff:1.2.3.256"}) {
    EXPECT_FALSE(IpAddress::Parse(text).has_value()) << text;
  }
  EXPECT_FALSE(IpAddress::Parse(std::string_view("1.2.3.4\0", 8)).has_value());
  EXPECT_FALSE(IpAddress::Parse(std::string(64, '1')).has_value());
  EXPECT_FALSE(IpAddress::Parse(std::string(100'000, ':')).has_value());
}

TEST(IpAddressTest, KnowsUnspecifiedAndLoopback) {
  for (const std::string_view text : {"0.0.0.0", "::"}) EXPECT_TRUE(Ip(text).IsUnspecified()) << text;
  for (const std::string_view text : {"0.0.0.1", "1.0.0.0", "::1", "1::"}) {
    EXPECT_FALSE(Ip(text).IsUnspecified()) << text;
  }
  for (const std::string_view text : {"127.0.0.1", "127.255.255.255", "::1"}) {
    EXPECT_TRUE(Ip(text).IsLoopback()) << text;
  }
  for (const std::string_view text : {"126.255.255.255", "128.0.0.1", "::", "::2", "1::1", "0.0.0.1"}) {
    EXPECT_FALSE(Ip(text).IsLoopback()) << text;
  }
}

TEST(IpAddressTest, MapsAndUnmapsIpv4) {
  EXPECT_TRUE(Ip("::ffff:10.1.2.3").IsV4Mapped());
  for (const std::string_view text : {"10.1.2.3", "::10.1.2.3", "1::ffff:10.1.2.3", "::fffe:10.1.2.3"}) {
    EXPECT_FALSE(Ip(text).IsV4Mapped()) << text;
    EXPECT_EQ(Ip(text).Unmapped(), Ip(text));
  }
  EXPECT_EQ(Ip("::ffff:10.1.2.3").Unmapped(), Ip("10.1.2.3"));
  EXPECT_EQ(Ip("10.1.2.3").Mapped(), Ip("::ffff:10.1.2.3"));
  EXPECT_EQ(Ip("2001:db8::1").Mapped(), Ip("2001:db8::1"));
}

TEST(IpAddressTest, MatchesPrefixes) {
  const struct {
    std::string_view address;
    std::string_view network;
    unsigned bits;
    bool inside;
  } kCases[] = {
      {"10.1.2.3", "10.0.0.0", 8, true},
      {"11.1.2.3", "10.0.0.0", 8, false},
      {"198.19.255.255", "198.18.0.0", 15, true},
      {"198.20.0.0", "198.18.0.0", 15, false},
      {"1.2.3.4", "1.2.3.4", 32, true},
      {"1.2.3.5", "1.2.3.4", 32, false},
      {"1.2.3.5", "1.2.3.4", 31, true},
      {"1.2.3.4", "9.9.9.9", 0, true},
      {"1.2.3.4", "1.2.3.4", 33, false},
      {"2001:db8::1", "2001:db8::", 32, true},
      {"2001:db9::1", "2001:db8::", 32, false},
      {"2001:db9::1", "2001:db8::", 31, true},
      {"::1", "::1", 128, true},
      {"::1", "::1", 129, false},
      {"::ffff:10.0.0.1", "10.0.0.0", 8, false},
      {"10.0.0.1", "::", 0, false},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(Ip(test.address).IsInPrefix(Ip(test.network), test.bits), test.inside)
        << test.address << " in " << test.network << '/' << test.bits;
  }
}

TEST(IpAddressTest, ComparesByVersionBytesAndScope) {
  const std::vector<IpAddress> ascending = {Ip("0.0.0.1"), Ip("1.0.0.0"), Ip("::"), Ip("::1"), Ip("::1%2")};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(ascending[i] == ascending[j], i == j);
      EXPECT_EQ(ascending[i] < ascending[j], i < j);
    }
  }
}

}  // namespace
}  // namespace socksify
