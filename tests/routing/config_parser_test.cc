// SPDX-License-Identifier: BSD-2-Clause
// What good configurations mean.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "routing/route_table.h"
#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Config MustLoad(FakeMachine* machine, const std::string& text) {
  auto config = machine->LoadText(text);
  EXPECT_TRUE(config.has_value()) << FakeMachine::Join(config);
  return config ? std::move(*config) : Config{};
}

// "direct", "block", "10.0.0.1:1080", "a:1080 then b:1080"; "none" without a rule.
std::string WayOf(const Target& target) {
  if (target.kind == Target::Kind::kDirect) return "direct";
  if (target.kind == Target::Kind::kBlock) return "block";
  std::string way;
  for (const Server* hop : target.hops) way += (way.empty() ? "" : " then ") + hop->address.ToString();
  return way;
}

struct Ask {
  Transport transport = Transport::kTcp;
  Command command = Command::kConnect;
  const char* source = nullptr;
  uint16_t source_port = 0;
  const char* process = "";
  uint32_t user = kNobody;
};

std::string Decide(const Config& config, const char* host, uint16_t port, const Ask& ask = {}) {
  const Endpoint destination = *Endpoint::FromHost(host, port);
  IpAddress source;
  if (ask.source != nullptr) source = *IpAddress::Parse(ask.source);
  const Rule* const rule = config.routes.Decide({destination, ask.transport, ask.command,
                                                 ask.source != nullptr ? &source : nullptr, ask.process,
                                                 ask.source_port, ask.user});
  return rule == nullptr ? "none" : WayOf(rule->group[0]);
}

constexpr Ask kUdp = {Transport::kUdp, Command::kUdpAssociate};
constexpr Ask kBindAsk = {Transport::kTcp, Command::kBind};

// The example of the design, word for word.
constexpr char kDesignExample[] = R"(
    logoutput: stderr                 # syslog | stdout | stderr | FILE ...; errorlog: likewise
    resolveprotocol: fake             # fake (default) | local | local-then-fake | tcp | udp
    autoroute: loopback               # loopback (default) | lan | none : implied direct routes
    route.maxfail: 1                  # as in Dante
    route.badexpire: 300
    timeout.connect: 10               # seconds to reach one server
    timeout.negotiate: 20             # seconds for its handshake

    server int1 { address: 10.0.3.1 port = 1080  proxyprotocol: socks_v5  method: username
                  username: alice  password.file: /etc/socks/int1.pass }
    server d1   { address: socks5://10.0.4.1:1080 }
    server p1   { address: 192.168.100.2 port = 1080 }

    route { from: 0/0 to: 10.0.0.0/8        via: direct }
    route { from: 0/0 to: 192.168.100.0/24  via: d1 }
    route { from: 0/0 to: .private-net.org  via: d1 then p1 }                  # a chain
    route { from: 0/0 to: 0/0 port = http   via: int1, 10.0.3.2 port = 1080    # a group
            balance: random  fallback: 10.0.3.9 port = 1080 }
    route { from: 0/0 to: .tracker.example  process: curl wget  via: block }
)";

TEST(ConfigParserTest, ReadsDesignExample) {
  FakeMachine machine;
  machine.files["/etc/socks/int1.pass"] = "s3cret\n";
  const Config config = MustLoad(&machine, kDesignExample);
  EXPECT_EQ(FakeMachine::Join(config.warnings), "");
  EXPECT_EQ(config.origin, "test.conf");
  EXPECT_THAT(config.settings.log_outputs, ElementsAre("stderr"));
  EXPECT_EQ(config.settings.resolve_protocol, ResolveProtocol::kFake);
  EXPECT_EQ(config.settings.max_fail, 1u);
  EXPECT_EQ(config.settings.bad_expire_s, 300u);
  EXPECT_EQ(config.settings.connect_timeout_ms, 10'000u);
  EXPECT_EQ(config.settings.negotiate_timeout_ms, 20'000u);

  ASSERT_EQ(config.routes.servers().size(), 5u);
  const Server& int1 = *config.routes.servers()[0];
  EXPECT_EQ(int1.name, "int1");
  EXPECT_EQ(int1.address.ToString(), "10.0.3.1:1080");
  EXPECT_EQ(int1.protocols, kServerSocks5);
  EXPECT_EQ(int1.methods, kMethodUsername);
  EXPECT_EQ(int1.username, "alice");
  EXPECT_EQ(int1.password, "s3cret");
  EXPECT_TRUE(int1.has_password);
  EXPECT_EQ(int1.where.ToString(), "test.conf:10");
  EXPECT_EQ(config.routes.servers()[1]->name, "d1");
  EXPECT_EQ(config.routes.servers()[1]->protocols, kServerSocks5);
  EXPECT_EQ(config.routes.servers()[2]->protocols, kServerSocks5 | kServerSocks4a);
  EXPECT_EQ(config.routes.servers()[2]->methods, kMethodNone | kMethodUsername);
  EXPECT_EQ(config.routes.servers()[3]->address.ToString(), "10.0.3.2:1080");
  EXPECT_EQ(config.routes.servers()[4]->address.ToString(), "10.0.3.9:1080");

  EXPECT_EQ(Decide(config, "10.9.9.9", 443), "direct");
  EXPECT_EQ(Decide(config, "192.168.100.7", 22), "10.0.4.1:1080");
  EXPECT_EQ(Decide(config, "www.private-net.org", 80), "10.0.4.1:1080 then 192.168.100.2:1080");
  EXPECT_EQ(Decide(config, "private-net.org", 22), "10.0.4.1:1080 then 192.168.100.2:1080");
  EXPECT_EQ(Decide(config, "web.test", 80), "10.0.3.1:1080");
  EXPECT_EQ(Decide(config, "web.test", 443), "none");
  EXPECT_EQ(Decide(config, "a.tracker.example", 443, {.process = "curl"}), "block");
  EXPECT_EQ(Decide(config, "a.tracker.example", 443, {.process = "curly"}), "none");
  EXPECT_EQ(Decide(config, "127.0.0.1", 80), "direct");

  const Rule& group = config.routes.rules()[config.routes.rules().size() - 2];
  EXPECT_EQ(group.where.ToString(), "test.conf:18");
  EXPECT_EQ(group.balance, Balance::kRandom);
  ASSERT_EQ(group.group.size(), 2u);
  ASSERT_EQ(group.fallback.size(), 1u);
  EXPECT_EQ(WayOf(group.group[1]), "10.0.3.2:1080");
  EXPECT_EQ(WayOf(group.fallback[0]), "10.0.3.9:1080");
}

TEST(ConfigParserTest, ReadsEverythingThatDantesClientReads) {
  FakeMachine machine;
  const Config config = MustLoad(&machine, R"(
debug: 0x1
logoutput: syslog/local0 stdout /var/log/socks.log
errorlog: stderr
resolveprotocol: fake
route.maxfail: 0
route.badexpire: 010
timeout.connect: 30
timeout.negotiate: 30
timeout.io.tcp: 0
localdomain: example.org
route {
  protocol: tcp udp
  from: 0.0.0.0/0 port 1024-65535 to: 10.0.0.0 / 255.0.0.0 port >= 1024 via: 10.1.1.1 port = socks
  command: bind bindreply connect udpassociate udpreply
  proxyprotocol: socks_v4
  proxyprotocol: socks_v5 http_v1.0 http
  method: none gssapi username
  gssapi.servicename: rcmd
  gssapi.enctype: clear integrity confidentiality
  clientcompatibility: necgssapi
  extension: bind
}
route { from: 0.0.0.0/0 to: 0.0.0.0/0 via: direct command: bind }
route { from: 0.0.0.0/0 to: . via: proxy.example.org port=1080
        protocol: tcp# a comment without a blank
        method: rfc931 pam.username}
route { \
  from: ::/0 to: ::/0 via: 2001:db8::1 port eq 1080 }
)");
  EXPECT_EQ(config.settings.debug, 1);
  EXPECT_THAT(config.settings.log_outputs, ElementsAre("syslog/local0", "stdout", "/var/log/socks.log"));
  EXPECT_THAT(config.settings.error_outputs, ElementsAre("stderr"));
  EXPECT_EQ(config.settings.bad_expire_s, 8u);
  EXPECT_EQ(FakeMachine::Join(config.warnings),
            "test.conf:10:1: warning: 'timeout.io.tcp' has no effect in a client, as in Dante\n"
            "  timeout.io.tcp: 0\n  ^\n"
            "test.conf:11:1: warning: 'localdomain' has no effect, as in Dante\n"
            "  localdomain: example.org\n  ^\n  remove it\n");
  const Ask bound{.source = "10.0.0.2", .source_port = 2000};
  EXPECT_EQ(Decide(config, "10.2.3.4", 2000, bound), "10.1.1.1:1080");
  EXPECT_EQ(Decide(config, "10.2.3.4", 1023, bound), "none");
  EXPECT_EQ(Decide(config, "10.2.3.4", 2000), "none") << "the source port is not in the range";
  EXPECT_EQ(Decide(config, "10.2.3.4", 22, kBindAsk), "direct");
  EXPECT_EQ(Decide(config, "web.test", 80), "proxy.example.org:1080");
  EXPECT_EQ(Decide(config, "web.test", 80, kUdp), "[2001:db8::1]:1080");
  EXPECT_EQ(Decide(config, "2001:db8::7", 80), "[2001:db8::1]:1080");
  const Server& first = *config.routes.servers()[0];
  EXPECT_EQ(first.protocols, kServerSocks4a | kServerSocks5 | kServerHttp);
  EXPECT_EQ(first.methods, kMethodNone | kMethodGssapi | kMethodUsername);
  EXPECT_EQ(first.unusable, "");
}

TEST(ConfigParserTest, AcceptsCarriageReturnsByteOrderMarksAndForeignComments) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "\xef\xbb\xbf# Gaustadall\xe9"
                                 "en\r\nroute { to: 0/0 via: \\\r\n direct }\r\n");
  EXPECT_EQ(Decide(config, "web.test", 80), "direct");
}

TEST(ConfigParserTest, RefusesNulBytes) {
  FakeMachine machine;
  EXPECT_EQ(machine.ErrorsOf(std::string("debug: 1\nroute\0", 15)),
            "test.conf:2:6: expected text, found a NUL byte\n  route?\n       ^\n"
            "  this is not a configuration file\n");
}

TEST(ConfigParserTest, StopsAfterAHundredErrors) {
  FakeMachine machine;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "nonsense\n";
  const auto config = machine.LoadText(text);
  ASSERT_FALSE(config.has_value());
  ASSERT_EQ(config.error().size(), 101u);
  EXPECT_EQ(config.error().back().message, "too many errors; the rest is not shown");
}

struct PortCase {
  const char* text;
  std::vector<uint16_t> matching;
  std::vector<uint16_t> others;
};

TEST(ConfigParserTest, ReadsPortOperators) {
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

TEST(ConfigParserTest, AsksTheMachineForServicesFirst) {
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

TEST(ConfigParserTest, ReadsAddresses) {
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

TEST(ConfigParserTest, AsksForInterfacesOnlyWhenAWordMayNameOne) {
  FakeMachine machine;
  MustLoad(&machine,
           "route { from: 0/0 to: .example.org via: direct }\nroute { to: 10.0.0.0/8 via: direct }\n");
  EXPECT_EQ(machine.interface_calls, 0);
  MustLoad(&machine, "route { to: a.example via: direct }\nroute { to: b.example via: direct }\n");
  EXPECT_EQ(machine.interface_calls, 1);
}

TEST(ConfigParserTest, MatchesSources) {
  FakeMachine machine;
  const Config config = MustLoad(&machine, "route { from: 10.0.0.0/8 to: 0/0 via: block }\n");
  EXPECT_EQ(Decide(config, "web.test", 80, {.source = "10.1.1.1"}), "block");
  EXPECT_EQ(Decide(config, "web.test", 80, {.source = "11.1.1.1"}), "none");
  EXPECT_EQ(Decide(config, "web.test", 80, {.source = "0.0.0.0"}), "none");
  EXPECT_EQ(Decide(config, "web.test", 80), "none");
}

TEST(ConfigParserTest, MatchesPrograms) {
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

TEST(ConfigParserTest, MatchesUsers) {
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
TEST(ConfigParserTest, TakesUsersThatCannotBeLookedUpForAnybodyUnlessTheRouteIsDirect) {
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

TEST(ConfigParserTest, SaysWhatBecomesOfUnknownUsers) {
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

TEST(ConfigParserTest, TellsTablesThatNameUsers) {
  FakeMachine machine;
  EXPECT_FALSE(MustLoad(&machine, "route { to: 0/0 via: direct }\n").routes.names_users());
  EXPECT_TRUE(MustLoad(&machine, "route { to: .a via: direct }\nroute { to: 0/0 via: block user: 1 }\n")
                  .routes.names_users());
}

TEST(ConfigParserTest, WarnsOfRoutesThatAnotherUsersRouteCovers) {
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

TEST(ConfigParserTest, ReadsWeights) {
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

TEST(ConfigParserTest, ReadsChains) {
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

TEST(ConfigParserTest, MatchesTransportsAndCommands) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "route { to: 0/0 via: block protocol: udp }\n"
                                 "route { to: 0/0 via: direct command: bind }\n");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53, kUdp), "block");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53, kBindAsk), "direct");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53), "none");
}

// As in Dante: a route whose server cannot do a command does not match it.
TEST(ConfigParserTest, DoesNotMatchWhatTheServersCannotDo) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "route { to: 0/0 via: 10.0.0.1 proxyprotocol: http }\n"
                                 "route { to: 0/0 via: 10.0.0.2 proxyprotocol: socks_v4 }\n"
                                 "route { to: 0/0 via: 10.0.0.3, 10.0.0.2 then 10.0.0.4 }\n");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53), "10.0.0.1:8080");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53, kBindAsk), "10.0.0.2:1080");
  EXPECT_EQ(Decide(config, "9.9.9.9", 53, kUdp), "10.0.0.3:1080");
}

TEST(ConfigParserTest, SaysWhyAServerIsUnusable) {
  FakeMachine machine;
  const Config config =
      MustLoad(&machine,
               "server b { address: http://10.0.0.1 method: gssapi }\n"
               "server c { address: 10.0.0.1 proxyprotocol: socks_v5 method: gssapi }\n"
               "server d { address: 10.0.0.1 proxyprotocol: http socks_v5 method: gssapi none }\n"
               "server e { address: 10.0.0.1 proxyprotocol: upnp http }\n"
               "server f { address: 10.0.0.1 proxyprotocol: socks_v4 method: gssapi }\n"
               "route { to: 10.0.0.0/8 via: eth0 proxyprotocol: upnp }\n"
               "route { to: 0/0 via: http://10.0.0.9/ proxyprotocol: upnp }\n");
  std::vector<std::string> reasons;
  for (const auto& server : config.routes.servers()) reasons.push_back(server->unusable);
  const std::string gssapi = "gssapi is not supported yet; use method: username";
  const std::string upnp = "upnp is not supported yet; use proxyprotocol: socks_v5";
  EXPECT_THAT(reasons, ElementsAre(gssapi, gssapi, "", "", "", upnp, upnp));
}

TEST(ConfigParserTest, ReadsHttpProxies) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "server a { address: 10.0.0.1 proxyprotocol: http }\n"
                                 "server b { address: 10.0.0.2 proxyprotocol: http_v1.0 method: digest }\n"
                                 "server c { address: 10.0.0.3 port = 3128 proxyprotocol: http_v1.1 }\n"
                                 "server d { address: http://10.0.0.4 method: digest username }\n"
                                 "server e { address: 10.0.0.5 proxyprotocol: http_v1.0 socks_v5 }\n");
  std::string servers;
  for (const auto& server : config.routes.servers()) {
    servers += server->address.ToString() + " " + std::to_string(server->protocols) + " " +
               std::to_string(server->methods) + server->unusable + "\n";
  }
  EXPECT_EQ(servers,
            "10.0.0.1:8080 8 3\n"
            "10.0.0.2:8080 8 8\n"
            "10.0.0.3:3128 8 3\n"
            "10.0.0.4:8080 8 10\n"
            "10.0.0.5:1080 12 3\n");
}

TEST(ConfigParserTest, ReadsUrlsAndCredentials) {
  FakeMachine machine;
  machine.files["/etc/app/pw"] = "from file\r\nsecond line\n";
  machine.files["/etc/app/socks.conf"] = R"(
server a { address: socks5://alice:p%40ss@proxy.example:1081 }
server b { address: 10.0.0.1 username: "bob smith" password: "a \"quoted\" #}\\ one" }
server c { address: 10.0.0.1 username: carol password: pa#ss,{:x }
server d { address: 10.0.0.1 username: dave password.file: pw }
route { to: 0/0 via: a, socks4a://eve@10.0.0.2, socks5h://[2001:db8::1]:99, 10.0.0.3:1088 }
)";
  auto config = machine.Load({"/etc/app/socks.conf", {}});
  ASSERT_TRUE(config.has_value()) << FakeMachine::Join(config);
  const auto servers = config->routes.servers();
  ASSERT_EQ(servers.size(), 7u);
  EXPECT_EQ(servers[0]->address.ToString(), "proxy.example:1081");
  EXPECT_EQ(servers[0]->username, "alice");
  EXPECT_EQ(servers[0]->password, "p@ss");
  EXPECT_EQ(servers[1]->username, "bob smith");
  EXPECT_EQ(servers[1]->password, "a \"quoted\" #}\\ one");
  EXPECT_EQ(servers[2]->password, "pa#ss,{:x");
  EXPECT_EQ(servers[3]->password, "from file");
  EXPECT_EQ(servers[4]->protocols, kServerSocks4a);
  EXPECT_EQ(servers[4]->username, "eve");
  EXPECT_EQ(servers[4]->address.ToString(), "10.0.0.2:1080");
  EXPECT_EQ(servers[5]->address.ToString(), "[2001:db8::1]:99");
  EXPECT_EQ(servers[6]->address.ToString(), "10.0.0.3:1088");
}

TEST(ConfigParserTest, LimitsCredentials) {
  FakeMachine machine;
  const std::string longest(255, 'x');
  MustLoad(&machine, "server a { address: h.test username: " + longest + " password: " + longest + " }\n");
  const std::string errors = machine.ErrorsOf("server a { address: h.test\nusername: x" + longest +
                                              "\npassword: x" + longest + "\n}\n");
  EXPECT_THAT(errors, HasSubstr("expected a user name of 1 to 255 bytes, found 256\n"));
  EXPECT_THAT(errors, HasSubstr("expected a password of at most 255 bytes, found 256\n  password:***\n"));
}

TEST(ConfigParserTest, LimitsTargets) {
  FakeMachine machine;
  std::string list = "direct";
  for (int i = 1; i < 64; ++i) list += ", direct";
  MustLoad(&machine, "route { to: 0/0 via: " + list + " }\n");
  EXPECT_THAT(machine.ErrorsOf("route { to: 0/0 via: " + list + " fallback: block }\n"),
              HasSubstr("expected at most 64 targets in 'via' and 'fallback' together, found 65\n"));
}

TEST(ConfigParserTest, WarnsOfRepeatedSettingsAndUnreachableRoutes) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "debug: 1\ndebug: 2\n"
                                 "route { from: 0.0.0.0/0 to: .example.org via: direct }\n"
                                 "route { from: 0.0.0.0/0 to: www.example.org port = 80 via: block }\n"
                                 "route { from: 0.0.0.0/0 to: 0/0 via: block }\n"
                                 "route { to: 10.0.0.0/8 via: direct }\n");
  EXPECT_EQ(config.settings.debug, 2);
  EXPECT_EQ(
      FakeMachine::Join(config.warnings),
      "test.conf:2:1: warning: 'debug' is given again; the last one counts\n  debug: 2\n  ^\n"
      "test.conf:4:1: warning: this route is never reached: test.conf:3 matches everything that it does\n"
      "  route { from: 0.0.0.0/0 to: www.example.org port = 80 via: block }\n  ^\n"
      "  put the more special route first, or remove this one\n");
}

TEST(ConfigParserTest, WarnsOfRoutesThatMatchNothing) {
  FakeMachine machine;
  const Config config =
      MustLoad(&machine, "route { to: 0/0 via: 10.0.0.1 proxyprotocol: socks_v4 protocol: udp }\n");
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_EQ(config.warnings[0].message, "this route matches nothing: its servers cannot do its commands");
}

TEST(ConfigParserTest, ReadsFakeFamilies) {
  FakeMachine machine;
  const std::string route = "route { to: 0/0 via: direct }\n";
  EXPECT_EQ(MustLoad(&machine, route).settings.fake_family, FakeFamily::kIpv4);
  EXPECT_EQ(MustLoad(&machine, "fakefamily: ipv4\n" + route).settings.fake_family, FakeFamily::kIpv4);
  EXPECT_EQ(MustLoad(&machine, "fakefamily: ipv6\n" + route).settings.fake_family, FakeFamily::kIpv6);
  EXPECT_EQ(MustLoad(&machine, "fakefamily: both\n" + route).settings.fake_family, FakeFamily::kBoth);
}

TEST(ConfigParserTest, ReadsFakeRanges) {
  FakeMachine machine;
  const Config standard = MustLoad(&machine, "route { to: 0/0 via: direct }\n");
  EXPECT_EQ(standard.settings.fake_v6.ToString(), "2001:2::");
  const Config config =
      MustLoad(&machine, "fakerange: 240.0.0.0/8 fd00:1::/64\nroute { to: 0/0 via: direct }\n");
  EXPECT_EQ(config.settings.fake_v4.ToString(), "240.0.0.0");
  EXPECT_EQ(config.settings.fake_v4_bits, 8u);
  EXPECT_EQ(config.settings.fake_v6.ToString(), "fd00:1::");
  EXPECT_EQ(config.settings.fake_v6_bits, 64u);
}

TEST(ConfigParserTest, LeavesAZeroTimeoutToTheSystem) {
  FakeMachine machine;
  const Config config = MustLoad(&machine, "timeout.connect: 0\nroute { to: 0/0 via: direct }\n");
  EXPECT_EQ(config.settings.connect_timeout_ms, 3'600'000u);
}

TEST(ConfigParserTest, ReadsHowToSendTheHandshake) {
  FakeMachine machine;
  const auto config = machine.LoadText(
      "server a { address: 10.0.0.1 }\n"
      "server b { address: 10.0.0.2 handshake: strict }\n"
      "server c { handshake: pipelined address: socks5://10.0.0.3 }\n"
      "server d { address: http://10.0.0.4 handshake: strict }\n"
      "route { to: 0/0 via: a, b, c, d }\n");
  ASSERT_TRUE(config) << FakeMachine::Join(config);
  const auto& servers = config->routes.servers();
  EXPECT_EQ(servers[0]->handshake, HandshakeMode::kAuto);
  EXPECT_EQ(servers[1]->handshake, HandshakeMode::kStrict);
  EXPECT_EQ(servers[2]->handshake, HandshakeMode::kPipelined);
  EXPECT_EQ(servers[3]->handshake, HandshakeMode::kStrict);
}

}  // namespace
}  // namespace socksify
