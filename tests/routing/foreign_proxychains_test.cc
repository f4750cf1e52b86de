// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include "routing/foreign_config.h"
#include "tests/routing/fake_machine.h"
#include "tests/routing/foreign_text.h"

namespace socksify {
namespace {

constexpr char kOneProxy[] = "[ProxyList]\nsocks5 10.0.0.1 1080\n";

// What is written in any case, but for the resolving.
constexpr char kUdpRoutes[] =
    "0| route { to: 127.0.0.0/8  protocol: udp  via: direct }\n"
    "0| route { to: ::1  protocol: udp  via: direct }\n";

ForeignConfig Translate(const std::string& text) {
  ForeignConfig config = TranslateProxychains(text, {});
  if (config.errors.empty()) {
    FakeMachine machine;
    EXPECT_EQ(machine.ErrorsOf(OwnText(config)), "");
  }
  return config;
}

std::string Translated(const std::string& text) {
  return TextOf(Translate(text));
}

// The lines that come from `first` to `last` alone, and warnings.
std::string Translated(const std::string& text, unsigned first, unsigned last) {
  ForeignConfig config = Translate(text);
  std::erase_if(config.lines, [=](const auto& line) { return line.from < first || line.from > last; });
  return TextOf(config);
}

std::string ErrorOf(const std::string& text) {
  return ErrorsOf(TranslateProxychains(text, {}));
}

TEST(ProxychainsTest, TranslatesTheUsualFile) {
  EXPECT_EQ(Translated("strict_chain\n"
                       "quiet_mode\n"
                       "proxy_dns\n"
                       "remote_dns_subnet 224\n"
                       "tcp_read_time_out 15000\n"
                       "tcp_connect_time_out 8001\n"
                       "  # a comment\n"
                       "[ProxyList]\n"
                       "# meanwhile\n"
                       "socks4 \t127.0.0.1 9050\r\n"),
            "0| autoroute: none\n"
            "3| resolveprotocol: fake\n"
            "4| fakerange: 224.0.0.0/8\n"
            "6| timeout.connect: 9\n"
            "5| timeout.negotiate: 15\n"
            "10| server proxy1 { address: socks4a://127.0.0.1:9050 }\n"
            "0| route { to: 127.0.0.0/8  protocol: udp  via: direct }\n"
            "0| route { to: ::1  protocol: udp  via: direct }\n"
            "1| route { to: 0/0  via: proxy1 }\n");
}

TEST(ProxychainsTest, MakesAStrictChain) {
  EXPECT_EQ(Translated("strict_chain\n[ProxyList]\n"
                       "socks5 192.168.67.78 1080 lamer secret\n"
                       "http 2001:db8::3 8080 justu hidden\n"
                       "socks4 inner 1080 justuser\n"),
            std::string("0| autoroute: none\n"
                        "0| resolveprotocol: local\n"
                        "3| server proxy1 { address: socks5://lamer:secret@192.168.67.78:1080 }\n"
                        "4| server proxy2 { address: http://justu:hidden@[2001:db8::3]:8080 }\n"
                        "5| server proxy3 { address: socks4a://justuser@inner:1080 }\n") +
                kUdpRoutes + "1| route { to: 0/0  via: proxy1 then proxy2 then proxy3 }\n");
}

// The options of chains, from line `line` on, of a list of `count` proxies.
std::string ChainOf(const std::string& settings, unsigned count) {
  std::string text = settings + "[ProxyList]\n";
  for (unsigned i = 0; i < count; ++i) text += "socks5 10.0.0.1 1080\n";
  ForeignConfig config = TranslateProxychains(text, {});
  config.lines.erase(config.lines.begin(), config.lines.end() - 1);
  return TextOf(config);
}

TEST(ProxychainsTest, KnowsTheTypesOfChains) {
  const std::string via = "route { to: 0/0  via: proxy1 then proxy2";
  // Without a type it is dynamic; the last type counts.
  EXPECT_EQ(ChainOf("", 2), "1| " + via + "  chain: dynamic }\n");
  EXPECT_EQ(ChainOf("strict_chain\ndynamic_chain\n", 2), "2| " + via + "  chain: dynamic }\n");
  EXPECT_EQ(ChainOf("random_chain\n", 2), "1| " + via + "  chain: random  chain.length: 1 }\n");
  EXPECT_EQ(ChainOf("round_robin_chain\nchain_len = 2\n", 2),
            "1| " + via + "  chain: roundrobin  chain.length: 2 }\n");
  EXPECT_EQ(ChainOf("random_chain\nchain_len=0 # default\n", 2),
            "1| " + via + "  chain: random  chain.length: 1 }\n");
  EXPECT_EQ(
      ChainOf("random_chain\nchain_len = 3\n", 2),
      "1| " + via +
          "  chain: random  chain.length: 2 }\n"
          "warning 2: a chain has 2 proxies: there are no more (proxychains makes no connection with such "
          "a chain_len)\n");
  EXPECT_EQ(ChainOf("dynamic_chain\nchain_len = 2\n", 2),
            "1| " + via +
                "  chain: dynamic }\n"
                "warning 2: 'chain_len' has no effect without 'random_chain' or 'round_robin_chain'\n");
  // One proxy is no chain.
  EXPECT_EQ(ChainOf("random_chain\nchain_len = 1\n", 1), "1| route { to: 0/0  via: proxy1 }\n");
}

TEST(ProxychainsTest, LimitsChainsThatAreNotStrict) {
  const std::string error =
      "error 66: expected at most 64 proxies for a chain that is not strict, found 65\n";
  EXPECT_TRUE(ChainOf("strict_chain\n", 65).ends_with("then proxy65 }\n"));
  EXPECT_TRUE(ChainOf("", 64).ends_with("then proxy64  chain: dynamic }\n"));
  EXPECT_TRUE(ChainOf("", 65).ends_with(error));
}

TEST(ProxychainsTest, KeepsLocalNetworksToAddresses) {
  EXPECT_EQ(Translated(std::string("localnet 127.0.0.0/255.0.0.0\n"
                                   "localnet ::1/128\n"
                                   "localnet 192.168.1.7:80/24\n"
                                   "localnet [2001:db8::]:443/32\n"
                                   "localnet 0.0.0.0:80/0.0.0.0\n"
                                   "localnet [::]/0\n"
                                   "localnet 10.0.0.0:0/8\n") +
                           kOneProxy,
                       1, 7),
            "1| route { to: 127.0.0.0/8  via: direct }\n"
            "2| route { to: ::1/128  via: direct }\n"
            "3| route { to: 192.168.1.7/24 port = 80  via: direct }\n"
            "4| route { to: 2001:db8::/32 port = 443  via: direct }\n"
            "5| route { to: 0.0.0.0/1 port = 80  via: direct }\n"
            "5| route { to: 128.0.0.0/1 port = 80  via: direct }\n"
            "6| route { to: ::/1  via: direct }\n"
            "6| route { to: 8000::/1  via: direct }\n"
            "7| route { to: 10.0.0.0/8  via: direct }\n");
}

// A localnet behind it would let through what dnat was to send elsewhere.
TEST(ProxychainsTest, BlocksWhatDnatWouldReplace) {
  EXPECT_EQ(
      Translated(std::string("localnet 10.0.0.0/8\n"
                             "dnat 10.1.1.1:1234 1.1.1.2:443\n"
                             "dnat 10.1.1.3 1.1.1.2\n") +
                     kOneProxy,
                 1, 3),
      "2| route { to: 10.1.1.1 port = 1234  protocol: tcp  via: block }\n"
      "3| route { to: 10.1.1.3  protocol: tcp  via: block }\n"
      "1| route { to: 10.0.0.0/8  via: direct }\n"
      "warning 2: connections to '10.1.1.1:1234' are blocked: a destination cannot be replaced (let the "
      "program connect to the other address itself)\n"
      "warning 3: connections to '10.1.1.3' are blocked: a destination cannot be replaced (let the program "
      "connect to the other address itself)\n");
}

TEST(ProxychainsTest, ResolvesByTheProxyWhereOneOfThreeIsOn) {
  EXPECT_EQ(Translated(std::string("proxy_dns\n") + kOneProxy, 1, 1), "1| resolveprotocol: fake\n");
  EXPECT_EQ(Translated(std::string("proxy_dns_old\n") + kOneProxy, 1, 1), "1| resolveprotocol: fake\n");
  EXPECT_EQ(Translated(std::string("proxy_dns_daemon 127.0.0.1:1053\n") + kOneProxy, 1, 1),
            "1| resolveprotocol: fake\n");
  EXPECT_EQ(Translated(kOneProxy, 0, 0),
            std::string("0| autoroute: none\n0| resolveprotocol: local\n") + kUdpRoutes);
  EXPECT_EQ(Translated(std::string("remote_dns_subnet 0\n") + kOneProxy, 1, 1),
            "warning 1: 'remote_dns_subnet 0' has no effect: 0.0.0.0/8 is no range to connect to\n");
}

TEST(ProxychainsTest, CountsTimeInWholeSeconds) {
  EXPECT_EQ(
      Translated(std::string("tcp_connect_time_out 0\ntcp_read_time_out 2147483647\n") + kOneProxy, 1, 2),
      "1| timeout.connect: 1\n2| timeout.negotiate: 86400\n");
  EXPECT_EQ(
      Translated(std::string("tcp_connect_time_out 1000\ntcp_connect_time_out 1001\n") + kOneProxy, 1, 2),
      "2| timeout.connect: 2\n");
}

TEST(ProxychainsTest, ReadsUrlsOfWhichNothingIsEncoded) {
  EXPECT_EQ(Translated("strict_chain\n[ProxyList]\n"
                       "socks5://ali:ce:p@ss%40@proxy.test:1080\n"
                       "socks4://10.0.0.1:1081\n"
                       "http://[2001:db8::1]:8080\n",
                       3, 5),
            "3| server proxy1 { address: socks5://ali:ce%3Ap%40ss%2540@proxy.test:1080 }\n"
            "4| server proxy2 { address: socks4a://10.0.0.1:1081 }\n"
            "5| server proxy3 { address: http://[2001:db8::1]:8080 }\n");
}

TEST(ProxychainsTest, WarnsOfWhatTheListPassesOver) {
  EXPECT_EQ(
      Translated("[ProxyList]\nsocks5 10.0.0.1 1080 # office\n", 2, 2),
      "2| server proxy1 { address: socks5://%23:office@10.0.0.1:1080 }\n"
      "warning 2: the comment is taken for a user name and a password, as by proxychains (give the comment "
      "a line of its own)\n");
  EXPECT_EQ(Translated("[ProxyList]\nsocks5 10.0.0.1 1080 a b # c\n", 2, 2),
            "2| server proxy1 { address: socks5://a:b@10.0.0.1:1080 }\n"
            "warning 2: what stands behind the password has no effect, as in proxychains\n");
  EXPECT_EQ(Translated("[ProxyList]\nsocks4 10.0.0.1 1080 a b\n", 2, 2),
            "2| server proxy1 { address: socks4a://a@10.0.0.1:1080 }\n"
            "warning 2: the password has no effect: SOCKS 4 has none, and proxychains sends none\n");
}

TEST(ProxychainsTest, ReportsProxies) {
  const std::string list = "[ProxyList]\n";
  EXPECT_EQ(ErrorOf(list), "error 1: expected a proxy below [ProxyList], found none\n");
  EXPECT_EQ(ErrorOf(""), "error 0: expected a proxy below [ProxyList], found none\n");
  EXPECT_EQ(
      ErrorOf(list + "raw 10.0.0.1 1080\nsock5 10.0.0.1 1080\n"),
      "error 2:1: expected socks5, socks4 or http, found 'raw' (a connection that is forwarded as it is "
      "cannot be said here)\n"
      "error 3:1: expected socks5, socks4 or http, found 'sock5'\n");
  EXPECT_EQ(ErrorOf(list + "socks5 10.0.0.1 geheim\n"),
            "error 2:17: expected a port number from 1 to 65535 behind the proxy's address, found something "
            "else\n");
  EXPECT_EQ(ErrorOf(list + "socks5 10.0.0.256 1080\n"),
            "error 2:8: expected an IP address, found '10.0.0.256'\n");
  EXPECT_EQ(
      ErrorOf(list + " socks5 10.0.0.1\n"),
      "error 2:2: expected 'TYPE HOST PORT [USER PASSWORD]', found something else (TYPE is socks5, socks4 "
      "or http; TYPE://USER:PASSWORD@HOST:PORT is understood too)\n");
  EXPECT_EQ(ErrorOf(list + "socks5://geheim@10.0.0.1:1080\n"),
            "error 2:1: expected USER:PASSWORD before the '@', found no ':'\n");
  EXPECT_EQ(ErrorOf(list + "socks5://10.0.0.1\nsocks5://a:b@10.0.0.1\n"),
            "error 2:1: expected HOST:PORT in the URL, found no port (proxychains knows no port for a proxy "
            "without one)\n"
            "error 3:1: expected HOST:PORT in the URL, found no port (proxychains knows no port for a proxy "
            "without one)\n");
  EXPECT_EQ(ErrorOf(list + "socks5 10.0.0.1 1080 a " + std::string(256, 'x') + "\n"),
            "error 2: expected a password of 1 to 255 bytes, found 256\n");
}

TEST(ProxychainsTest, ReportsSettings) {
  EXPECT_EQ(ErrorOf(std::string("strict_chan\nsocks5 10.0.0.1 1080\n") + kOneProxy),
            "error 1:1: expected a keyword of proxychains.conf, found 'strict_chan' (did you mean "
            "'strict_chain'?)\n"
            "error 2:1: expected a keyword of proxychains.conf, found 'socks5' (proxies are listed below "
            "[ProxyList])\n");
  EXPECT_EQ(
      ErrorOf(std::string("proxy_dns # on\n") + kOneProxy),
      "error 1:1: expected 'proxy_dns' alone on its line, found more (proxychains passes over such a line; "
      "a comment has a line of its own)\n");
  EXPECT_EQ(ErrorOf(std::string("remote_dns_subnet 256\ntcp_read_time_out\n") + kOneProxy),
            "error 1:19: expected a number from 0 to 255 behind 'remote_dns_subnet', found '256'\n"
            "error 2:1: expected a number from 0 to 2147483647 behind 'tcp_read_time_out', found none\n");
  EXPECT_EQ(ErrorOf(std::string("chain_len 2\n") + kOneProxy),
            "error 1:1: expected 'chain_len = NUMBER', found 'chain_len 2'\n");
  EXPECT_EQ(
      ErrorOf(std::string("localnet\nlocalnet 10.0.0.0\nlocalnet 10.0.0.0:x/8\nlocalnet 10.0.0.0/33\n") +
              kOneProxy),
      "error 1:1: expected 'localnet ADDRESS[:PORT]/MASK', found no network\n"
      "error 2:10: expected 'localnet ADDRESS[:PORT]/MASK', found '10.0.0.0'\n"
      "error 3:10: expected a port number from 0 to 65535, found 'x'\n"
      "error 4:10: expected a prefix length from 0 to 32, found '33'\n");
  EXPECT_EQ(ErrorOf(std::string("dnat 1.1.1.1\ndnat ::1 1.1.1.1\n") + kOneProxy),
            "error 1:1: expected 'dnat ADDRESS[:PORT] ADDRESS[:PORT]', found 'dnat 1.1.1.1'\n"
            "error 2:1: expected 'dnat ADDRESS[:PORT] ADDRESS[:PORT]', found 'dnat ::1 1.1.1.1'\n");
}

}  // namespace
}  // namespace socksify
