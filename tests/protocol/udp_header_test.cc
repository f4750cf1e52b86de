// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/udp_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace socksify {
namespace {

using testing::ElementsAre;

std::vector<uint8_t> HeaderFor(const Endpoint& destination) {
  UdpHeader header;
  MakeUdpHeader(destination, &header);
  return {header.bytes.begin(), header.bytes.begin() + static_cast<std::ptrdiff_t>(header.size)};
}

Endpoint Parse(const char* host, uint16_t port) {
  return Endpoint::FromHost(host, port).value();
}

TEST(UdpHeaderTest, SaysAnIpv4Destination) {
  EXPECT_THAT(HeaderFor(Parse("192.0.2.7", 53)), ElementsAre(0, 0, 0, 1, 192, 0, 2, 7, 0, 53));
  EXPECT_EQ(HeaderFor(Parse("192.0.2.7", 53)).size(), kUdpIpv4HeaderSize);
}

TEST(UdpHeaderTest, SaysAnIpv6Destination) {
  EXPECT_THAT(HeaderFor(Parse("2001:db8::7", 0x1234)), ElementsAre(0, 0, 0, 4, 0x20, 0x01, 0x0d, 0xb8, 0, 0,
                                                                   0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x12, 0x34));
  EXPECT_EQ(HeaderFor(Parse("2001:db8::7", 1)).size(), kUdpIpv6HeaderSize);
}

TEST(UdpHeaderTest, SaysAName) {
  EXPECT_THAT(HeaderFor(Parse("a.test", 80)),
              ElementsAre(0, 0, 0, 3, 6, 'a', '.', 't', 'e', 's', 't', 0, 80));
  EXPECT_EQ(HeaderFor(Parse(std::string(255, 'n').c_str(), 80)).size(), kUdpMaxHeaderSize);
}

TEST(UdpHeaderTest, ReadsWhatItWrites) {
  for (const Endpoint& endpoint : {Parse("192.0.2.7", 53), Parse("2001:db8::7", 65535), Parse("a.test", 80),
                                   Parse(std::string(255, 'n').c_str(), 1)}) {
    std::vector<uint8_t> datagram = HeaderFor(endpoint);
    const size_t size = datagram.size();
    datagram.insert(datagram.end(), {'d', 'a', 't', 'a'});
    const auto read = ReadUdpHeader(datagram);
    ASSERT_TRUE(read) << endpoint.ToString();
    EXPECT_EQ(read->source, endpoint);
    EXPECT_EQ(read->size, size);
  }
}

TEST(UdpHeaderTest, ADatagramMayBeEmpty) {
  const std::vector<uint8_t> datagram = HeaderFor(Parse("192.0.2.7", 53));
  EXPECT_EQ(ReadUdpHeader(datagram)->size, datagram.size());
}

TEST(UdpHeaderTest, DoesNotMindTheReservedBytes) {
  EXPECT_TRUE(ReadUdpHeader(std::vector<uint8_t>{7, 9, 0, 1, 192, 0, 2, 7, 0, 53}));
}

TEST(UdpHeaderTest, EveryCutIsRefused) {
  for (const Endpoint& endpoint :
       {Parse("192.0.2.7", 53), Parse("2001:db8::7", 65535), Parse("a.test", 80)}) {
    const std::vector<uint8_t> whole = HeaderFor(endpoint);
    for (size_t size = 0; size < whole.size(); ++size) {
      const auto read = ReadUdpHeader(std::span(whole).first(size));
      ASSERT_FALSE(read) << size;
      EXPECT_EQ(read.error(), UdpHeaderError::kTruncated) << size;
    }
  }
}

TEST(UdpHeaderTest, RefusesFragments) {
  for (const uint8_t fragment : std::to_array<uint8_t>({1, 127, 128, 255})) {
    const auto read = ReadUdpHeader(std::vector<uint8_t>{0, 0, fragment, 1, 192, 0, 2, 7, 0, 53, 'x'});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error(), UdpHeaderError::kFragment);
  }
}

TEST(UdpHeaderTest, RefusesUnknownAddressTypes) {
  for (const uint8_t type : std::to_array<uint8_t>({0, 2, 5, 255})) {
    const auto read = ReadUdpHeader(std::vector<uint8_t>{0, 0, 0, type, 192, 0, 2, 7, 0, 53, 'x'});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error(), UdpHeaderError::kAddressType);
  }
}

TEST(UdpHeaderTest, AnEmptyNameIsNobody) {
  const auto read = ReadUdpHeader(std::vector<uint8_t>{0, 0, 0, 3, 0, 0, 53, 'x'});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->source, Endpoint::FromIp(IpAddress(), 53));
  EXPECT_EQ(read->size, 7U);
}

TEST(UdpHeaderTest, FindsTheSourceOfTheMostFrequentHeaderOnly) {
  const std::vector<uint8_t> ipv4 = HeaderFor(Parse("192.0.2.7", 53));
  ASSERT_NE(Ipv4SourceOf(ipv4), nullptr);
  EXPECT_THAT(std::vector<uint8_t>(Ipv4SourceOf(ipv4), Ipv4SourceOf(ipv4) + 6),
              ElementsAre(192, 0, 2, 7, 0, 53));
  EXPECT_EQ(Ipv4SourceOf(std::span(ipv4).first(9)), nullptr);
  EXPECT_EQ(Ipv4SourceOf(HeaderFor(Parse("2001:db8::7", 53))), nullptr);
  EXPECT_EQ(Ipv4SourceOf(HeaderFor(Parse("long.name.test", 53))), nullptr);
  EXPECT_EQ(Ipv4SourceOf(std::vector<uint8_t>{0, 0, 1, 1, 192, 0, 2, 7, 0, 53}), nullptr);
}

}  // namespace
}  // namespace socksify
