// SPDX-License-Identifier: BSD-2-Clause
// What good configurations mean: whole texts, settings and warnings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/routing/config_fixture.h"

namespace socksify {
namespace {

using testing::ElementsAre;

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

}  // namespace
}  // namespace socksify
