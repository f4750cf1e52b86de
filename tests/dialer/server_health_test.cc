// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/server_health.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/dialer/private_health.h"

namespace socksify {
namespace {

class ServerHealthTest : public testing::Test {
 protected:
  ServerHealthTest() : targets_(3) {
    for (size_t i = 0; i < 3; ++i) {
      servers_[i].protocols = kServerSocks5;
      servers_[i].address = Endpoint::FromIp(IpAddress::V4(0x0a000001 + static_cast<uint32_t>(i)), 1080);
      targets_[i].kind = Target::Kind::kProxies;
      targets_[i].hops = {&servers_[i]};
    }
  }

  // The order in which the targets are tried, as their numbers.
  std::vector<size_t> Order(ServerHealth* health, long long now_ms) {
    std::vector<const Target*> order;
    for (const Target& target : targets_) order.push_back(&target);
    probes_ = {};
    health->PutInOrder(order, now_ms, &probes_);
    std::vector<size_t> numbers;
    for (const Target* target : order) numbers.push_back(static_cast<size_t>(target - targets_.data()));
    return numbers;
  }
  using Numbers = std::vector<size_t>;

  Server servers_[3];
  std::vector<Target> targets_;
  Probes probes_;
};

TEST_F(ServerHealthTest, AServerIsBadAfterSoManyFailures) {
  PrivateHealth health(2, 10);
  health.NoteFailure(servers_[0], 1000, ECONNREFUSED);
  EXPECT_FALSE(health.IsBad(servers_[0], 1000));
  health.NoteFailure(servers_[0], 2000, ECONNREFUSED);
  EXPECT_TRUE(health.IsBad(servers_[0], 2000));
  EXPECT_FALSE(health.IsBad(servers_[1], 2000));
  EXPECT_TRUE(health.IsBad(servers_[0], 11'999));
  EXPECT_FALSE(health.IsBad(servers_[0], 12'000));
}

// A server keeps the hash of its key, a copy of it does not: it may be changed.
TEST_F(ServerHealthTest, WhatIsMadeOfACopyIsAnotherServer) {
  PrivateHealth health(1, 10);
  health.NoteFailure(servers_[0], 1, ECONNREFUSED);
  Server other = servers_[0];
  other.address = Endpoint::FromIp(IpAddress::V4(0x0a0003ff), 1080);
  EXPECT_FALSE(health.IsBad(other, 1));
  other = servers_[0];
  EXPECT_TRUE(health.IsBad(other, 1)) << "it is the same one again";
  other = servers_[1];
  EXPECT_FALSE(health.IsBad(other, 1));
}

TEST_F(ServerHealthTest, ASuccessClearsIt) {
  PrivateHealth health(1, 10);
  health.NoteFailure(servers_[0], 1, ECONNREFUSED);
  EXPECT_TRUE(health.IsBad(servers_[0], 1));
  health.NoteSuccess(servers_[0], 1, 0);
  EXPECT_FALSE(health.IsBad(servers_[0], 1));
}

TEST_F(ServerHealthTest, ZeroMeansNeverAndForGood) {
  PrivateHealth never(0, 10);
  never.NoteFailure(servers_[0], 1, ECONNREFUSED);
  EXPECT_FALSE(never.IsBad(servers_[0], 1));
  PrivateHealth for_good(1, 0);
  for_good.NoteFailure(servers_[0], 1, ECONNREFUSED);
  EXPECT_TRUE(for_good.IsBad(servers_[0], 1'000'000'000));
}

TEST_F(ServerHealthTest, BadOnesGoToTheEndAndNotAway) {
  PrivateHealth health(1, 10);
  health.NoteFailure(servers_[0], 1, ECONNREFUSED);
  EXPECT_EQ(Order(&health, 1), (Numbers{1, 2, 0}));
  health.NoteFailure(servers_[1], 1, ECONNREFUSED);
  health.NoteFailure(servers_[2], 1, ECONNREFUSED);
  EXPECT_EQ(Order(&health, 1), (Numbers{0, 1, 2}));
}

TEST_F(ServerHealthTest, NothingMovesPastATargetWithoutAProxy) {
  for (const auto kind : {Target::Kind::kBlock, Target::Kind::kDirect}) {
    targets_[1].kind = kind;
    targets_[1].hops.clear();
    PrivateHealth health(1, 10);
    health.NoteFailure(servers_[0], 1, ECONNREFUSED);
    EXPECT_EQ(Order(&health, 1), (Numbers{0, 1, 2}));
  }
}

TEST_F(ServerHealthTest, OneConnectionFindsOutWhetherAServerHasComeBack) {
  PrivateHealth health(1, 10, 5000);
  health.NoteFailure(servers_[0], 1, ECONNREFUSED);
  EXPECT_EQ(Order(&health, 10'000), (Numbers{1, 2, 0}));
  EXPECT_EQ(Order(&health, 10'001), (Numbers{0, 1, 2}));
  EXPECT_EQ(Order(&health, 10'002), (Numbers{1, 2, 0})) << "somebody else tries it";
  EXPECT_EQ(Order(&health, 15'001), (Numbers{0, 1, 2})) << "who did is gone";
  health.NoteFailure(servers_[0], 15'002, ECONNREFUSED);
  EXPECT_EQ(Order(&health, 15'003), (Numbers{1, 2, 0}));
  EXPECT_EQ(Order(&health, 25'002), (Numbers{0, 1, 2}));
  health.NoteSuccess(servers_[0], 25'003, 0);
  EXPECT_EQ(Order(&health, 25'004), (Numbers{0, 1, 2}));
  EXPECT_EQ(Order(&health, 25'004), (Numbers{0, 1, 2}));
}

TEST_F(ServerHealthTest, WhoeverIsWaitedForComesAfterTheGoodOnes) {
  PrivateHealth health(1, 10);
  EXPECT_TRUE(health.NoteWaiting(servers_[0], 1000));
  EXPECT_FALSE(health.NoteWaiting(servers_[0], 1001)) << "another one does already";
  health.NoteFailure(servers_[1], 1000, ECONNREFUSED);
  EXPECT_EQ(Order(&health, 1002), (Numbers{2, 0, 1}));
  health.NoteSuccess(servers_[0], 1003, 0);
  EXPECT_EQ(Order(&health, 1004), (Numbers{0, 2, 1}));
}

TEST_F(ServerHealthTest, AChainIsAsGoodAsItsServers) {
  PrivateHealth health(1, 10);
  targets_[0].hops = {&servers_[1], &servers_[2]};
  health.NoteFailure(servers_[2], 1, ECONNREFUSED);
  EXPECT_EQ(Order(&health, 1), (Numbers{1, 0, 2}));
  targets_[0].chain = Chain::kDynamic;
  EXPECT_EQ(Order(&health, 1), (Numbers{0, 1, 2})) << "one that can be reached is enough";
  targets_[0].chain = Chain::kRandom;
  targets_[0].chain_length = 2;
  EXPECT_EQ(Order(&health, 1), (Numbers{1, 0, 2}));
  targets_[0].chain_length = 1;
  EXPECT_EQ(Order(&health, 1), (Numbers{0, 1, 2}));
}

// The hops went down one after the other: their probes belong together.
TEST_F(ServerHealthTest, AStrictChainIsProbedAsAWhole) {
  PrivateHealth health(1, 10, 5000);
  targets_[0].hops = {&servers_[0], &servers_[1]};
  targets_[1].hops = {&servers_[2]};
  targets_.pop_back();
  health.NoteFailure(servers_[0], 1000, ECONNREFUSED);
  health.NoteFailure(servers_[1], 4000, ECONNREFUSED);
  for (long long now_ms = 5000; now_ms < 14'000; now_ms += 200)
    ASSERT_EQ(Order(&health, now_ms), (Numbers{1, 0})) << now_ms;
  EXPECT_EQ(Order(&health, 14'000), (Numbers{0, 1}));
  EXPECT_TRUE(probes_.Has(servers_[0]));
  EXPECT_TRUE(probes_.Has(servers_[1]));
  EXPECT_EQ(Order(&health, 14'001), (Numbers{1, 0}));
}

TEST_F(ServerHealthTest, AProbeThatCameToNothingIsGivenBack) {
  PrivateHealth health(1, 10, 5000);
  health.NoteFailure(servers_[0], 1, ECONNREFUSED);
  EXPECT_EQ(Order(&health, 10'001), (Numbers{0, 1, 2}));
  EXPECT_TRUE(probes_.Has(servers_[0]));
  health.EndProbes(&probes_);
  EXPECT_FALSE(probes_.Has(servers_[0]));
  EXPECT_EQ(Order(&health, 10'002), (Numbers{0, 1, 2}));
  // But not another one's.
  Probes late = probes_;
  health.NoteFailure(servers_[0], 10'003, ECONNREFUSED);
  EXPECT_EQ(Order(&health, 20'003), (Numbers{0, 1, 2}));
  health.EndProbes(&late);
  EXPECT_EQ(Order(&health, 20'004), (Numbers{1, 2, 0}));
}

TEST_F(ServerHealthTest, NobodyIsPassedOverWithoutALimit) {
  PrivateHealth health(0, 10);
  EXPECT_FALSE(health.passes_over());
  health.NoteFailure(servers_[0], 1, ECONNREFUSED);
  health.NoteWaiting(servers_[0], 1);
  EXPECT_EQ(Order(&health, 2), (Numbers{0, 1, 2}));
}

TEST_F(ServerHealthTest, WhoWaitsNoMoreTakesItBack) {
  PrivateHealth health(1, 10);
  EXPECT_TRUE(health.NoteWaiting(servers_[0], 1000));
  health.EndWaiting(servers_[0], 999);
  EXPECT_TRUE(health.IsWaitedFor(servers_[0], 1001)) << "somebody else's";
  health.EndWaiting(servers_[0], 1000);
  EXPECT_FALSE(health.IsWaitedFor(servers_[0], 1001));
}

TEST_F(ServerHealthTest, TurnsAreCountedForEachGroup) {
  PrivateHealth health(1, 10);
  Rule rule;
  rule.group = {targets_[0], targets_[1]};
  Rule other = rule;
  other.group[1] = targets_[2];
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(health.NextTurn(rule), i);
  EXPECT_EQ(health.NextTurn(other), 0U);
  const Rule same = rule;
  EXPECT_EQ(health.NextTurn(same), 3U) << "of another process";
}

TEST_F(ServerHealthTest, KeysAreForPeople) {
  Server server;
  server.protocols = kServerSocks5;
  server.address = Endpoint::FromIp(IpAddress::V4(0x0a000301), 1080);
  EXPECT_EQ(ServerHealth::Key(server).text(), "socks5 10.0.3.1:1080");
  server.protocols = kServerSocks4a;
  server.address = *Endpoint::FromHost("2001:db8::1", 65535);
  EXPECT_EQ(ServerHealth::Key(server).text(), "socks4a [2001:db8::1]:65535");
  const std::string name(255, 'x');
  server.address = *Endpoint::FromName(name, 65535);
  EXPECT_EQ(ServerHealth::Key(server).text(), "socks4a " + name + ":65535");
}

}  // namespace
}  // namespace socksify
