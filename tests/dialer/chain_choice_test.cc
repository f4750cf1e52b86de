// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/chain_choice.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

#include "tests/dialer/private_health.h"

namespace socksify {
namespace {

class ChainChoiceTest : public testing::Test {
 protected:
  ChainChoiceTest() {
    path_.kind = Target::Kind::kProxies;
    for (size_t i = 0; i < 4; ++i) {
      servers_[i].name = std::string(1, static_cast<char>('a' + i));
      servers_[i].protocols = kServerSocks5;
      servers_[i].address = Endpoint::FromIp(IpAddress::V4(0x0a000001 + static_cast<uint32_t>(i)), 1080);
      path_.hops.push_back(&servers_[i]);
    }
  }
  // The servers' names in the order in which they are passed.
  std::string Hops() const {
    std::string names;
    for (const Server* hop : choice_.hops()) names += hop->name;
    return names;
  }
  std::string Begin(Chain chain, unsigned length, uint64_t draw = 0) {
    path_.chain = chain;
    path_.chain_length = length;
    choice_.Begin(path_, draw, &health_, {}, 1);
    return Hops();
  }

  Server servers_[4];
  Target path_;
  PrivateHealth health_{1, 300};
  ChainChoice choice_;
};

TEST_F(ChainChoiceTest, AStrictChainHasNoChoice) {
  health_.NoteFailure(servers_[1], 1, ECONNREFUSED);
  EXPECT_EQ(Begin(Chain::kStrict, 0), "abcd");
  EXPECT_FALSE(choice_.Drop(1));
  EXPECT_EQ(Hops(), "abcd");
}

TEST_F(ChainChoiceTest, ADynamicChainDropsWhatCannotBeHad) {
  EXPECT_EQ(Begin(Chain::kDynamic, 0), "abcd");
  EXPECT_TRUE(choice_.Drop(1));
  EXPECT_EQ(Hops(), "acd");
  EXPECT_TRUE(choice_.Drop(2));
  EXPECT_EQ(Hops(), "ac");
  EXPECT_TRUE(choice_.Drop(0));
  EXPECT_EQ(Hops(), "c");
  EXPECT_FALSE(choice_.Drop(0)) << "at least one";
}

TEST_F(ChainChoiceTest, ADynamicChainLeavesBadServersOut) {
  health_.NoteFailure(servers_[0], 1, ECONNREFUSED);
  health_.NoteFailure(servers_[2], 1, ECONNREFUSED);
  EXPECT_EQ(Begin(Chain::kDynamic, 0), "bd");
  health_.NoteFailure(servers_[1], 1, ECONNREFUSED);
  health_.NoteFailure(servers_[3], 1, ECONNREFUSED);
  EXPECT_EQ(Begin(Chain::kDynamic, 0), "abcd") << "all are as good";
}

TEST_F(ChainChoiceTest, ARandomChainTakesSoManyInAnyOrder) {
  std::set<std::string> seen;
  for (uint64_t draw = 0; draw < 400; ++draw) seen.insert(Begin(Chain::kRandom, 2, draw));
  EXPECT_EQ(seen.size(), 12U) << "each ordered pair of four";
}

TEST_F(ChainChoiceTest, ARandomChainPrefersGoodServersAndReplacesWhatFails) {
  health_.NoteFailure(servers_[0], 1, ECONNREFUSED);
  for (uint64_t draw = 0; draw < 50; ++draw) {
    EXPECT_EQ(Begin(Chain::kRandom, 3, draw).find('a'), std::string::npos);
    const char last = Hops()[2];
    EXPECT_TRUE(choice_.Drop(0));
    EXPECT_EQ(Hops().size(), 3U);
    EXPECT_EQ(Hops()[1], last);
    EXPECT_EQ(Hops()[2], 'a') << "the only one that is left";
    EXPECT_FALSE(choice_.Drop(0)) << "too few";
  }
}

TEST_F(ChainChoiceTest, ARoundRobinChainBeginsWithTheNextServer) {
  EXPECT_EQ(Begin(Chain::kRoundRobin, 2, 0), "ab");
  EXPECT_EQ(Begin(Chain::kRoundRobin, 2, 1), "bc");
  EXPECT_EQ(Begin(Chain::kRoundRobin, 2, 3), "da");
  EXPECT_EQ(Begin(Chain::kRoundRobin, 2, 4), "ab");
}

TEST_F(ChainChoiceTest, ServersThatCannotBeUsedAreNotChosen) {
  servers_[0].unusable = servers_[2].unusable = "gssapi is not supported yet";
  EXPECT_EQ(Begin(Chain::kStrict, 0), "abcd");
  EXPECT_EQ(Begin(Chain::kDynamic, 0), "bd");
  EXPECT_EQ(Begin(Chain::kRoundRobin, 1, 0), "b");
  EXPECT_EQ(Begin(Chain::kRoundRobin, 1, 1), "d");
  // One with fewer servers than it is to have would be another chain.
  for (uint64_t draw = 0; draw < 20; ++draw) {
    Begin(Chain::kRandom, 3, draw);
    ASSERT_EQ(choice_.hops().size(), 3U);
    EXPECT_FALSE(choice_.hops()[2]->unusable.empty());
  }
  servers_[1].unusable = servers_[3].unusable = "nor these";
  EXPECT_EQ(Begin(Chain::kDynamic, 0), "abcd") << "the failure names one";
}

TEST_F(ChainChoiceTest, APathWithoutServersHasNone) {
  const Target direct;
  choice_.Begin(direct, 0, &health_, {}, 1);
  EXPECT_TRUE(choice_.hops().empty());
  EXPECT_FALSE(choice_.Drop(0));
}

}  // namespace
}  // namespace socksify
