// SPDX-License-Identifier: BSD-2-Clause
#include "base/socket_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace socksify {
namespace {

Endpoint Host(std::string_view host, uint16_t port) {
  return Endpoint::FromHost(host, port).value();
}

TEST(SocketAddressTest, RoundTrips) {
  const struct {
    Endpoint endpoint;
    int family;
    socklen_t size;
  } kCases[] = {
      {Host("10.1.2.3", 0x1234), AF_INET, sizeof(sockaddr_in)},
      {Host("0.0.0.0", 0), AF_INET, sizeof(sockaddr_in)},
      {Host("2001:db8::1", 65535), AF_INET6, sizeof(sockaddr_in6)},
      {Host("fe80::1%7", 80), AF_INET6, sizeof(sockaddr_in6)},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.endpoint.ToString());
    SocketAddress address;
    const socklen_t size = ToSockaddr(test.endpoint.ip(), test.endpoint.port(), test.family, &address);
    EXPECT_EQ(size, test.size);
    EXPECT_EQ(address.generic.sa_family, test.family);
    EXPECT_EQ(EndpointFromSockaddr(&address.generic, size), test.endpoint);
  }
}

TEST(SocketAddressTest, WritesNetworkOrder) {
  SocketAddress address;
  ToSockaddr(IpAddress::V4(0x01020304), 0x0506, AF_INET, &address);
  EXPECT_EQ(address.v4.sin_addr.s_addr, htonl(0x01020304));
  EXPECT_EQ(address.v4.sin_port, htons(0x0506));
}

TEST(SocketAddressTest, ConvertsToTheFamilyOfTheSocket) {
  SocketAddress address;
  const socklen_t mapped = ToSockaddr(IpAddress::V4(0x0a010203), 80, AF_INET6, &address);
  EXPECT_EQ(EndpointFromSockaddr(&address.generic, mapped), Host("::ffff:10.1.2.3", 80));
  const socklen_t unmapped = ToSockaddr(Host("::ffff:10.1.2.3", 80).ip(), 80, AF_INET, &address);
  EXPECT_EQ(EndpointFromSockaddr(&address.generic, unmapped), Host("10.1.2.3", 80));
}

TEST(SocketAddressTest, SaysWhatCannotBeSaid) {
  SocketAddress address;
  EXPECT_EQ(ToSockaddr(Host("2001:db8::1", 80).ip(), 80, AF_INET, &address), 0U);
  EXPECT_EQ(ToSockaddr(Host("10.1.2.3", 80).ip(), 80, AF_UNIX, &address), 0U);
}

TEST(SocketAddressTest, RejectsOtherFamiliesAndShortAddresses) {
  SocketAddress v4;
  SocketAddress v6;
  ToSockaddr(Host("10.1.2.3", 80).ip(), 80, AF_INET, &v4);
  ToSockaddr(Host("2001:db8::1%7", 80).ip(), 80, AF_INET6, &v6);
  EXPECT_EQ(EndpointFromSockaddr(nullptr, sizeof v4), std::nullopt);
  for (socklen_t size = 0; size < sizeof(sockaddr_in); ++size) {
    EXPECT_EQ(EndpointFromSockaddr(&v4.generic, size), std::nullopt) << size;
  }
  for (socklen_t size = 0; size < 24; ++size) {
    EXPECT_EQ(EndpointFromSockaddr(&v6.generic, size), std::nullopt) << size;
  }
  v4.generic.sa_family = AF_UNIX;
  EXPECT_EQ(EndpointFromSockaddr(&v4.generic, sizeof v4), std::nullopt);
  v4.generic.sa_family = AF_UNSPEC;
  EXPECT_EQ(EndpointFromSockaddr(&v4.generic, sizeof v4), std::nullopt);
}

TEST(SocketAddressTest, Ipv6WithoutItsScopeIsEnough) {
  SocketAddress v6;
  ToSockaddr(Host("2001:db8::1%7", 80).ip(), 80, AF_INET6, &v6);
  EXPECT_EQ(EndpointFromSockaddr(&v6.generic, 24), Host("2001:db8::1", 80));
}

TEST(SocketAddressTest, TakesUnalignedAndOverlongAddresses) {
  SocketAddress v4;
  ToSockaddr(Host("10.1.2.3", 80).ip(), 80, AF_INET, &v4);
  alignas(SocketAddress) std::array<char, sizeof(SocketAddress) + 1> shifted{};
  std::memcpy(shifted.data() + 1, &v4, sizeof v4);
  EXPECT_EQ(EndpointFromSockaddr(reinterpret_cast<const sockaddr*>(shifted.data() + 1), sizeof v4),
            Host("10.1.2.3", 80));
}

TEST(SocketAddressTest, CopiesAsTheKernelDoes) {
  SocketAddress from;
  const socklen_t full = ToSockaddr(Host("10.1.2.3", 0x1234).ip(), 0x1234, AF_INET, &from);
  for (const socklen_t room : {socklen_t{0}, socklen_t{4}, full, socklen_t{sizeof(SocketAddress)}}) {
    SocketAddress to;
    std::memset(&to, 0x55, sizeof to);
    socklen_t size = room;
    CopySockaddr(from, full, &to.generic, &size);
    EXPECT_EQ(size, full);
    const size_t copied = std::min(room, full);
    EXPECT_EQ(std::memcmp(&to, &from, copied), 0);
    EXPECT_EQ(reinterpret_cast<const char*>(&to)[copied], 0x55) << "nothing is written past the room";
  }
}

}  // namespace
}  // namespace socksify
