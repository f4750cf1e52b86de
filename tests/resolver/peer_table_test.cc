// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/peer_table.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "tests/resolver/peer_table_fixture.h"

namespace socksify {
namespace {

class PeerTableTest : public testing::Test {
 protected:
  PeerTableTest() {
    auto table = PeerTable::MakePrivate();
    if (table) table_ = std::move(*table);
  }
  void SetUp() override { ASSERT_TRUE(table_); }

  std::unique_ptr<PeerTable> table_;
};

TEST_F(PeerTableTest, GivesBackEveryField) {
  const IpAddress v6 = *IpAddress::Parse("2001:db8:1:2:3:4:5:6");
  const SharedPeer kPeers[] = {
      {.proxy = v6, .proxy_port = 1, .peer = v6, .peer_port = 65'535, .bound = std::nullopt},
      {.proxy = *IpAddress::Parse("127.0.0.1"),
       .proxy_port = 65'535,
       .peer = *IpAddress::Parse("::ffff:198.18.0.1"),
       .peer_port = 80,
       .bound = *IpAddress::Parse("255.254.253.252"),
       .bound_port = 65'535,
       .replaced_family = 10},
      {.proxy = *IpAddress::Parse("::1"),
       .proxy_port = 1080,
       .peer = *IpAddress::Parse("1.2.3.4"),
       .peer_port = 1,
       .bound = v6,
       .bound_port = 3,
       .replaced_family = 2},
      MakePeer(5),
  };
  uint64_t cookie = UINT64_MAX;
  for (const SharedPeer& peer : kPeers) {
    table_->Record(cookie, peer);
    EXPECT_EQ(FindLike(*table_, cookie, peer), peer) << cookie;
    cookie -= uint64_t{1} << 40;
  }
}

TEST_F(PeerTableTest, UnknownCookieHasNoPeer) {
  EXPECT_EQ(FindLike(*table_, 0, MakePeer(0)), std::nullopt);
  table_->Record(1, MakePeer(1));
  for (const uint64_t cookie : {uint64_t{0}, uint64_t{2}, uint64_t{1} << 32, (uint64_t{1} << 32) + 1})
    EXPECT_EQ(FindLike(*table_, cookie, MakePeer(1)), std::nullopt) << cookie;
}

TEST_F(PeerTableTest, ConnectionsToOtherProxiesAreToldApart) {
  const SharedPeer mine = MakePeer(1);
  table_->Record(9, mine);
  SharedPeer other = mine;
  other.proxy = *IpAddress::Parse("10.0.3.2");
  EXPECT_EQ(FindLike(*table_, 9, other), std::nullopt);
  other.proxy = mine.proxy.Mapped();
  EXPECT_EQ(FindLike(*table_, 9, other), std::nullopt);
  other = mine;
  other.proxy_port = 1081;
  EXPECT_EQ(FindLike(*table_, 9, other), std::nullopt);

  other.peer_port = 443;
  table_->Record(9, other);
  EXPECT_EQ(FindLike(*table_, 9, other), other);
  EXPECT_EQ(FindLike(*table_, 9, mine), mine);
}

TEST_F(PeerTableTest, NewRecordOfAConnectionTakesTheOldOnesPlace) {
  const auto cookies = CookiesOfOneSet(100, PeerTableStore::kWays);
  for (const uint64_t cookie : cookies) table_->Record(cookie, MakePeer(1));
  for (uint32_t i = 0; i < 100; ++i) table_->Record(cookies[3], MakePeer(i));
  EXPECT_EQ(FindLike(*table_, cookies[3], MakePeer(99)), MakePeer(99));
  for (const uint64_t cookie : cookies) EXPECT_TRUE(FindLike(*table_, cookie, MakePeer(1))) << cookie;
}

TEST_F(PeerTableTest, OldestOfAFullSetMakesWay) {
  const auto cookies = CookiesOfOneSet(7, 3 * size_t{PeerTableStore::kWays});
  for (size_t i = 0; i < cookies.size(); ++i) {
    table_->Record(cookies[i], MakePeer(static_cast<uint32_t>(i)));
    for (size_t j = 0; j <= i; ++j) {
      const auto found = FindLike(*table_, cookies[j], MakePeer(0));
      EXPECT_EQ(found.has_value(), i - j < PeerTableStore::kWays) << i << ' ' << j;
      if (found) {
        EXPECT_EQ(*found, MakePeer(static_cast<uint32_t>(j)));
      }
    }
  }
}

// The kernel gives out cookies one after another: they must not crowd in a few sets.
TEST_F(PeerTableTest, HoldsThreeQuartersOfItsCapacityInConsecutiveCookies) {
  constexpr uint32_t kCount = PeerTableStore::kCapacity / 4 * 3;
  for (uint32_t i = 0; i < kCount; ++i) table_->Record(5000 + i, MakePeer(i));
  for (uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(FindLike(*table_, 5000 + i, MakePeer(i)), MakePeer(i)) << i;
}

TEST_F(PeerTableTest, ForgetsAllRecordsOfACookieAndNoOthers) {
  const auto cookies = CookiesOfOneSet(20, 3);
  SharedPeer second = MakePeer(2);
  second.proxy_port = 2;
  table_->Record(cookies[0], MakePeer(0));
  table_->Record(cookies[1], MakePeer(1));
  table_->Record(cookies[1], second);
  table_->Forget(cookies[1]);
  table_->Forget(cookies[2]);
  EXPECT_EQ(FindLike(*table_, cookies[1], MakePeer(1)), std::nullopt);
  EXPECT_EQ(FindLike(*table_, cookies[1], second), std::nullopt);
  EXPECT_EQ(FindLike(*table_, cookies[0], MakePeer(0)), MakePeer(0));
  table_->Record(cookies[1], second);
  EXPECT_EQ(FindLike(*table_, cookies[1], second), second);
}

// What is forgotten makes way first, though its ticket stays.
TEST_F(PeerTableTest, ForgottenRecordsMakeWayBeforeOldOnes) {
  const auto cookies = CookiesOfOneSet(30, PeerTableStore::kWays);
  for (uint32_t i = 0; i < PeerTableStore::kWays; ++i) table_->Record(cookies[i], MakePeer(i));
  for (uint32_t i = 0; i < 20; ++i) {
    table_->Forget(cookies.back());
    table_->Record(cookies.back(), MakePeer(100 + i));
    for (uint32_t j = 0; j + 1 < PeerTableStore::kWays; ++j)
      ASSERT_EQ(FindLike(*table_, cookies[j], MakePeer(j)), MakePeer(j)) << i << ' ' << j;
    EXPECT_EQ(FindLike(*table_, cookies.back(), MakePeer(0)), MakePeer(100 + i));
  }
}

// Threads that write, forget and read the same few sets: what is found is always whole. Run under
// ThreadSanitizer as well.
struct Crowd {
  static constexpr uint32_t kThreads = 8;
  static constexpr uint32_t kRounds = kIsSanitized ? 4000 : 40'000;

  PeerTable* table;
  std::vector<uint64_t> cookies;
  std::atomic<uint32_t> next_thread;
  std::atomic<uint32_t> wrong;
  std::atomic<uint32_t> found;

  static void* Run(void* context) {
    auto& crowd = *static_cast<Crowd*>(context);
    const uint32_t thread = crowd.next_thread.fetch_add(1);
    for (uint32_t round = 0; round < kRounds; ++round) {
      const uint32_t number = round * kThreads + thread;
      const uint64_t cookie = crowd.cookies[number * 5 % crowd.cookies.size()];
      if (round % 3 == 0) crowd.table->Record(cookie, MakePeer(number));
      if (round % 97 == 0) crowd.table->Forget(cookie);
      const auto peer = FindLike(*crowd.table, cookie, MakePeer(0));
      if (!peer) continue;
      crowd.found.fetch_add(1);
      const uint32_t writer = peer->peer.v4_value() - 0x0a00'0000;
      const bool is_whole = *peer == MakePeer(writer);
      const bool is_of_cookie = crowd.cookies[writer * 5 % crowd.cookies.size()] == cookie;
      if (!is_whole || !is_of_cookie) crowd.wrong.fetch_add(1);
    }
    return nullptr;
  }
};

TEST_F(PeerTableTest, ConcurrentThreadsNeverFindAMixture) {
  Crowd crowd{
      .table = table_.get(), .cookies = CookiesOfOneSet(1, 12), .next_thread = 0, .wrong = 0, .found = 0};
  std::array<pthread_t, Crowd::kThreads> threads{};
  for (pthread_t& thread : threads) ASSERT_EQ(pthread_create(&thread, nullptr, Crowd::Run, &crowd), 0);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  EXPECT_EQ(crowd.wrong.load(), 0U);
  EXPECT_GT(crowd.found.load(), 0U);
}

}  // namespace
}  // namespace socksify
