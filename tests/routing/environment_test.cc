// SPDX-License-Identifier: BSD-2-Clause
// Where a configuration comes from, and what the environment adds to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

using testing::ElementsAre;

constexpr char kDirect[] = "route { to: 0/0 via: direct }\n";

Config MustLoad(FakeMachine* machine, const ConfigSources& sources = {}) {
  auto config = machine->Load(sources);
  EXPECT_TRUE(config.has_value()) << FakeMachine::Join(config);
  return config ? std::move(*config) : Config{};
}

std::string ErrorsOf(FakeMachine* machine, const ConfigSources& sources = {}) {
  return FakeMachine::Join(machine->Load(sources));
}

// The last rule: implied ones come first.
const Rule& LastRule(const Config& config) {
  return config.routes.rules().back();
}

TEST(ConfigSourcesTest, PrefersTheMoreExplicitSource) {
  FakeMachine machine;
  for (const char* file : {"given.conf", "conf.conf", "/xdg/socksify/socks.conf",
                           "/home/u/.config/socksify/socks.conf", "/etc/socks.conf"}) {
    machine.files[file] = kDirect;
  }
  EXPECT_EQ(MustLoad(&machine).origin, "/etc/socks.conf");
  machine.variables["HOME"] = "/home/u";
  EXPECT_EQ(MustLoad(&machine).origin, "/home/u/.config/socksify/socks.conf");
  machine.variables["XDG_CONFIG_HOME"] = "/xdg";
  EXPECT_EQ(MustLoad(&machine).origin, "/xdg/socksify/socks.conf");
  machine.variables["SOCKS_SERVER"] = "10.0.0.1:1080";
  EXPECT_EQ(MustLoad(&machine).origin, "SOCKS_SERVER");
  machine.variables["SOCKS_CONF"] = "conf.conf";
  EXPECT_EQ(MustLoad(&machine).origin, "conf.conf");
  EXPECT_EQ(MustLoad(&machine, {"given.conf", {}}).origin, "given.conf");
  EXPECT_EQ(MustLoad(&machine, {{}, {"10.0.0.9"}}).origin, "-p");
}

TEST(ConfigSourcesTest, NamesEveryPlaceWhenThereIsNothing) {
  FakeMachine machine;
  machine.variables["HOME"] = "/home/u";
  EXPECT_EQ(ErrorsOf(&machine),
            "socksify: no configuration found: no -f, no -p, SOCKS_CONF and SOCKS5_SERVER are not set, and "
            "there is "
            "no /home/u/.config/socksify/socks.conf, /etc/socks.conf\n"
            "  name a file with -f FILE, or a proxy with -p socks5://HOST:PORT\n");
  machine.variables.clear();
  EXPECT_EQ(ErrorsOf(&machine),
            "socksify: no configuration found: no -f, no -p, SOCKS_CONF and SOCKS5_SERVER are not set, and "
            "there is "
            "no /etc/socks.conf\n"
            "  name a file with -f FILE, or a proxy with -p socks5://HOST:PORT\n");
}

TEST(ConfigSourcesTest, SaysWhyAFileCannotBeRead) {
  FakeMachine machine;
  machine.file_errors["/etc/socks.conf"] = EACCES;
  EXPECT_EQ(ErrorsOf(&machine),
            "/etc/socks.conf: cannot read the configuration file: permission denied (EACCES)\n");
  EXPECT_EQ(ErrorsOf(&machine, {"gone.conf", {}}),
            "gone.conf: cannot read the configuration file: there is no such file (ENOENT)\n");
  machine.file_errors["/d"] = EISDIR;
  EXPECT_EQ(ErrorsOf(&machine, {"/d", {}}),
            "/d: cannot read the configuration file: it is a directory (EISDIR)\n");
  machine.files["big"] = std::string((size_t{64} << 20) + 1, '\n');
  EXPECT_EQ(ErrorsOf(&machine, {"big", {}}),
            "big: cannot read the configuration file: it is larger than 64 MiB (EFBIG)\n");
}

TEST(ConfigSourcesTest, WarnsOfVariablesThatAreNotUsed) {
  FakeMachine machine;
  machine.files["a.conf"] = kDirect;
  machine.variables["SOCKS5_SERVER"] = "10.0.0.1:1080";
  const Config config = MustLoad(&machine, {"a.conf", {}});
  EXPECT_EQ(FakeMachine::Join(config.warnings),
            "SOCKS5_SERVER: warning: this variable is not used, because a.conf is read\n");
}

TEST(ConfigSourcesTest, WarnsOfAFileWithoutRoutes) {
  FakeMachine machine;
  machine.files["a.conf"] = "";
  const Config config = MustLoad(&machine, {"a.conf", {}});
  EXPECT_EQ(FakeMachine::Join(config.warnings),
            "a.conf: warning: there is no route: every connection but those to this machine will fail\n"
            "  add a route: route { from: 0/0 to: 0/0 via: SERVER }\n");
}

TEST(ConfigSourcesTest, MakesChainsAndFallbacksOfProxies) {
  FakeMachine machine;
  const Config config =
      MustLoad(&machine, {{}, {"socks5://a.test:1,http://b.test", "c.test:3", "socks4://10.0.0.4"}});
  const Rule& rule = LastRule(config);
  EXPECT_EQ(rule.where.ToString(), "-p");
  EXPECT_TRUE(rule.to.empty());
  ASSERT_EQ(rule.group.size(), 1u);
  ASSERT_EQ(rule.group[0].hops.size(), 2u);
  EXPECT_EQ(rule.group[0].hops[0]->address.ToString(), "a.test:1");
  EXPECT_EQ(rule.group[0].hops[1]->address.ToString(), "b.test:8080");
  ASSERT_EQ(rule.fallback.size(), 2u);
  EXPECT_EQ(rule.fallback[0].hops[0]->address.ToString(), "c.test:3");
  EXPECT_EQ(rule.fallback[0].hops[0]->protocols, kServerSocks5);
  EXPECT_EQ(rule.fallback[1].hops[0]->protocols, kServerSocks4);
  EXPECT_EQ(config.routes.servers().size(), 4u);
}

TEST(ConfigSourcesTest, AddsProxiesBehindTheRulesOfAFile) {
  FakeMachine machine;
  machine.files["a.conf"] = "route { to: 10.0.0.0/8 via: direct }\n";
  const Config config = MustLoad(&machine, {"a.conf", {"c.test:3"}});
  const auto rules = config.routes.rules();
  EXPECT_EQ(rules[rules.size() - 2].where.ToString(), "a.conf:1");
  EXPECT_EQ(rules.back().where.ToString(), "-p");
}

TEST(ConfigSourcesTest, HidesPasswordsOfProxies) {
  FakeMachine machine;
  EXPECT_EQ(ErrorsOf(&machine, {{}, {"socks5://u:geheim@h.test:99999"}}),
            "-p: expected a port number from 1 to 65535, found '99999'\n  socks5://***\n");
  EXPECT_EQ(ErrorsOf(&machine, {{}, {"socks5://u:ge,heim@h.test"}}),
            "-p: expected URL[,URL...], found a comma in a user name or password\n  socks5://***\n  write a "
            "comma in them as %2C\n");
}

TEST(EnvironmentTest, MakesOneRouteOfAllServers) {
  FakeMachine machine;
  machine.variables = {{"SOCKS4_SERVER", "10.0.0.4:1080"},
                       {"SOCKS5_SERVER", "socks.test:1085"},
                       {"SOCKS_SERVER", "10.0.0.3:1083"},
                       {"HTTP_CONNECT_PROXY", "http://10.0.0.8:3128/"},
                       {"UPNP_IGD", "broadcast"}};
  const Config config = MustLoad(&machine);
  const Rule& rule = LastRule(config);
  EXPECT_EQ(rule.where.ToString(), "SOCKS5_SERVER");
  EXPECT_EQ(rule.group[0].hops[0]->address.ToString(), "socks.test:1085");
  EXPECT_EQ(rule.group[0].hops[0]->protocols, kServerSocks5);
  ASSERT_EQ(rule.fallback.size(), 4u);
  EXPECT_EQ(rule.fallback[0].hops[0]->protocols, kServerSocks5 | kServerSocks4a);
  EXPECT_EQ(rule.fallback[1].hops[0]->protocols, kServerSocks4a);
  EXPECT_EQ(rule.fallback[2].hops[0]->address.ToString(), "10.0.0.8:3128");
  EXPECT_EQ(rule.fallback[2].hops[0]->protocols, kServerHttp);
  EXPECT_EQ(rule.fallback[3].hops[0]->protocols, kServerUpnp);
}

TEST(EnvironmentTest, ReadsRoutesUpToTheFirstGap) {
  FakeMachine machine;
  machine.variables = {
      {"SOCKS_ROUTE_1", "from: 0.0.0.0/0 to: 10.0.0.0/8 via: direct"},
      {"SOCKS_ROUTE_2", ""},
      {"SOCKS_ROUTE_3", "from: 0/0 to: 0/0 via: 10.1.1.1 port = 1080 proxyprotocol: socks_v5"},
      {"SOCKS_ROUTE_5", "from: 0/0 to: 0/0 via: block"}};
  const Config config = MustLoad(&machine);
  const auto rules = config.routes.rules();
  ASSERT_GE(rules.size(), 2u);
  EXPECT_EQ(rules[rules.size() - 2].where.ToString(), "SOCKS_ROUTE_1");
  EXPECT_EQ(rules.back().where.ToString(), "SOCKS_ROUTE_3");
  machine.variables["SOCKS_ROUTE_1"] = "from: 0/0 via: direct }";
  EXPECT_EQ(ErrorsOf(&machine), "SOCKS_ROUTE_1: expected a keyword, found '}'\n  from: 0/0 via: direct }\n");
}

TEST(EnvironmentTest, FillsInCredentials) {
  FakeMachine machine;
  machine.files["a.conf"] =
      "server a { address: a.test }\n"
      "server b { address: b.test username: bob }\n"
      "server c { address: c.test username: carol password: own }\n"
      "server d { address: d.test username: envuser }\n";
  machine.variables = {{"SOCKS5_USER", "envuser"}, {"SOCKS_PASSWD", "envpass"}};
  const Config config = MustLoad(&machine, {"a.conf", {}});
  const auto servers = config.routes.servers();
  EXPECT_EQ(servers[0]->username, "envuser");
  EXPECT_EQ(servers[0]->password, "envpass");
  EXPECT_EQ(servers[1]->username, "bob");
  EXPECT_FALSE(servers[1]->has_password) << "the password belongs to somebody else";
  EXPECT_EQ(servers[2]->password, "own");
  EXPECT_EQ(servers[3]->password, "envpass");
  machine.variables["SOCKS_USERNAME"] = "first";
  EXPECT_EQ(MustLoad(&machine, {"a.conf", {}}).routes.servers()[0]->username, "first");
  machine.variables["SOCKS_PASSWORD"] = std::string(256, 'x');
  EXPECT_EQ(ErrorsOf(&machine, {"a.conf", {}}), "SOCKS_PASSWORD: expected at most 255 bytes, found 256\n");
}

TEST(EnvironmentTest, OverridesSettings) {
  FakeMachine machine;
  machine.files["a.conf"] =
      "logoutput: stdout\nautoroute: none\nresolveprotocol: local\nroute { to: 0/0 via: block }\n";
  machine.variables = {{"SOCKS_LOGOUTPUT", " stderr  /tmp/x "},
                       {"SOCKS_ERRLOGOUTPUT", "syslog"},
                       {"SOCKS_DEBUG", "2"},
                       {"SOCKS_AUTOADD_LANROUTES", "yes"},
                       {"SOCKS_DIRECTROUTE_FALLBACK", "yes"},
                       {"SOCKS_BINDLOCALONLY", "1"},
                       {"SOCKS5_FAKEALLHOSTS", "yes"}};
  machine.interface_addresses = {{"eth0", IpAddress::V4(0xc0a80105), 24}};
  const Config config = MustLoad(&machine, {"a.conf", {}});
  EXPECT_THAT(config.settings.log_outputs, ElementsAre("stderr", "/tmp/x"));
  EXPECT_THAT(config.settings.error_outputs, ElementsAre("syslog"));
  EXPECT_EQ(config.settings.debug, 2);
  EXPECT_EQ(config.settings.auto_route, AutoRoute::kLan);
  EXPECT_TRUE(config.settings.direct_fallback);
  EXPECT_TRUE(config.settings.bind_local_only);
  EXPECT_EQ(config.settings.resolve_protocol, ResolveProtocol::kFake);
  const Endpoint neighbour = *Endpoint::FromHost("192.168.1.77", 80);
  EXPECT_EQ(config.routes.Decide({neighbour})->where.ToString(), "autoroute");
  EXPECT_EQ(LastRule(config).where.ToString(), "SOCKS_DIRECTROUTE_FALLBACK");
  EXPECT_TRUE(LastRule(config).IsPurelyDirect());
}

TEST(EnvironmentTest, SaysWhatItCannotDo) {
  FakeMachine machine;
  machine.files["a.conf"] = kDirect;
  machine.variables = {{"SOCKS_REDIRECT_FROM", "10.0.0.1"},
                       {"SOCKS_DEBUG", "much"},
                       {"SOCKS_BINDLOCALONLY", "maybe"},
                       {"SOCKS5_LOCALDNSONLY", "yes"},
                       {"SOCKS5_FAKEALLHOSTS", "yes"}};
  EXPECT_EQ(ErrorsOf(&machine, {"a.conf", {}}),
            "SOCKS_DEBUG: expected a number from 0 to 1000000, found 'much'\n"
            "SOCKS_BINDLOCALONLY: expected yes or no, found 'maybe'\n"
            "SOCKS5_LOCALDNSONLY: expected one of SOCKS5_LOCALDNSONLY and SOCKS5_FAKEALLHOSTS, found both\n"
            "  unset one of them\n"
            "SOCKS_REDIRECT_FROM: redirection is not supported by this version\n"
            "  unset it\n");
}

TEST(EnvironmentTest, NamesNameServers) {
  FakeMachine machine;
  machine.files["a.conf"] = kDirect;
  machine.variables = {{"SOCKS_NS", " 10.0.0.1, 10.0.0.2:5353\t2001:db8::1,[2001:db8::2]:54 "}};
  const Config config = MustLoad(&machine, {"a.conf", {}});
  std::string servers;
  for (const Endpoint& server : config.settings.name_servers) servers += server.ToString() + " ";
  EXPECT_EQ(servers, "10.0.0.1:53 10.0.0.2:5353 [2001:db8::1]:53 [2001:db8::2]:54 ");
  EXPECT_EQ(FakeMachine::Join(config.warnings), "");

  machine.variables = {{"SOCKS_NS", "ns.test 10.0.0.1 10.0.0.1:x"}};
  EXPECT_EQ(ErrorsOf(&machine, {"a.conf", {}}),
            "SOCKS_NS: expected the IP address of a name server, found 'ns.test'\n"
            "  write its address: there is nobody to ask for its name\n"
            "SOCKS_NS: expected a port number from 1 to 65535, found 'x'\n");
}

TEST(EnvironmentTest, ANameServerOfTheFileComesFirst) {
  FakeMachine machine;
  machine.files["a.conf"] = std::string(kDirect) + "nameserver: 10.0.0.53\n";
  machine.variables = {{"SOCKS_NS", "10.0.0.1"}};
  const Config config = MustLoad(&machine, {"a.conf", {}});
  ASSERT_EQ(config.settings.name_servers.size(), 1u);
  EXPECT_EQ(config.settings.name_servers[0].ToString(), "10.0.0.53:53");
  EXPECT_EQ(FakeMachine::Join(config.warnings),
            "SOCKS_NS: warning: this variable is not used, because the configuration has 'nameserver'\n");
}

TEST(EnvironmentTest, WarnsOfANameServerThatNoRouteReaches) {
  FakeMachine machine;
  machine.files["a.conf"] = "resolveprotocol: tcp\nroute { to: 10.0.0.0/8 via: 10.0.0.1 }\n";
  machine.variables = {{"SOCKS_NS", "10.0.0.53 192.0.2.1"}};
  EXPECT_EQ(FakeMachine::Join(MustLoad(&machine, {"a.conf", {}}).warnings),
            "SOCKS_NS: warning: 192.0.2.1:53 cannot be asked by tcp: no route matches\n"
            "  add a route to it: route { from: 0/0 to: 192.0.2.1 via: SERVER }\n");
}

// How the names of a direct route, of a proxied one, of one with a `resolve:`, and of no route are resolved.
std::string WaysToResolve(FakeMachine* machine) {
  const Config config = MustLoad(machine, {"a.conf", {}});
  std::string ways;
  for (const char* name : {"x.lan", "x.proxied", "x.tcp", "x.none"}) {
    ways += ResolveProtocolName(
        config.routes.HowToResolve(name, "", kNobody, config.settings.resolve_protocol).protocol);
    ways += ' ';
  }
  return ways;
}

TEST(EnvironmentTest, SaysHowEveryNameIsResolved) {
  FakeMachine machine;
  machine.files["a.conf"] =
      "resolveprotocol: local-then-fake\n"
      "nameserver: 10.0.0.53\n"
      "route { to: .lan via: direct }\n"
      "route { to: .proxied via: 10.0.0.1 }\n"
      "route { to: .tcp via: direct resolve: tcp }\n"
      "route { to: 10.0.0.0/8 via: direct }\n";
  EXPECT_EQ(WaysToResolve(&machine), "local local-then-fake tcp local-then-fake ");
  machine.variables = {{"SOCKS5_FAKEALLHOSTS", "1"}};
  EXPECT_EQ(WaysToResolve(&machine), "fake fake fake fake ");
  machine.variables = {{"SOCKS5_LOCALDNSONLY", "1"}};
  EXPECT_EQ(WaysToResolve(&machine), "local local local local ");
  machine.variables = {{"SOCKS5_LOCALDNSONLY", "0"}, {"SOCKS5_FAKEALLHOSTS", "no"}};
  EXPECT_EQ(WaysToResolve(&machine), "local local-then-fake tcp local-then-fake ");
  machine.variables = {{"SOCKS5_LOCALDNSONLY", "never"}, {"SOCKS5_FAKEALLHOSTS", "all"}};
  EXPECT_EQ(ErrorsOf(&machine, {"a.conf", {}}),
            "SOCKS5_FAKEALLHOSTS: expected yes or no, found 'all'\n"
            "SOCKS5_LOCALDNSONLY: expected yes or no, found 'never'\n");
}

TEST(EnvironmentTest, GoesDirectWithoutAConfigurationWhenAskedTo) {
  FakeMachine machine;
  machine.variables["SOCKS_DIRECTROUTE_FALLBACK"] = "yes";
  const Config config = MustLoad(&machine);
  EXPECT_EQ(config.origin, "SOCKS_DIRECTROUTE_FALLBACK");
  EXPECT_TRUE(LastRule(config).IsPurelyDirect());
}

}  // namespace
}  // namespace socksify
