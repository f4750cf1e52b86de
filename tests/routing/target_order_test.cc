// SPDX-License-Identifier: BSD-2-Clause
// Groups with weights, and what stays in its place when a group changes.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "routing/route_table.h"

namespace socksify {
namespace {

// A group of servers named a, b, c, ... with the given weights.
struct Group {
  Group(Balance balance, const std::vector<unsigned>& weights) {
    rule.balance = balance;
    for (const unsigned weight : weights) {
      Server& server = servers.emplace_back();
      server.name = static_cast<char>('a' + rule.group.size());
      server.address =
          Endpoint::FromIp(IpAddress::V4(0x0a000001 + static_cast<uint32_t>(servers.size())), 1080);
      rule.group.push_back(
          {.kind = Target::Kind::kProxies, .hops = {&server}, .where = {}, .weight = weight});
    }
  }

  // The names of the servers in the order of trial.
  std::string Order(uint64_t draw, const std::string& host = "web.test") const {
    std::array<const Target*, RouteTable::kMaxTargets> out{};
    const size_t count = OrderTargets(rule, *Endpoint::FromHost(host, 80), draw, out);
    std::string order;
    for (size_t i = 0; i < count; ++i) order += out[i]->hops[0]->name;
    return order;
  }
  char First(uint64_t draw, const std::string& host = "web.test") const { return Order(draw, host)[0]; }
  std::string Firsts(uint64_t from, uint64_t count) const {
    std::string firsts;
    for (uint64_t draw = from; draw < from + count; ++draw) firsts += First(draw);
    return firsts;
  }

  std::deque<Server> servers;
  Rule rule;
};

std::string Host(int i) {
  return "host" + std::to_string(i) + ".test";
}

TEST(TargetOrderTest, SpreadsTurnsEvenly) {
  const auto cycle = [](const std::vector<unsigned>& weights, uint64_t count) {
    return Group(Balance::kRoundRobin, weights).Firsts(0, count);
  };
  EXPECT_EQ(cycle({1, 1, 1}, 6), "abcabc");
  EXPECT_EQ(cycle({2, 2}, 8), "abababab");
  EXPECT_EQ(cycle({3, 1}, 8), "aaabaaab");
  EXPECT_EQ(cycle({1, 3}, 8), "abbbabbb");
  EXPECT_EQ(cycle({5, 1, 1}, 7), "aaaabac");
  EXPECT_EQ(cycle({4, 2, 1}, 7), "aabaabc");
  EXPECT_EQ(cycle({1, 1, 2}, 4), "acbc");
  EXPECT_EQ(cycle({2, 1, 1}, 4), "abac");
  EXPECT_EQ(cycle({1000}, 3), "aaa");
}

TEST(TargetOrderTest, GivesEachServerItsTurnsInEveryCycle) {
  std::vector<std::vector<unsigned>> groups = {
      {1, 2, 3},       {7, 11, 13}, {1000, 1}, {1, 1000}, {999, 1000, 1, 500}, std::vector<unsigned>(26, 3),
      {2, 3, 5, 7, 11}};
  groups.emplace_back();
  for (unsigned i = 0; i < RouteTable::kMaxTargets; ++i) groups.back().push_back(i % 7 + 1);
  for (const std::vector<unsigned>& weights : groups) {
    const Group group(Balance::kRoundRobin, weights);
    uint64_t sum = 0;
    for (const unsigned weight : weights) sum += weight;
    for (const uint64_t from : {uint64_t{0}, uint64_t{5}, UINT64_MAX / sum * sum - sum}) {
      std::map<char, unsigned> turns;
      for (uint64_t i = 0; i < sum; ++i) ++turns[group.First(from + i)];
      for (size_t i = 0; i < weights.size(); ++i) {
        EXPECT_EQ(turns[static_cast<char>('a' + i)], weights[i]) << "server " << i << " from " << from;
      }
    }
  }
}

// With equal shares a server waits for as many turns as there are others, and no longer.
TEST(TargetOrderTest, NeverLetsAServerWaitForLong) {
  const Group group(Balance::kRoundRobin, {10, 30, 60});
  const std::string firsts = group.Firsts(0, 200);
  for (const auto& [name, longest] : {std::pair{'a', 11U}, {'b', 4U}, {'c', 3U}}) {
    size_t last = firsts.find(name);
    for (size_t next = firsts.find(name, last + 1); next != std::string::npos;
         next = firsts.find(name, last + 1)) {
      EXPECT_LE(next - last, longest) << name << " at " << last;
      last = next;
    }
  }
}

TEST(TargetOrderTest, GoesOnInTheOrderOfTheFile) {
  const Group group(Balance::kRoundRobin, {3, 1, 1});
  EXPECT_EQ(group.Order(0), "abc");
  std::map<char, std::string> orders;
  for (uint64_t draw = 0; draw < 5; ++draw) orders[group.First(draw)] = group.Order(draw);
  EXPECT_EQ(orders, (std::map<char, std::string>{{'a', "abc"}, {'b', "bca"}, {'c', "cab"}}));
}

// Of 10,000 draws; five standard deviations are 250 at most.
constexpr int kDraws = 10'000;
constexpr int kTolerance = 250;

TEST(TargetOrderTest, DrawsByWeight) {
  const Group group(Balance::kRandom, {1, 2, 7});
  std::map<char, int> firsts;
  std::map<char, int> seconds;  // behind c
  for (uint64_t draw = 0; draw < kDraws; ++draw) {
    const std::string order = group.Order(draw);
    ASSERT_EQ(order.size(), 3U);
    ++firsts[order[0]];
    if (order[0] == 'c') ++seconds[order[1]];
  }
  EXPECT_NEAR(firsts['a'], 1000, kTolerance);
  EXPECT_NEAR(firsts['b'], 2000, kTolerance);
  EXPECT_NEAR(firsts['c'], 7000, kTolerance);
  EXPECT_NEAR(seconds['a'], 7000 / 3, kTolerance);
  EXPECT_NEAR(seconds['b'], 14000 / 3, kTolerance);
}

TEST(TargetOrderTest, HashesByWeight) {
  const Group group(Balance::kHash, {1, 2, 7});
  std::map<char, int> firsts;
  for (int i = 0; i < kDraws; ++i) ++firsts[group.First(0, Host(i))];
  EXPECT_NEAR(firsts['a'], 1000, kTolerance);
  EXPECT_NEAR(firsts['b'], 2000, kTolerance);
  EXPECT_NEAR(firsts['c'], 7000, kTolerance);
}

TEST(TargetOrderTest, MovesOnlyTheDestinationsOfAServerThatGoes) {
  const Group all(Balance::kHash, {1, 2, 7, 1});
  Group without(Balance::kHash, {1, 2, 7, 1});
  without.rule.group.erase(without.rule.group.begin() + 1);
  for (int i = 0; i < 1000; ++i) {
    std::string expected = all.Order(0, Host(i));
    std::erase(expected, 'b');
    EXPECT_EQ(without.Order(0, Host(i)), expected) << i;
  }
}

TEST(TargetOrderTest, MovesDestinationsOnlyToAServerThatWeighsMore) {
  const Group before(Balance::kHash, {1, 1, 1});
  const Group after(Balance::kHash, {1, 2, 1});
  int moved = 0;
  for (int i = 0; i < 1000; ++i) {
    const char old = before.First(0, Host(i));
    const char now = after.First(0, Host(i));
    if (old == now) continue;
    EXPECT_EQ(now, 'b');
    ++moved;
  }
  EXPECT_NEAR(moved, 1000 / 6, 60);
}

// The processes of a machine, and the machines of a site, agree: these are the same everywhere.
TEST(TargetOrderTest, HashesAlikeEverywhere) {
  const Group group(Balance::kHash, {1, 2, 3, 4});
  EXPECT_EQ(group.Order(0, "web.test"), "cadb");
  EXPECT_EQ(group.Order(0, "192.0.2.1"), "cdba");
  EXPECT_EQ(group.Order(0, "2001:db8::1"), "dcba");
}

}  // namespace
}  // namespace socksify
