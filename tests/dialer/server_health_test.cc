// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/server_health.h"

#include <gtest/gtest.h>

#include <vector>

namespace socksify {
namespace {

class ServerHealthTest : public testing::Test {
 protected:
  ServerHealthTest() : targets_(3) {
    for (size_t i = 0; i < 3; ++i) {
      targets_[i].kind = Target::Kind::kProxies;
      targets_[i].hops = {&servers_[i]};
      order_.push_back(&targets_[i]);
    }
  }
  Server servers_[3];
  std::vector<Target> targets_;
  std::vector<const Target*> order_;
};

TEST_F(ServerHealthTest, AServerIsBadAfterSoManyFailures) {
  ServerHealth health(2, 10);
  health.NoteFailure(servers_[0], 1000);
  EXPECT_FALSE(health.IsBad(servers_[0], 1000));
  health.NoteFailure(servers_[0], 2000);
  EXPECT_TRUE(health.IsBad(servers_[0], 2000));
  EXPECT_FALSE(health.IsBad(servers_[1], 2000));
  EXPECT_TRUE(health.IsBad(servers_[0], 11'999));
  EXPECT_FALSE(health.IsBad(servers_[0], 12'000));
}

TEST_F(ServerHealthTest, ASuccessClearsIt) {
  ServerHealth health(1, 10);
  health.NoteFailure(servers_[0], 0);
  health.NoteSuccess(servers_[0]);
  EXPECT_FALSE(health.IsBad(servers_[0], 0));
}

TEST_F(ServerHealthTest, ZeroMeansNeverAndForGood) {
  ServerHealth never(0, 10);
  never.NoteFailure(servers_[0], 0);
  EXPECT_FALSE(never.IsBad(servers_[0], 0));
  ServerHealth for_good(1, 0);
  for_good.NoteFailure(servers_[0], 0);
  EXPECT_TRUE(for_good.IsBad(servers_[0], 1'000'000'000));
}

TEST_F(ServerHealthTest, BadOnesGoToTheEndAndNotAway) {
  ServerHealth health(1, 10);
  health.NoteFailure(servers_[0], 0);
  health.PutBadOnesLast(order_, 0);
  EXPECT_EQ(order_, (std::vector<const Target*>{&targets_[1], &targets_[2], &targets_[0]}));
}

TEST_F(ServerHealthTest, NothingMovesPastABlock) {
  targets_[1].kind = Target::Kind::kBlock;
  targets_[1].hops.clear();
  ServerHealth health(1, 10);
  health.NoteFailure(servers_[0], 0);
  health.PutBadOnesLast(order_, 0);
  EXPECT_EQ(order_, (std::vector<const Target*>{&targets_[0], &targets_[1], &targets_[2]}));
}

TEST_F(ServerHealthTest, MoreServersThanFitAreNotRemembered) {
  ServerHealth health(1, 10);
  std::vector<Server> many(200);
  for (const Server& server : many) health.NoteFailure(server, 0);
  EXPECT_TRUE(health.IsBad(many.front(), 0));
  EXPECT_FALSE(health.IsBad(many.back(), 0));
}

}  // namespace
}  // namespace socksify
