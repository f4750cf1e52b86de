// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/socks5_address.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/protocol/scripted_socket.h"

namespace socksify {
namespace {

Endpoint Host(std::string_view host, uint16_t port) {
  return Endpoint::FromHost(host, port).value();
}

std::string Encoded(const Endpoint& endpoint) {
  std::array<uint8_t, kSocks5MaxAddressSize> field{};
  const size_t size = EncodeSocks5Address(endpoint, field);
  return {field.begin(), field.begin() + static_cast<ptrdiff_t>(size)};
}

struct Case {
  Endpoint endpoint;
  std::string field;
};

std::array<Case, 5> Cases() {
  const std::string longest(255, 'n');
  return {{
      {Host("10.1.2.3", 0x1234), Bytes({1, 10, 1, 2, 3, 0x12, 0x34})},
      {Host("2001:db8::7", 80), Bytes({4, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 80})},
      {Host("web.test", 443), Bytes({3, 8}) + "web.test" + Bytes({1, 0xbb})},
      {Host("x", 65535), Bytes({3, 1}) + "x" + Bytes({255, 255})},
      {Host(longest, 1), Bytes({3, 255}) + longest + Bytes({0, 1})},
  }};
}

TEST(Socks5AddressTest, EncodesAndDecodesEveryType) {
  for (const Case& test : Cases()) {
    SCOPED_TRACE(test.endpoint.ToString());
    EXPECT_EQ(Encoded(test.endpoint), test.field);
    EXPECT_EQ(DecodeSocks5Address(AsBytes(test.field)), test.endpoint);
    EXPECT_EQ(Socks5AddressSize(static_cast<uint8_t>(test.field[0]), static_cast<uint8_t>(test.field[1])),
              test.field.size());
  }
}

TEST(Socks5AddressTest, ScopeDoesNotTravel) {
  EXPECT_EQ(Encoded(Host("fe80::1%3", 80)), Encoded(Host("fe80::1", 80)));
}

TEST(Socks5AddressTest, KnowsThreeTypes) {
  for (int type = 0; type < 256; ++type) {
    const bool known = type == 1 || type == 3 || type == 4;
    EXPECT_EQ(Socks5AddressSize(static_cast<uint8_t>(type), 0) != 0, known) << type;
  }
  EXPECT_EQ(Socks5AddressSize(3, 0), kSocks5MinAddressSize);
  EXPECT_EQ(Socks5AddressSize(3, 255), kSocks5MaxAddressSize);
}

TEST(Socks5AddressTest, NamesThatCannotBeOneBecomeTheUnspecifiedAddress) {
  const Endpoint unspecified = Endpoint::FromIp(IpAddress(), 0x0102);
  EXPECT_EQ(DecodeSocks5Address(AsBytes(Bytes({3, 0, 1, 2}))), unspecified);
  EXPECT_EQ(DecodeSocks5Address(AsBytes(Bytes({3, 2, 'a', 0, 1, 2}))), unspecified);
}

}  // namespace
}  // namespace socksify
