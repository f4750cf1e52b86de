// SPDX-License-Identifier: BSD-2-Clause
// What the routes of good configurations mean.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/routing/config_fixture.h"

namespace socksify {
namespace {

using testing::HasSubstr;

struct PortCase {
  const char* text;
  std::vector<uint16_t> matching;
  std::vector<uint16_t> others;
};
TEST(ConfigRoutesTest, ReadsPortOperators) {
  const PortCase cases[] = {
      {"port = 80", {80}, {79, 81}},
      {"port=80", {80}, {79}},
      {"port eq http", {80}, {81}},
      {"port: 80", {80}, {81}},
      {"port 80", {80}, {81}},
      {"port != 80", {79, 81}, {80}},
      {"port ne 80", {79}, {80}},
      {"port neq 80", {79}, {80}},
      {"port < 80", {0, 79}, {80}},
      {"port lt 80", {79}, {80}},
      {"port > 80", {81, 65535}, {80}},
      {"port gt 80", {81}, {80}},
      {"port <= 80", {80}, {81}},
      {"port le 80", {80}, {81}},
      {"port >= 80", {80}, {79}},
      {"port ge 80", {80}, {79}},
      {"port 80-90", {80, 85, 90}, {79, 91}},
      {"port 80 - 90", {80, 90}, {79, 91}},
      {"port 80- 90", {90}, {91}},
      {"port 80 -90", {90}, {91}},
      {"port 0x50-0x5a", {80, 90}, {91}},
      {"port > 65535", {}, {0, 65535}},
      {"port < 0", {}, {0, 65535}},
      {"port = http-alt", {8080}, {80}},
  };
  for (const PortCase& each : cases) {
    FakeMachine machine;
    const Config config = MustLoad(&machine, "route { to: 0/0 " + std::string(each.text) + " via: block }");
    for (const uint16_t port : each.matching)
      EXPECT_EQ(Decide(config, "9.9.9.9", port), "block") << each.text << port;
    for (const uint16_t port : each.others)
      EXPECT_EQ(Decide(config, "9.9.9.9", port), "none") << each.text << port;
  }
}

TEST(ConfigRoutesTest, AsksTheMachineForServicesFirst) {
  FakeMachine machine;
  machine.services[{"http", "tcp"}] = 8888;
  machine.services[{"onlyudp", "udp"}] = 7;
  const Config config = MustLoad(&machine,
                                 "route { to: 0/0 port = http via: block }\n"
                                 "route { to: 0/0 port = onlyudp protocol: udp via: block }\n");
  EXPECT_EQ(Decide(config, "9.9.9.9", 8888), "block");
  EXPECT_EQ(Decide(config, "9.9.9.9", 80), "none");
  EXPECT_EQ(Decide(config, "9.9.9.9", 7, kUdp), "block");
}

struct AddressCase {
  const char* pattern;
  std::vector<const char*> matching;
  std::vector<const char*> others;
};
TEST(ConfigRoutesTest, ReadsAddresses) {
  const AddressCase cases[] = {
      {"0/0", {"1.2.3.4", "2001:db8::1", "web.test"}, {}},
      {"0.0.0.0/0", {"1.2.3.4", "web.test"}, {"2001:db8::1"}},
      {"::/0", {"2001:db8::1", "web.test"}, {"1.2.3.4"}},
      {".", {"web.test", "x"}, {"1.2.3.4", "2001:db8::1"}},
      {"10.1.2.3", {"10.1.2.3"}, {"10.1.2.4", "web.test"}},
      {"10.1.2.3/8", {"10.9.9.9"}, {"11.0.0.0"}},
      {"10.0.0.0/255.128.0.0", {"10.127.0.1"}, {"10.128.0.1"}},
      {"2001:db8::/32", {"2001:db8:1::"}, {"2001:db9::"}},
      {"[2001:db8::1]", {"2001:db8::1"}, {"2001:db8::2"}},
      {"Example.ORG", {"example.org", "EXAMPLE.org."}, {"www.example.org", "example.orgx"}},
      {".example.org", {"example.org", "www.Example.org", "a.b.example.org."}, {"notexample.org", "org"}},
      {"eth0", {"192.168.7.200", "fd00::9"}, {"192.168.8.1", "eth0"}},
      {"eth1", {"eth1"}, {"192.168.7.1"}},
  };
  for (const AddressCase& each : cases) {
    FakeMachine machine;
    machine.interface_addresses = {{"eth0", IpAddress::V4(0xc0a80701), 24},
                                   {"eth0", *IpAddress::Parse("fd00::1"), 64}};
    const Config config = MustLoad(&machine, "route { to: " + std::string(each.pattern) + " via: block }");
    for (const char* host : each.matching)
      EXPECT_EQ(Decide(config, host, 1), "block") << each.pattern << " " << host;
    for (const char* host : each.others)
      EXPECT_EQ(Decide(config, host, 1), "none") << each.pattern << " " << host;
  }
}

TEST(ConfigRoutesTest, AsksForInterfacesOnlyWhenAWordMayNameOne) {
  FakeMachine machine;
  MustLoad(&machine,
           "route { from: 0/0 to: .example.org via: direct }\nroute { to: 10.0.0.0/8 via: direct }\n");
  EXPECT_EQ(machine.interface_calls, 0);
  MustLoad(&machine, "route { to: a.example via: direct }\nroute { to: b.example via: direct }\n");
  EXPECT_EQ(machine.interface_calls, 1);
}

TEST(ConfigRoutesTest, MatchesSources) {
  FakeMachine machine;
  const Config config = MustLoad(&machine, "route { from: 10.0.0.0/8 to: 0/0 via: block }\n");
  EXPECT_EQ(Decide(config, "web.test", 80, {.source = "10.1.1.1"}), "block");
  EXPECT_EQ(Decide(config, "web.test", 80, {.source = "11.1.1.1"}), "none");
  EXPECT_EQ(Decide(config, "web.test", 80, {.source = "0.0.0.0"}), "none");
  EXPECT_EQ(Decide(config, "web.test", 80), "none");
}

TEST(ConfigRoutesTest, MatchesPrograms) {
  FakeMachine machine;
  const Config config =
      MustLoad(&machine, "route { to: 0/0 via: block process: curl python3.* *-agent x?z }\n");
  for (const char* process : {"curl", "python3.11", "gpg-agent", "-agent", "xyz"}) {
    EXPECT_EQ(Decide(config, "web.test", 80, {.process = process}), "block") << process;
  }
  for (const char* process : {"", "curl2", "python3", "agent", "xz", "gpg-agents"}) {
    EXPECT_EQ(Decide(config, "web.test", 80, {.process = process}), "none") << process;
  }
}

TEST(ConfigRoutesTest, MatchesUsers) {
  FakeMachine machine;
  machine.users = {{"alice", 1000}, {"d.b-c", 1003}};
  const Config config = MustLoad(&machine,
                                 "route { to: 0/0 via: block user: alice 42 \"d.b-c\" }\n"
                                 "route { to: 0/0 via: direct user: carol }\n");
  for (const uint32_t user : {1000U, 42U, 1003U}) {
    EXPECT_EQ(Decide(config, "web.test", 80, {.user = user}), "block") << user;
  }
  for (const uint32_t user : {0U, 1001U, kNobody}) {
    EXPECT_EQ(Decide(config, "web.test", 80, {.user = user}), "none") << user;
  }
  EXPECT_EQ(FakeMachine::Join(config.warnings),
            "test.conf:2:35: warning: no user is called 'carol' here; the name matches nobody\n"
            "  route { to: 0/0 via: direct user: carol }\n"
            "                                    ^\n");
}

// A rule that keeps somebody's connections from going direct does so where nobody can tell who that is.
TEST(ConfigRoutesTest, TakesUsersThatCannotBeLookedUpForAnybodyUnlessTheRouteIsDirect) {
  FakeMachine machine;
  machine.users = {{"alice", 1000}};
  machine.user_errors = {{"dave", EIO}};
  const auto met_by = [&](const std::string& route) {
    const Config config = MustLoad(&machine, route + "\nroute { to: 0/0 process: other via: 10.9.9.9 }\n");
    std::string text;
    for (const uint32_t user : {1000U, 1001U, kNobody}) {
      text += Decide(config, "web.test", 80, {.user = user}) == "none" ? "-" : "+";
      // The kind of look-up follows the same rule.
      text +=
          config.routes.HowToResolve("web.test", "", user, ResolveProtocol::kTcp).rule == nullptr ? "-" : "+";
    }
    return text;
  };
  const struct {
    const char* name;
    const char* for_everybody;  // the answer where the route is for everybody's sake
    const char* with_alice;
  } kCases[] = {{"carol", "------", "++----"}, {"dave", "++++++", "++++++"}};
  for (const auto& test : kCases) {
    const std::string users = std::string(" resolve: udp user: ") + test.name;
    EXPECT_EQ(met_by("route { to: 0/0 via: block" + users + " }"), test.for_everybody) << test.name;
    EXPECT_EQ(met_by("route { to: 0/0 via: block" + users + " alice }"), test.with_alice) << test.name;
    EXPECT_EQ(met_by("route { to: 0/0 via: 10.0.0.1" + users + " }"), test.for_everybody) << test.name;
    EXPECT_EQ(met_by("route { to: 0/0 via: direct fallback: 10.0.0.1" + users + " }"), test.for_everybody)
        << test.name;
    EXPECT_EQ(met_by("route { to: 0/0 via: direct" + users + " }"), "------") << test.name;
    EXPECT_EQ(met_by("route { to: 0/0 via: direct" + users + " alice }"), "++----") << test.name;
    EXPECT_EQ(met_by("route { to: 0/0 process: other via: block" + users + " }"), "------") << test.name;
    EXPECT_EQ(met_by("route { to: 10.0.0.0/8 via: block" + users + " }"), "------") << test.name;
  }
}

TEST(ConfigRoutesTest, SaysWhatBecomesOfUnknownUsers) {
  FakeMachine machine;
  machine.user_errors = {{"dave", EIO}};
  const Config config = MustLoad(&machine,
                                 "route { to: .a via: direct user: dave }\n"
                                 "route { to: .b user: carol via: block }\n"
                                 "route { to: .c user: 1 dave via: direct fallback: 10.0.0.1 }\n");
  EXPECT_EQ(
      FakeMachine::Join(config.warnings),
      "test.conf:1:34: warning: the user id of 'dave' cannot be looked up: EIO; the name matches nobody\n"
      "  route { to: .a via: direct user: dave }\n"
      "                                   ^\n"
      "test.conf:2:22: warning: no user is called 'carol' here; the name matches nobody\n"
      "  route { to: .b user: carol via: block }\n"
      "                       ^\n"
      "test.conf:3:24: warning: the user id of 'dave' cannot be looked up: EIO; this route is for every user "
      "then, because it is not direct\n"
      "  route { to: .c user: 1 dave via: direct fallback: 10.0.0.1 }\n"
      "                         ^\n"
      "  write the user id, or remove the name\n");
}

TEST(ConfigRoutesTest, TellsTablesThatNameUsers) {
  FakeMachine machine;
  EXPECT_FALSE(MustLoad(&machine, "route { to: 0/0 via: direct }\n").routes.names_users());
  EXPECT_TRUE(MustLoad(&machine, "route { to: .a via: direct }\nroute { to: 0/0 via: block user: 1 }\n")
                  .routes.names_users());
}

TEST(ConfigRoutesTest, WarnsOfRoutesThatAnotherUsersRouteCovers) {
  FakeMachine machine;
  const auto warnings_of = [&](const std::string& first, const std::string& second) {
    return MustLoad(&machine, "route { to: 0/0 via: block " + first + " }\nroute { to: 0/0 via: direct " +
                                  second + " }\n")
        .warnings.size();
  };
  EXPECT_EQ(warnings_of("", "user: 1"), 1U);
  EXPECT_EQ(warnings_of("user: 1 2", "user: 2"), 1U);
  EXPECT_EQ(warnings_of("user: 1", "user: 1 2"), 0U);
  EXPECT_EQ(warnings_of("user: 1", ""), 0U);
  // One warning is that of the name.
  EXPECT_EQ(warnings_of("user: 1 carol", ""), 1U);
  EXPECT_EQ(warnings_of("user: 1", "user: 1 carol"), 2U);
}

TEST(ConfigRoutesTest, ReadsWeights) {
  FakeMachine machine;
  const Config config =
      MustLoad(&machine,
               "autoroute: none\n"
               "server a { address: 10.0.0.1 }\n"
               "route { to: 0/0 balance: random\n"
               "  via: a weight = 3, a then 10.0.0.2 port = 1081 weight = 2,\n"
               "       10.0.0.3 port = 1082 weight = 1000, socks5://h.test weight=4, direct weight = 5,\n"
               "       a\n"
               "  fallback: block }\n");
  std::string group;
  for (const Target& target : config.routes.rules()[0].group) {
    group += WayOf(target) + " " + std::to_string(target.weight) + "\n";
  }
  EXPECT_EQ(group,
            "10.0.0.1:1080 3\n"
            "10.0.0.1:1080 then 10.0.0.2:1081 2\n"
            "10.0.0.3:1082 1000\n"
            "h.test:1080 4\n"
            "direct 5\n"
            "10.0.0.1:1080 1\n");
}

TEST(ConfigRoutesTest, ReadsChains) {
  FakeMachine machine;
  const Config config =
      MustLoad(&machine,
               "autoroute: none\n"
               "server a { address: 10.0.0.1 }\n"
               "server b { address: 10.0.0.2 }\n"
               "route { chain: dynamic to: 10.0.0.0/8 via: a, a then b fallback: b then a }\n"
               "route { to: 11.0.0.0/8 via: a then b chain: random chain.length: 2 }\n"
               "route { to: 12.0.0.0/8 via: a then b chain.length: 1 chain: roundrobin }\n"
               "route { to: 13.0.0.0/8 via: a then b chain: strict }\n"
               "route { to: 0/0 via: a then b }\n");
  const auto rules = config.routes.rules();
  ASSERT_EQ(rules.size(), 5U);
  EXPECT_EQ(rules[0].group[0].chain, Chain::kStrict) << "one server is no chain";
  EXPECT_EQ(rules[0].group[1].chain, Chain::kDynamic);
  EXPECT_EQ(rules[0].group[1].chain_length, 0U);
  EXPECT_EQ(rules[0].fallback[0].chain, Chain::kDynamic);
  EXPECT_EQ(rules[1].group[0].chain, Chain::kRandom);
  EXPECT_EQ(rules[1].group[0].chain_length, 2U);
  EXPECT_EQ(rules[2].group[0].chain, Chain::kRoundRobin);
  EXPECT_EQ(rules[2].group[0].chain_length, 1U);
  EXPECT_EQ(rules[3].group[0].chain, Chain::kStrict);
  EXPECT_EQ(rules[4].group[0].chain, Chain::kStrict);
}

TEST(ConfigRoutesTest, MatchesTransportsAndCommands) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "route { to: 0/0 via: block protocol: udp }\n"
                                 "route { to: 0/0 via: direct command: bind }\n");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53, kUdp), "block");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53, kBindAsk), "direct");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53), "none");
}

// As in Dante: a route whose server cannot do a command does not match it.
TEST(ConfigRoutesTest, DoesNotMatchWhatTheServersCannotDo) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "route { to: 0/0 via: 10.0.0.1 proxyprotocol: http }\n"
                                 "route { to: 0/0 via: 10.0.0.2 proxyprotocol: socks_v4 }\n"
                                 "route { to: 0/0 via: 10.0.0.3, 10.0.0.2 then 10.0.0.4 }\n");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53), "10.0.0.1:8080");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53, kBindAsk), "10.0.0.2:1080");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53, kUdp), "10.0.0.3:1080");
}

TEST(ConfigRoutesTest, LimitsTargets) {
  FakeMachine machine;
  std::string list = "direct";
  for (int i = 1; i < 64; ++i) list += ", direct";
  MustLoad(&machine, "route { to: 0/0 via: " + list + " }\n");
  EXPECT_THAT(machine.ErrorsOf("route { to: 0/0 via: " + list + " fallback: block }\n"),
              HasSubstr("expected at most 64 targets in 'via' and 'fallback' together, found 65\n"));
}

TEST(ConfigRoutesTest, WarnsOfRoutesThatMatchNothing) {
  FakeMachine machine;
  const Config config =
      MustLoad(&machine, "route { to: 0/0 via: 10.0.0.1 proxyprotocol: socks_v4 protocol: udp }\n");
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_EQ(config.warnings[0].message, "this route matches nothing: its servers cannot do its commands");
}

}  // namespace
}  // namespace socksify
