// SPDX-License-Identifier: BSD-2-Clause
#include "routing/route_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

Config MustLoad(FakeMachine* machine, const std::string& text) {
  auto config = machine->LoadText(text);
  EXPECT_TRUE(config.has_value()) << FakeMachine::Join(config);
  return config ? std::move(*config) : Config{};
}

std::string WhoDecides(const Config& config, const char* host, Command command = Command::kConnect) {
  const Endpoint destination = *Endpoint::FromHost(host, 80);
  const Rule* const rule = config.routes.Decide({destination, Transport::kTcp, command});
  return rule == nullptr ? "none" : rule->where.ToString();
}

TEST(RouteTableTest, TriesRulesInFileOrder) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "route { to: 10.1.0.0/16 via: 10.0.0.1 }\n"
                                 "route { to: 10.0.0.0/8 via: direct }\n"
                                 "route { to: 0/0 via: block }\n");
  EXPECT_EQ(WhoDecides(config, "10.1.2.3"), "test.conf:1");
  EXPECT_EQ(WhoDecides(config, "10.2.2.3"), "test.conf:2");
  EXPECT_EQ(WhoDecides(config, "11.2.2.3"), "test.conf:3");
}

TEST(RouteTableTest, KeepsLoopbackDirectUnlessToldOtherwise) {
  FakeMachine machine;
  machine.interface_addresses = {{"eth0", IpAddress::V4(0xc0a80105), 24},
                                 {"tun0", IpAddress::V4(0x0a000001), 0}};
  const std::string route = "route { to: 0/0 via: 10.0.0.1 }\n";
  const Config loopback = MustLoad(&machine, route);
  for (const char* host :
       {"127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST.", "a.localhost", "0.0.0.0", "::"}) {
    EXPECT_EQ(WhoDecides(loopback, host), "autoroute") << host;
  }
  EXPECT_EQ(WhoDecides(loopback, "127.0.0.1", Command::kBind), "autoroute");
  EXPECT_EQ(WhoDecides(loopback, "0.0.0.0", Command::kBind), "test.conf:1");
  EXPECT_EQ(WhoDecides(loopback, "192.168.1.7"), "test.conf:1");
  EXPECT_EQ(WhoDecides(loopback, "notlocalhost"), "test.conf:1");
  const Config lan = MustLoad(&machine, "autoroute: lan\n" + route);
  EXPECT_EQ(WhoDecides(lan, "192.168.1.7"), "autoroute");
  EXPECT_EQ(WhoDecides(lan, "::1"), "autoroute");
  EXPECT_EQ(WhoDecides(lan, "9.9.9.9"), "test.conf:2");
  EXPECT_EQ(WhoDecides(lan, "web.test"), "test.conf:2");
  const Config none = MustLoad(&machine, "autoroute: none\n" + route);
  EXPECT_EQ(WhoDecides(none, "127.0.0.1"), "test.conf:2");
}

TEST(RouteTableTest, HasNoRuleByDefault) {
  const RouteTable table;
  const Endpoint destination = *Endpoint::FromHost("web.test", 80);
  EXPECT_EQ(table.Decide({destination}), nullptr);
}

Rule RuleWith(Balance balance, size_t group, size_t fallbacks) {
  Rule rule;
  rule.balance = balance;
  rule.group.resize(group);
  rule.fallback.resize(fallbacks);
  return rule;
}

// The targets as numbers: the group from 0, the fallbacks from 100.
std::vector<size_t> OrderOf(const Rule& rule, const char* host, uint64_t draw) {
  std::array<const Target*, RouteTable::kMaxTargets> out{};
  const size_t count = OrderTargets(rule, *Endpoint::FromHost(host, 80), draw, out);
  std::vector<size_t> order;
  for (size_t i = 0; i < count; ++i) {
    const bool in_group = out[i] >= rule.group.data() && out[i] < rule.group.data() + rule.group.size();
    order.push_back(in_group ? static_cast<size_t>(out[i] - rule.group.data())
                             : 100 + static_cast<size_t>(out[i] - rule.fallback.data()));
  }
  return order;
}

using Order = std::vector<size_t>;

TEST(OrderTargetsTest, KeepsTheOrderOfTheFile) {
  const Rule rule = RuleWith(Balance::kOrdered, 3, 2);
  EXPECT_EQ(OrderOf(rule, "a.test", 7), (Order{0, 1, 2, 100, 101}));
}

TEST(OrderTargetsTest, TurnsRoundRobin) {
  const Rule rule = RuleWith(Balance::kRoundRobin, 3, 1);
  EXPECT_EQ(OrderOf(rule, "a.test", 0), (Order{0, 1, 2, 100}));
  EXPECT_EQ(OrderOf(rule, "a.test", 1), (Order{1, 2, 0, 100}));
  EXPECT_EQ(OrderOf(rule, "a.test", 5), (Order{2, 0, 1, 100}));
}

TEST(OrderTargetsTest, HashesTheHostAlone) {
  const Rule rule = RuleWith(Balance::kHash, 4, 1);
  std::set<size_t> firsts;
  for (int i = 0; i < 64; ++i) {
    const std::string host = "host" + std::to_string(i) + ".test";
    const Order order = OrderOf(rule, host.c_str(), 1);
    EXPECT_EQ(order, OrderOf(rule, host.c_str(), 2));
    EXPECT_EQ(order.back(), 100u);
    firsts.insert(order[0]);
  }
  EXPECT_EQ(firsts.size(), 4u);
  EXPECT_EQ(OrderOf(rule, "WEB.test", 0), OrderOf(rule, "web.TEST", 0));
}

TEST(OrderTargetsTest, ShufflesAtRandom) {
  const Rule rule = RuleWith(Balance::kRandom, 3, 1);
  std::set<Order> orders;
  for (uint64_t draw = 0; draw < 200; ++draw) {
    Order order = OrderOf(rule, "a.test", draw);
    EXPECT_EQ(order.back(), 100u);
    orders.insert(order);
    std::ranges::sort(order);
    EXPECT_EQ(order, (Order{0, 1, 2, 100}));
  }
  EXPECT_EQ(orders.size(), 6u);
}

TEST(OrderTargetsTest, StopsAtTheSizeOfTheArray) {
  EXPECT_EQ(OrderOf(RuleWith(Balance::kOrdered, 70, 3), "a.test", 0).size(), RouteTable::kMaxTargets);
  EXPECT_EQ(OrderOf(RuleWith(Balance::kRandom, 1, 80), "a.test", 0).size(), RouteTable::kMaxTargets);
}

}  // namespace
}  // namespace socksify
