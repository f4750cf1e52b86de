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

TEST(DescriptorTableTest, AllCopiesLearnMoreOfAConnection) {
  DescriptorTable table;
  const SignalsBlocked blocked;
  ASSERT_TRUE(table.Record(5, To(42), blocked));
  table.Share(5, 9, blocked);
  Connection more = To(42);
  more.negotiated_received = 10;
  table.Update(5, more, blocked);
  EXPECT_EQ(table.Find(5)->negotiated_received, 10U);
  EXPECT_EQ(table.Find(9)->negotiated_received, 10U);
  EXPECT_EQ(table.Sharers(9), 2U);
}

TEST(DescriptorTableTest, AnIdentityIsFoundOutOnce) {
  DescriptorTable table;
  const SignalsBlocked blocked;
  EXPECT_FALSE(table.Identify(5, 42, blocked));
  ASSERT_TRUE(table.Record(5, To(0), blocked));
  table.Share(5, 9, blocked);
  EXPECT_TRUE(table.Identify(9, 42, blocked));
  EXPECT_EQ(table.Find(5)->cookie, 42U);
  EXPECT_FALSE(table.Identify(5, 43, blocked));
  EXPECT_EQ(table.Find(9)->cookie, 42U);
  table.Drop(5);
  EXPECT_FALSE(table.Identify(5, 44, blocked));
}

TEST(DescriptorTableTest, WhatIsNoConnectionAnyMoreKeepsItsFlags) {
  DescriptorTable table;
  const SignalsBlocked blocked;
  ASSERT_TRUE(table.Record(5, To(42), blocked));
  table.SetFlags(5, kPending | kBound);
  table.Unrecord(5, blocked);
  EXPECT_EQ(table.Flags(5), kPending | kBound);
  EXPECT_FALSE(table.Find(5));
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

TEST(DescriptorTableTest, KnowsWhetherAnyDescriptorIsSpecial) {
  DescriptorTable table;
  table.SetFlags(5, kFreshStream | kBound);
  table.Record(6, To(42), SignalsBlocked());
  EXPECT_FALSE(table.has_special()) << "a connection that is there needs nothing";
  for (const unsigned flag : {kPending, kDnsByHand, kToNameServer, kDatagram, kRelayed}) {
    table.SetFlags(5, flag);
    EXPECT_TRUE(table.has_special()) << flag;
    table.SetFlags(5, flag | kHasCopies);
    table.ClearFlags(5, flag);
    EXPECT_FALSE(table.has_special()) << flag;
  }
  table.SetFlags(5, kDatagram);
  table.SetFlags(5, kRelayed);
  table.ClearFlags(5, kDatagram);
  EXPECT_TRUE(table.has_special()) << "one of two flags is left";
  table.Duplicate(5, 7);
  table.Drop(5);
  EXPECT_TRUE(table.has_special()) << "one of two descriptors is left";
  table.Record(7, To(43), SignalsBlocked());
  EXPECT_TRUE(table.has_special());
  table.Drop(7);
  EXPECT_FALSE(table.has_special());
}

DescriptorTable* g_watched = nullptr;
unsigned g_flags_at_end = 0;

// What looks at a descriptor meanwhile, from another thread, must not take it for a stranger's.
TEST(DescriptorTableTest, FlagsStayWhileAConnectionIsReplaced) {
  DescriptorTable table(
      {.begun = nullptr, .ended = [](const Connection&) { g_flags_at_end = g_watched->Flags(5); }});
  g_watched = &table;
  table.SetFlags(5, kPending | kBound);
  table.Record(5, To(1), SignalsBlocked());
  table.Record(5, To(2), SignalsBlocked());
  EXPECT_EQ(g_flags_at_end, kPending | kBound) << "recorded anew";
  g_flags_at_end = 0;
  table.Unrecord(5, SignalsBlocked());
  EXPECT_EQ(g_flags_at_end, kPending | kBound) << "not recorded any more";
  EXPECT_EQ(table.Flags(5), kPending | kBound);
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

std::atomic<int> g_begun = 0;
std::atomic<int> g_ended = 0;
std::atomic<uint64_t> g_sum = 0;

// Each connection ends once, whichever thread drops the last of its descriptors, and its slot is used again.
TEST(DescriptorTableTest, AConnectionEndsWithItsLastDescriptor) {
  DescriptorTable table({.begun =
                             [](const Connection& connection) {
                               ++g_begun;
                               g_sum += connection.cookie;
                             },
                         .ended =
                             [](const Connection& connection) {
                               ++g_ended;
                               g_sum -= connection.cookie;
                             }});
  table.Record(3, To(42), SignalsBlocked());
  table.Duplicate(3, 4);
  table.Drop(3);
  EXPECT_EQ(g_ended, 0);
  table.Drop(4);
  EXPECT_EQ(g_ended, 1);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&table, i] {
      const int own = 10 + i;
      for (uint64_t round = 1; round < 20'000; ++round) {
        table.Record(own, To(round), SignalsBlocked());
        // Another thread's, which may drop it at the same moment.
        table.Duplicate(10 + (i + 1) % 4, 20 + i);
        table.Share(own, 30 + i, SignalsBlocked());
        table.Drop(own);
        table.Drop(30 + i);
        table.Drop(20 + (i + 1) % 4);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int fd = 0; fd < 40; ++fd) table.Drop(fd);
  EXPECT_EQ(g_begun, 1 + 4 * 19'999);
  EXPECT_EQ(g_ended, g_begun.load());
  EXPECT_EQ(g_sum, 0U);
}

}  // namespace
}  // namespace socksify
