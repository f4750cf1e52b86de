// SPDX-License-Identifier: BSD-2-Clause
#include "preload/descriptor_table.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace socksify {
namespace {

Connection To(uint64_t cookie) {
  Connection connection;
  connection.cookie = cookie;
  connection.peer_size =
      ToSockaddr(IpAddress::V4(static_cast<uint32_t>(cookie)), 80, AF_INET, &connection.peer);
  return connection;
}

TEST(DescriptorTableTest, KnowsNothingAtFirst) {
  const DescriptorTable table;
  for (const int fd : {-1, 0, 5, 1 << 30}) {
    EXPECT_EQ(table.Flags(fd), 0);
    EXPECT_FALSE(table.Find(fd));
  }
}

TEST(DescriptorTableTest, CopiesFollowTheirOriginal) {
  DescriptorTable table;
  ASSERT_TRUE(table.Record(5, To(42), SignalsBlocked()));
  table.Duplicate(5, 9);
  table.Drop(5);
  EXPECT_FALSE(table.Find(5));
  ASSERT_TRUE(table.Find(9));
  EXPECT_EQ(table.Find(9)->cookie, 42U);
  table.Duplicate(5, 9);
  EXPECT_FALSE(table.Find(9)) << "now a copy of a stranger";
}

TEST(DescriptorTableTest, OptionBitsComeAndGo) {
  DescriptorTable table;
  table.SetFlags(7, kFastOpenConnect);
  table.SetFlags(7, kBound);
  EXPECT_EQ(table.Flags(7), kFastOpenConnect | kBound);
  table.ClearFlags(7, kFastOpenConnect);
  EXPECT_EQ(table.Flags(7), kBound);
  table.Drop(7);
  EXPECT_EQ(table.Flags(7), 0);
}

TEST(DescriptorTableTest, NumbersBeyondTheLimitAreStrangers) {
  DescriptorTable table;
  EXPECT_FALSE(table.Record(static_cast<int>(kMaxDescriptors), To(1), SignalsBlocked()));
  EXPECT_FALSE(table.Record(-1, To(1), SignalsBlocked()));
}

TEST(DescriptorTableTest, FindsReportedLocalAddresses) {
  DescriptorTable table;
  Connection connection = To(1);
  connection.bound_size = ToSockaddr(IpAddress::V4(0xcb007109), 99, AF_INET, &connection.bound);
  table.Record(4, connection, SignalsBlocked());
  SocketAddress address;
  socklen_t size = ToSockaddr(IpAddress::V4(0xcb007109), 0, AF_INET, &address);
  EXPECT_EQ(table.PeerOfReportedAddress(address, size),
            EndpointFromSockaddr(&connection.peer.generic, connection.peer_size));
  size = ToSockaddr(IpAddress::V4(0xcb007108), 0, AF_INET, &address);
  EXPECT_EQ(table.PeerOfReportedAddress(address, size), std::nullopt);
}

// Readers must see a whole connection or none while writers change it under them.
TEST(DescriptorTableTest, ReadersNeverSeeHalfAConnection) {
  DescriptorTable table;
  std::atomic<bool> is_over = false;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&table, writer] {
      for (uint64_t i = 1; i < 20'000; ++i) {
        table.Record(3, To(i * 2 + static_cast<uint64_t>(writer)), SignalsBlocked());
        if (i % 7 == 0) table.Drop(3);
        table.Duplicate(3, 4);
      }
    });
  }
  std::thread reader([&] {
    while (!is_over) {
      for (const int fd : {3, 4}) {
        const std::optional<Connection> connection = table.Find(fd);
        if (!connection) continue;
        const auto peer = EndpointFromSockaddr(&connection->peer.generic, connection->peer_size);
        ASSERT_TRUE(peer);
        EXPECT_EQ(peer->ip().v4_value(), connection->cookie);
      }
    }
  });
  for (std::thread& writer : writers) writer.join();
  is_over = true;
  reader.join();
}

}  // namespace
}  // namespace socksify
