// SPDX-License-Identifier: BSD-2-Clause
// resolveprotocol, resolve and nameserver: what they come down to, and what is said of those that cannot
// work. What is wrong with their text stands in config_errors_test.cc and its like.
#include <gtest/gtest.h>

#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

Config MustLoad(FakeMachine* machine, const std::string& text) {
  auto config = machine->LoadText(text);
  EXPECT_TRUE(config.has_value()) << FakeMachine::Join(config);
  return config ? std::move(*config) : Config{};
}

TEST(ResolvingTest, ReadsEveryWay) {
  FakeMachine machine;
  for (const ResolveProtocol protocol :
       {ResolveProtocol::kFake, ResolveProtocol::kLocal, ResolveProtocol::kLocalThenFake,
        ResolveProtocol::kTcp, ResolveProtocol::kUdp}) {
    const std::string name = ResolveProtocolName(protocol);
    std::string text = "resolveprotocol: " + name;
    text += "\nroute { to: 0/0 via: direct resolve: " + name + " }\n";
    const Config config = MustLoad(&machine, text);
    EXPECT_EQ(config.settings.resolve_protocol, protocol) << name;
    EXPECT_EQ(config.routes.rules().back().resolve, protocol) << name;
  }
  const Config silent = MustLoad(&machine, "route { to: 0/0 via: direct }\n");
  EXPECT_EQ(silent.settings.resolve_protocol, ResolveProtocol::kFake);
  EXPECT_EQ(silent.routes.rules().back().resolve, std::nullopt);
}

TEST(ResolvingTest, ReadsNameServers) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "nameserver: 10.0.0.53\n"
                                 "nameserver: 10.0.0.54 port = 5353, 10.0.0.55:55,\n"
                                 "            2001:db8::1,[2001:db8::2] , [2001:db8::3]:56\n"
                                 "nameserver: 2001:db8::4 port = domain autoroute: none\n"
                                 "route { to: 0/0 via: direct }\n");
  std::string servers;
  for (const Endpoint& server : config.settings.name_servers) servers += server.ToString() + "\n";
  EXPECT_EQ(servers,
            "10.0.0.53:53\n10.0.0.54:5353\n10.0.0.55:55\n"
            "[2001:db8::1]:53\n[2001:db8::2]:53\n[2001:db8::3]:56\n[2001:db8::4]:53\n");
  EXPECT_EQ(config.settings.auto_route, AutoRoute::kNone);
  EXPECT_EQ(FakeMachine::Join(config.warnings), "");
}

// "PROTOCOL", and the place of the rule whose `resolve:` it is.
std::string How(const Config& config, const char* name, const char* process = "", uint32_t user = kNobody) {
  const NameRule how = config.routes.HowToResolve(name, process, user, config.settings.resolve_protocol);
  std::string text = ResolveProtocolName(how.protocol);
  if (how.rule != nullptr) text += " " + how.rule->where.ToString();
  return text;
}

TEST(ResolvingTest, FollowsTheRoutesThatANameCanMeet) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "route { from: 0.0.0.0/0 to: .lan via: direct }\n"
                                 "route { to: .web via: direct protocol: tcp }\n"
                                 "route { to: 10.0.0.0/8 via: 10.0.0.1 }\n"
                                 "route { to: a.web port = 80 via: 10.0.0.1 }\n"
                                 "route { to: .blocked via: block }\n"
                                 "route { to: .mixed via: direct fallback: 10.0.0.1 }\n"
                                 "route { to: .prog via: 10.0.0.1 process: curl }\n"
                                 "route { to: .prog via: direct }\n"
                                 "route { to: .user via: 10.0.0.1 user: 1000 }\n"
                                 "route { to: .user via: direct }\n"
                                 "route { to: .lan via: 10.0.0.1 }\n");
  EXPECT_EQ(How(config, "host.lan"), "local");
  EXPECT_EQ(How(config, "x.user", "", 1000), "fake");
  EXPECT_EQ(How(config, "x.user", "", 1001), "local");
  EXPECT_EQ(How(config, "x.user"), "local");
  EXPECT_EQ(How(config, "b.web"), "local");
  EXPECT_EQ(How(config, "a.web"), "fake") << "the first rule is for TCP alone";
  EXPECT_EQ(How(config, "x.blocked"), "fake");
  EXPECT_EQ(How(config, "x.mixed"), "fake");
  EXPECT_EQ(How(config, "x.prog", "curl"), "fake");
  EXPECT_EQ(How(config, "x.prog", "wget"), "local");
  EXPECT_EQ(How(config, "no.rule"), "fake");
  EXPECT_EQ(How(config, "localhost"), "local");
}

TEST(ResolvingTest, TheFirstRouteWithAResolveOfItsOwnDecides) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "resolveprotocol: tcp\n"
                                 "nameserver: 10.0.0.53\n"
                                 "route { to: .a port = 25 via: block }\n"
                                 "route { to: .a via: 10.0.0.1 resolve: fake }\n"
                                 "route { to: .a via: 10.0.0.1 protocol: udp resolve: local }\n"
                                 "route { to: .b port = 80 via: 10.0.0.1 }\n"
                                 "route { to: .b via: direct resolve: local }\n"
                                 "route { to: .c via: direct resolve: local }\n"
                                 "route { to: .c via: 10.0.0.1 resolve: fake }\n"
                                 "route { to: .d via: direct resolve: fake }\n"
                                 "route { to: .e via: 10.0.0.1 process: curl resolve: fake }\n"
                                 "route { to: .f port = 22 via: direct }\n"
                                 "route { to: .g via: block resolve: local-then-fake }\n"
                                 "route { to: .h port = 80 via: 10.0.0.1 }\n"
                                 "route { to: .h process: curl via: block resolve: fake }\n"
                                 "route { to: .h via: 10.0.0.1 resolve: local }\n"
                                 "route { to: .i via: socks4://10.0.0.1 }\n"
                                 "route { to: 0/0 port = 25 via: block }\n"
                                 "route { to: .i via: 10.0.0.1 resolve: udp }\n"
                                 "route { to: .j via: 10.0.0.1 resolve: udp }\n"
                                 "route { to: 10.0.0.0/8 via: 10.0.0.1 resolve: local }\n");
  EXPECT_EQ(How(config, "x.a"), "fake test.conf:4") << "a port of its own takes no name from the next route";
  EXPECT_EQ(How(config, "x.b"), "tcp") << "resolve: local takes no name from the proxied route";
  EXPECT_EQ(How(config, "x.c"), "local") << "nothing passes the first route";
  EXPECT_EQ(How(config, "x.d"), "fake test.conf:10") << "a direct route may want another way";
  EXPECT_EQ(How(config, "x.e", "curl"), "fake test.conf:11");
  EXPECT_EQ(How(config, "x.e", "wget"), "tcp");
  EXPECT_EQ(How(config, "x.f"), "tcp") << "the route for port 25 is no direct one";
  EXPECT_EQ(How(config, "x.g"), "local-then-fake test.conf:13");
  EXPECT_EQ(How(config, "x.h"), "tcp") << "its address would go past the route for port 80";
  EXPECT_EQ(How(config, "x.h", "curl"), "fake test.conf:15");
  EXPECT_EQ(How(config, "x.i"), "tcp") << "SOCKS 4 leaves UDP to other routes, but not the name";
  EXPECT_EQ(How(config, "x.j"), "udp test.conf:20") << "the route for port 25 takes addresses too";
  EXPECT_EQ(How(config, "no.rule"), "tcp");
}

TEST(ResolvingTest, HasNoRuleByDefault) {
  const NameRule how = RouteTable().HowToResolve("web.test", "", kNobody, ResolveProtocol::kLocalThenFake);
  EXPECT_EQ(how.protocol, ResolveProtocol::kLocalThenFake);
  EXPECT_EQ(how.rule, nullptr);
}

struct Warned {
  const char* text;
  const char* warnings;
};

constexpr Warned kWarned[] = {
    // Nothing to say.
    {"resolveprotocol: tcp\n"
     "nameserver: 10.0.0.53\n"
     "route { to: 0/0 via: 10.0.0.1 }\n",
     ""},
    {"resolveprotocol: udp\n"
     "nameserver: 10.0.0.53\n"
     "route { to: 10.0.0.0/8 via: direct }\n"
     "route { to: 0/0 via: 10.0.0.1 }\n",
     ""},
    {"nameserver: 192.0.2.1\n"
     "route { to: 10.0.0.0/8 via: direct }\n",
     ""},
    // Whose name servers.
    {"route { to: 0/0 via: 10.0.0.1 resolve: tcp }\n",
     "test.conf:1:40: warning: no 'nameserver' is given: the name servers of /etc/resolv.conf are asked, by "
     "their own routes\n"
     "  route { to: 0/0 via: 10.0.0.1 resolve: tcp }\n"
     "                                         ^\n"
     "  name one: nameserver: ADDRESS; that of a local resolver (127.0.0.53) would be asked directly\n"},
    {"resolveprotocol: udp\n"
     "route { to: 0/0 via: 10.0.0.1 }\n",
     "test.conf:1:18: warning: no 'nameserver' is given: the name servers of /etc/resolv.conf are asked, by "
     "their own routes\n"
     "  resolveprotocol: udp\n"
     "                   ^\n"
     "  name one: nameserver: ADDRESS; that of a local resolver (127.0.0.53) would be asked directly\n"},
    // The way to a name server.
    {"resolveprotocol: udp\n"
     "nameserver: 10.0.0.53, 10.0.0.54, 10.0.0.55, 10.0.0.56\n"
     "route { to: 10.0.0.54 via: http://10.0.0.1:80 fallback: direct }\n"
     "route { to: 10.0.0.55 via: http://10.0.0.1:80 fallback: socks5://10.0.0.2 }\n"
     "route { to: 10.0.0.56 via: 10.0.0.1 then 10.0.0.2 }\n"
     "route { to: 0/0 via: 10.0.0.1 }\n",
     "test.conf:2:46: warning: 10.0.0.56:53 cannot be asked by udp: test.conf:5: no proxy of the rule can "
     "carry UDP\n"
     "  nameserver: 10.0.0.53, 10.0.0.54, 10.0.0.55, 10.0.0.56\n"
     "                                               ^\n"
     "  write tcp instead of udp, or give it a route that is direct or leads through one SOCKS5 server\n"},
    {"resolveprotocol: tcp\n"
     "nameserver: 10.0.0.53, 192.0.2.1 port = 5353\n"
     "route { to: 10.0.0.0/8 port < 1024 via: block }\n",
     "test.conf:2:13: warning: 10.0.0.53:53 cannot be asked by tcp: test.conf:3 blocks it\n"
     "  nameserver: 10.0.0.53, 192.0.2.1 port = 5353\n"
     "              ^\n"
     "  put a route to it before that one\n"
     "test.conf:2:24: warning: 192.0.2.1:5353 cannot be asked by tcp: no route matches\n"
     "  nameserver: 10.0.0.53, 192.0.2.1 port = 5353\n"
     "                         ^\n"
     "  add a route to it: route { from: 0/0 to: 192.0.2.1 via: SERVER }\n"},
    {"resolveprotocol: tcp\n"
     "nameserver: 192.0.2.1\n"
     "route { to: 0/0 via: 10.0.0.1 process: curl }\n",
     ""},
    {"nameserver: 198.19.255.255, 2001:2::5\n"
     "route { to: 0/0 via: 10.0.0.1 }\n"
     "fakerange: fd00::/64\n",
     "test.conf:1:13: warning: this name server cannot be asked: its address is one of those that stand for "
     "names\n"
     "  nameserver: 198.19.255.255, 2001:2::5\n"
     "              ^\n"
     "  change 'fakerange'\n"},
    // Names and SOCKS 4.
    {"server old { address: socks4://10.0.0.1 }\n"
     "server new { address: socks5h://10.0.0.2 }\n"
     "route { to: 10.0.0.0/8 via: old }\n"
     "route { to: .tcp via: old resolve: local-then-fake }\n"
     "route { to: 0.0.0.0/0 via: new then old fallback: old }\n",
     "test.conf:4:1: warning: names cannot be sent through this route: SOCKS 4 takes addresses only\n"
     "  route { to: .tcp via: old resolve: local-then-fake }\n"
     "  ^\n"
     "  use socks4a or socks5\n"
     "test.conf:5:1: warning: names cannot be sent through this route: SOCKS 4 takes addresses only\n"
     "  route { to: 0.0.0.0/0 via: new then old fallback: old }\n"
     "  ^\n"
     "  use socks4a, or write 'resolve: local' in this route\n"},
    {"route { to: 0/0 port = 1 via: socks4://10.0.0.1 fallback: socks5://10.0.0.2 }\n"
     "route { to: 0/0 port = 2 via: socks4://10.0.0.1, direct }\n"
     "route { to: 0/0 port = 3 via: socks4://10.0.0.1 then socks4a://10.0.0.2 }\n"
     "route { to: 0/0 port = 4 via: socks4://10.0.0.1 resolve: local }\n"
     "server dante { address: 10.0.0.1 proxyprotocol: socks_v4 }\n"
     "route { to: 0/0 via: dante }\n",
     ""},
    // Routes that names never meet.
    {"resolveprotocol: local\n"
     "route { to: .lan via: direct }\n"
     "route { to: .corp via: 10.0.0.1 }\n"
     "route { to: .ads via: block resolve: fake }\n"
     "route { to: 0/0 via: 10.0.0.1 }\n",
     "test.conf:3:1: warning: programs connect to the addresses of these names, which this route does not "
     "match: they are resolved by local\n"
     "  route { to: .corp via: 10.0.0.1 }\n"
     "  ^\n"
     "  write 'resolve: fake' in this route, or give the addresses a route of their own\n"},
};

TEST(ResolvingTest, WarnsOfWhatCannotWork) {
  for (const Warned& test : kWarned) {
    FakeMachine machine;
    EXPECT_EQ(FakeMachine::Join(MustLoad(&machine, test.text).warnings), test.warnings) << test.text;
  }
}

TEST(ResolvingTest, SaysNothingOfSocks4OnTheCommandLine) {
  FakeMachine machine;
  const auto config = machine.Load({{}, {"socks4://10.0.0.1"}});
  ASSERT_TRUE(config.has_value()) << FakeMachine::Join(config);
  EXPECT_EQ(FakeMachine::Join(config->warnings), "");
}

}  // namespace
}  // namespace socksify
