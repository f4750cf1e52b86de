// SPDX-License-Identifier: BSD-2-Clause
// How an Explanation is shown. What goes into it is decided by the configuration: see socksctl_test.cc.
#include "tools/explanation.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <nlohmann/json.hpp>

namespace socksify {
namespace {

HopReport Hop(const std::string& protocol, const std::string& address, const std::string& name = "",
              const std::string& unusable = "") {
  return {
      .name = name, .address = address, .protocols = {protocol}, .where = "a.conf:1", .unusable = unusable};
}

PathReport Path(std::vector<HopReport> hops) {
  return {.kind = Target::Kind::kProxies, .hops = std::move(hops)};
}

PathReport Path(Target::Kind kind, bool is_fallback = false) {
  return {.kind = kind, .is_fallback = is_fallback, .hops = {}};
}

Explanation Proxied() {
  Explanation explanation;
  explanation.destination = "web.test:80";
  explanation.process = "curl";
  explanation.verdict = Verdict::kProxy;
  explanation.has_rule = true;
  explanation.where = {.source = std::make_shared<const std::string>("a.conf"), .line = 12, .column = 1};
  explanation.rule_text = "  route {\n    via: a then b\n  }";
  explanation.balance = Balance::kHash;
  explanation.paths = {
      Path({Hop("socks5", "10.0.0.1:1080"), Hop("http", "10.0.0.2:3128", "b")}),
      Path({Hop("upnp", "10.0.0.3:1", "", "upnp is not supported yet")}),
      Path(Target::Kind::kDirect, true),
  };
  explanation.paths[0].hops[0].protocols.emplace_back("socks4a");
  explanation.resolution = Resolution::kFake;
  return explanation;
}

TEST(ExplanationTest, ShowsPathsAligned) {
  EXPECT_EQ(ToText(Proxied()),
            "web.test:80/tcp from curl goes through a proxy\n"
            "  decided by  a.conf:12\n"
            "              route {\n"
            "                via: a then b\n"
            "              }\n"
            "  path 1      socks5|socks4a 10.0.0.1:1080 -> http 10.0.0.2:3128 (b)\n"
            "  path 2      upnp 10.0.0.3:1\n"
            "              unusable: upnp is not supported yet\n"
            "  fallback    direct\n"
            "  balance     hash\n"
            "  name        a fake address for the program, the name itself for the proxy\n");
}

TEST(ExplanationTest, ShowsWhyNothingComesOfIt) {
  Explanation explanation;
  explanation.destination = "10.0.0.1:53";
  explanation.transport = Transport::kUdp;
  explanation.verdict = Verdict::kNoRoute;
  explanation.error = ENETUNREACH;
  explanation.reason = "no route matches";
  EXPECT_EQ(ToText(explanation),
            "10.0.0.1:53/udp is refused: no route matches (ENETUNREACH)\n"
            "  name        an address; there is nothing to resolve\n");
}

TEST(ExplanationTest, ShowsLocalNames) {
  Explanation explanation;
  explanation.destination = "web.test:80";
  explanation.verdict = Verdict::kDirect;
  explanation.paths = {Path(Target::Kind::kDirect)};
  explanation.resolution = Resolution::kHosts;
  explanation.addresses = {IpAddress::V4(0x0a000001), *IpAddress::Parse("::1")};
  EXPECT_EQ(ToText(explanation),
            "web.test:80/tcp goes direct\n"
            "  path        direct\n"
            "  name        of this machine: 10.0.0.1, ::1; the route is that of the address\n");
}

Explanation NameServer(const std::string& address) {
  Explanation server;
  server.destination = address;
  server.where = {.source = std::make_shared<const std::string>("a.conf"), .line = 4, .column = 1};
  server.has_rule = true;
  return server;
}

Explanation ResolvedByTcp() {
  Explanation explanation;
  explanation.destination = "web.test:80";
  explanation.verdict = Verdict::kDirect;
  explanation.paths = {Path(Target::Kind::kDirect)};
  explanation.resolution = Resolution::kTcp;
  explanation.resolve_where = "a.conf:3";
  Explanation proxied = NameServer("10.0.0.53:53");
  proxied.verdict = Verdict::kProxy;
  proxied.paths = {Path({Hop("upnp", "10.0.0.3:1", "", "upnp is not supported")}),
                   Path({Hop("socks5", "10.0.0.1:1080")})};
  Explanation direct = NameServer("10.0.0.54:53");
  direct.verdict = Verdict::kDirect;
  direct.paths = {Path(Target::Kind::kDirect)};
  Explanation blocked = NameServer("[2001:db8::1]:53");
  blocked.verdict = Verdict::kBlock;
  blocked.error = EACCES;
  blocked.reason = "the route says block";
  blocked.paths = {Path(Target::Kind::kBlock)};
  explanation.name_servers = {proxied, direct, blocked};
  return explanation;
}

TEST(ExplanationTest, ShowsTheWayToTheNameServers) {
  EXPECT_EQ(ToText(ResolvedByTcp()),
            "web.test:80/tcp goes direct\n"
            "  path        direct\n"
            "  name        resolved by DNS over TCP; the route of its address decides in the end\n"
            "              because a.conf:3 says resolve: tcp\n"
            "  nameserver  10.0.0.53:53 through socks5 10.0.0.1:1080 (a.conf:4)\n"
            "  nameserver  10.0.0.54:53 directly (a.conf:4)\n"
            "  nameserver  [2001:db8::1]:53 cannot be asked: the route says block (EACCES)\n");
  Explanation udp = ResolvedByTcp();
  udp.resolution = Resolution::kUdp;
  udp.resolve_where = "";
  udp.name_servers.clear();
  EXPECT_EQ(ToText(udp),
            "web.test:80/tcp goes direct\n"
            "  path        direct\n"
            "  name        resolved by DNS over UDP; the route of its address decides in the end\n"
            "  nameserver  those of /etc/resolv.conf, each by its own route\n");
}

TEST(ExplanationTest, WritesNameServersAsJson) {
  const nlohmann::json object = nlohmann::json::parse(ToJson(ResolvedByTcp()));
  EXPECT_EQ(object["resolution"], "tcp");
  EXPECT_EQ(object["resolve_rule"], "a.conf:3");
  ASSERT_EQ(object["name_servers"].size(), 3U);
  EXPECT_EQ(
      object["name_servers"][1].dump(),
      R"({"address":"10.0.0.54:53","errno":null,"paths":[{"chain":null,"fallback":false,"hops":[],"kind":"direct",)"
      R"("length":null,"usable":true,"weight":1}],"reason":null,"rule":"a.conf:4","verdict":"direct"})");
  EXPECT_EQ(object["name_servers"][2]["errno"], "EACCES");
}

TEST(ExplanationTest, WritesJsonWithFixedKeys) {
  EXPECT_EQ(
      ToJson(Proxied()),
      R"({"destination":"web.test:80","transport":"tcp","process":"curl","user":null,"verdict":"proxy","errno":null,)"
      R"("reason":null,"rule":{"where":"a.conf:12","file":"a.conf","line":12,)"
      R"("text":"  route {\n    via: a then b\n  }","balance":"hash"},"paths":[)"
      R"({"kind":"proxy","fallback":false,"usable":true,"weight":1,"chain":"strict","length":null,"hops":[)"
      R"({"server":null,"address":"10.0.0.1:1080","protocols":["socks5","socks4a"],"where":"a.conf:1","unusable":null},)"
      R"({"server":"b","address":"10.0.0.2:3128","protocols":["http"],"where":"a.conf:1","unusable":null}]},)"
      R"({"kind":"proxy","fallback":false,"usable":false,"weight":1,"chain":null,"length":null,"hops":[)"
      R"({"server":null,"address":"10.0.0.3:1","protocols":["upnp"],"where":"a.conf:1",)"
      R"("unusable":"upnp is not supported yet"}]},)"
      R"({"kind":"direct","fallback":true,"usable":true,"weight":1,"chain":null,"length":null,"hops":[]}],"resolution":"fake","resolve_rule":null,)"
      R"("name_servers":[],"addresses":[]})"
      "\n");
}

TEST(ExplanationTest, ShowsChainsAndWeights) {
  Explanation explanation = Proxied();
  explanation.paths[0].chain = Chain::kDynamic;
  explanation.paths[0].weight = 3;
  explanation.paths[1] = explanation.paths[0];
  explanation.paths[1].chain = Chain::kRandom;
  explanation.paths[1].chain_length = 2;
  explanation.paths[1].weight = 1;
  explanation.paths[2] = explanation.paths[1];
  explanation.paths[2].is_fallback = true;
  explanation.paths[2].chain = Chain::kRoundRobin;
  explanation.paths[2].chain_length = 1;
  explanation.rule_text.clear();
  EXPECT_EQ(ToText(explanation),
            "web.test:80/tcp from curl goes through a proxy\n"
            "  decided by  a.conf:12\n"
            "  path 1      socks5|socks4a 10.0.0.1:1080 -> http 10.0.0.2:3128 (b)\n"
            "              dynamic chain, weight 3\n"
            "  path 2      socks5|socks4a 10.0.0.1:1080 -> http 10.0.0.2:3128 (b)\n"
            "              random chain of 2 servers, weight 1\n"
            "  fallback    socks5|socks4a 10.0.0.1:1080 -> http 10.0.0.2:3128 (b)\n"
            "              roundrobin chain of 1 server\n"
            "  balance     hash\n"
            "  name        a fake address for the program, the name itself for the proxy\n");
  const nlohmann::json paths = nlohmann::json::parse(ToJson(explanation))["paths"];
  EXPECT_EQ(paths[0]["chain"], "dynamic");
  EXPECT_EQ(paths[0]["length"], nullptr);
  EXPECT_EQ(paths[0]["weight"], 3);
  EXPECT_EQ(paths[1]["chain"], "random");
  EXPECT_EQ(paths[1]["length"], 2);
  EXPECT_EQ(paths[2]["chain"], "roundrobin");
}

TEST(ExplanationTest, KnowsHowManyServersAChainNeeds) {
  PathReport path = Path({Hop("socks5", "10.0.0.1:1080"), Hop("upnp", "10.0.0.3:1", "", "upnp"),
                          Hop("socks5", "10.0.0.2:1080")});
  EXPECT_FALSE(path.IsUsable());
  path.chain = Chain::kDynamic;
  EXPECT_TRUE(path.IsUsable());
  for (const Chain chain : {Chain::kRandom, Chain::kRoundRobin}) {
    path.chain = chain;
    path.chain_length = 2;
    EXPECT_TRUE(path.IsUsable());
    path.chain_length = 3;
    EXPECT_FALSE(path.IsUsable());
  }
  path.hops = {path.hops[1]};
  path.chain = Chain::kDynamic;
  EXPECT_FALSE(path.IsUsable());
}

TEST(ExplanationTest, WritesJsonForBytesThatAreNotUtf8) {
  Explanation explanation = Proxied();
  explanation.rule_text = "\xff";
  const nlohmann::json object = nlohmann::json::parse(ToJson(explanation));
  EXPECT_EQ(object["rule"]["text"], "\xef\xbf\xbd");
}

}  // namespace
}  // namespace socksify
