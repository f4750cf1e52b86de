// SPDX-License-Identifier: BSD-2-Clause
// socksctl as its user sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using ::testing::HasSubstr;
using testing::RunTool;
using ::testing::StartsWith;
using testing::TemporaryDirectory;
using testing::ToolResult;

constexpr char kConfig[] =
    "server spare { address: 10.0.0.2 port = 3128 proxyprotocol: socks_v4 }\n"
    "route { from: 0/0 to: 10.0.0.0/8 via: direct }\n"
    "route { from: 0/0 to: .blocked.example via: block }\n"
    "route {\n"
    "  from: 0/0 to: 0/0\n"
    "  via: socks5://alice:secret@10.0.0.1:1080 then spare\n"
    "  fallback: spare\n"
    "}\n";

class SocksctlTest : public ::testing::Test {
 protected:
  ToolResult Run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), SOCKSCTL_PROGRAM);
    arguments.insert(arguments.end(), {"-f", file_});
    return RunTool(arguments);
  }
  nlohmann::json RunForJson(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    return nlohmann::json::parse(Run(arguments).out, nullptr, false);
  }

  TemporaryDirectory directory_;
  std::string file_ = directory_.Write("a.conf", kConfig, 0600);
};

TEST_F(SocksctlTest, CheckSaysWhatWasRead) {
  const ToolResult result = Run({"check"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, StartsWith(file_ + ": 3 routes, "));
  EXPECT_THAT(result.out, ::testing::EndsWith("no errors, no warnings\n"));
}

TEST_F(SocksctlTest, CheckWarnsOfAPasswordThatOthersCanRead) {
  file_ = directory_.Write("b.conf", "route { to: 0/0 via: socks5://alice:geheim@10.0.0.1 }\n", 0644);
  const ToolResult result = Run({"check"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, file_ +
                            ":1:22: warning: a password stands in this file, which others can read\n"
                            "  route { to: 0/0 via: socks5://***\n"
                            "                       ^\n"
                            "  chmod 600 " +
                            file_ + ", or write it elsewhere: password.file, credentials\n");
}

TEST_F(SocksctlTest, CheckFailsOnAnError) {
  file_ = directory_.Write("bad.conf", "route { nonsense }\n");
  const ToolResult result = Run({"check"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, StartsWith(file_ + ":1:"));
  const nlohmann::json report = RunForJson({"check"});
  EXPECT_EQ(report["ok"], false);
  ASSERT_FALSE(report["errors"].empty());
  EXPECT_EQ(report["errors"][0]["line"], 1);
}

TEST_F(SocksctlTest, ConvertPrintsAnotherClientsFileAsOurs) {
  const std::string file =
      directory_.Write("nec.conf", "# office\nnoproxy - 10. -\nsocks5 p,c - 80 - gw.example\n");
  const ToolResult result = RunTool({SOCKSCTL_PROGRAM, "convert", file});
  EXPECT_EQ(result.exit_code, 0);
  const std::string text =
      "# Converted by `socksctl convert` from " + file +
      " (nec).\n\n"
      "resolveprotocol: local-then-fake\n"
      "# office\n"
      "route { from: 0/0 to: 10.0.0.0/8 via: direct }\n"
      "route { from: 0/0 to: 0/0 port = 80 via: gw.example port = 1080 command: connect proxyprotocol: "
      "socks_v5 }\n"
      "route { from: 0/0 to: 0/0 via: direct }\n";
  EXPECT_EQ(result.out, text);
  EXPECT_EQ(result.err, file +
                            ":3: warning: ping and traceroute are not proxied: 'p' and 't' have no effect\n"
                            "  socks5 p,c - 80 - gw.example\n");
  const auto object =
      nlohmann::json::parse(RunTool({SOCKSCTL_PROGRAM, "convert", "--json", file}).out, nullptr, false);
  EXPECT_EQ(object["ok"], true);
  EXPECT_EQ(object["format"], "nec");
  EXPECT_EQ(object["text"], text);
  EXPECT_EQ(object["warnings"][0]["line"], 3);
}

TEST_F(SocksctlTest, ConvertFailsOnWhatItCannotRead) {
  const std::string file = directory_.Write("nec.conf", "noproxy - 10. -\nnoproxy\n");
  const ToolResult result = RunTool({SOCKSCTL_PROGRAM, "convert", file});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, file +
                            ":2: expected a command, a destination and a port, found the end of the line\n"
                            "  noproxy\n"
                            "  write '-' for any of them\n");
  const ToolResult own = RunTool({SOCKSCTL_PROGRAM, "convert", file_});
  EXPECT_EQ(own.exit_code, 1);
  EXPECT_THAT(own.err, StartsWith(file_ + ": this is a configuration of socksify already\n"));
}

TEST_F(SocksctlTest, ExplainShowsTheLineOfAnotherClientsFile) {
  file_ = directory_.Write("nec.conf", "noproxy - 10. -\nsocks5 - - 80 - gw.example\n");
  const ToolResult result = Run({"explain", "192.0.2.1:80"});
  EXPECT_THAT(result.out, HasSubstr("  decided by  " + file_ +
                                    ":2\n"
                                    "              socks5 - - 80 - gw.example\n"));
}

TEST_F(SocksctlTest, StrictCheckFailsOnAWarning) {
  EXPECT_EQ(Run({"check", "--strict"}).exit_code, 0);
  EXPECT_EQ(RunForJson({"check", "--strict"})["ok"], true);
  file_ = directory_.Write("warned.conf", "debug: 0\n");
  const ToolResult lenient = Run({"check"});
  EXPECT_EQ(lenient.exit_code, 0);
  EXPECT_EQ(lenient.out, file_ + ": no routes, no servers, no errors, 1 warning\n");
  EXPECT_EQ(RunForJson({"check"})["ok"], true);
  const ToolResult strict = Run({"check", "--strict"});
  EXPECT_EQ(strict.exit_code, 1);
  EXPECT_EQ(strict.out, "");
  EXPECT_EQ(strict.err, lenient.err + lenient.out);
  EXPECT_EQ(RunForJson({"check", "--strict"})["ok"], false);
}

TEST_F(SocksctlTest, ExplainShowsTheWayThroughAChain) {
  const ToolResult result = Run({"explain", "web.example:443"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "web.example:443/tcp goes through a proxy\n"
            "  decided by  " +
                file_ +
                ":4\n"
                "              route {\n"
                "                from: 0/0 to: 0/0\n"
                "                via: socks5://alice:***@10.0.0.1:1080 then spare\n"
                "                fallback: spare\n"
                "              }\n"
                "  path        socks5 10.0.0.1:1080 -> socks4a 10.0.0.2:3128 (spare)\n"
                "  fallback    socks4a 10.0.0.2:3128 (spare)\n"
                "  name        a fake address for the program, the name itself for the proxy\n");
}

TEST_F(SocksctlTest, ExplainKnowsEveryVerdict) {
  const std::vector<std::vector<std::string>> cases = {
      // destination, verdict, errno
      {"web.example:443", "proxy", ""},
      // spare speaks SOCKS 4A, which has no room for it.
      {"[2001:db8::1]:https", "refused", "EAFNOSUPPORT"},
      {"10.1.2.3:22", "direct", ""},
      {"127.0.0.1:22", "direct", ""},
      {"localhost:22", "direct", ""},
      {"www.blocked.example:80", "block", "EACCES"},
  };
  for (const auto& c : cases) {
    const nlohmann::json explanation = RunForJson({"explain", c[0]});
    ASSERT_TRUE(explanation.is_object()) << c[0];
    EXPECT_EQ(explanation["verdict"], c[1]) << c[0];
    EXPECT_EQ(explanation["errno"], c[2].empty() ? nlohmann::json() : nlohmann::json(c[2])) << c[0];
  }
}

TEST_F(SocksctlTest, ExplainSaysHowTheNameIsResolved) {
  EXPECT_EQ(RunForJson({"explain", "web.example:443"})["resolution"], "fake");
  EXPECT_EQ(RunForJson({"explain", "10.0.0.1:443"})["resolution"], "literal");
  EXPECT_EQ(RunForJson({"explain", "localhost:443"})["resolution"], "hosts");
}

TEST_F(SocksctlTest, ExplainSpeaksForAUser) {
  file_ = directory_.Write("user.conf",
                           "nameserver: 10.0.0.53\n"
                           "route { to: 0/0 via: block user: 4000000000 }\n"
                           "route { to: 0/0 via: direct resolve: tcp user: root " +
                               std::to_string(getuid()) + " }\n");
  const nlohmann::json own = RunForJson({"explain", "192.0.2.1:80"});
  EXPECT_EQ(own["verdict"], "direct");
  EXPECT_EQ(own["user"], nullptr);
  const nlohmann::json other = RunForJson({"explain", "192.0.2.1:80", "--user", "4000000000"});
  EXPECT_EQ(other["verdict"], "block");
  EXPECT_EQ(other["user"], "4000000000");
  EXPECT_EQ(RunForJson({"explain", "192.0.2.1:80", "--user", "4000000001"})["verdict"], "no-route");
  EXPECT_EQ(RunForJson({"explain", "web.example:80", "--user", "root"})["resolution"], "tcp");
  EXPECT_EQ(RunForJson({"explain", "web.example:80", "--user", "4000000000"})["resolution"], "fake");
  EXPECT_THAT(Run({"explain", "192.0.2.1:80", "--process", "curl", "--user", "root"}).out,
              StartsWith("192.0.2.1:80/tcp from curl of root goes direct\n"));
  const ToolResult unknown = Run({"explain", "192.0.2.1:80", "--user", "no-such.user"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, StartsWith("socksctl: --user: no user is called 'no-such.user' here\n"));
}

TEST_F(SocksctlTest, ExplainShowsHowNameServersAreReached) {
  file_ =
      directory_.Write("tcp.conf",
                       "nameserver: 10.0.0.53, 192.0.2.53 port = 5353\n"
                       "route { to: 10.0.0.0/8 via: direct }\n"
                       "route { to: 0/0 via: 10.0.0.1 port = 1080 proxyprotocol: socks_v5 resolve: tcp }\n");
  const ToolResult result = Run({"explain", "web.example:443"});
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out,
              ::testing::EndsWith(
                  "  name        resolved by DNS over TCP; the route of its address decides in the end\n"
                  "              because " +
                  file_ +
                  ":3 says resolve: tcp\n"
                  "  nameserver  10.0.0.53:53 directly (" +
                  file_ +
                  ":2)\n"
                  "  nameserver  192.0.2.53:5353 through socks5 10.0.0.1:1080 (" +
                  file_ + ":3)\n"));
}

TEST_F(SocksctlTest, ExplainKnowsThatSocks4TakesNoNames) {
  file_ = directory_.Write("socks4.conf",
                           "route { to: .a via: socks4://10.0.0.1 }\n"
                           "route { to: .b via: socks4://10.0.0.1, socks5://10.0.0.2 }\n"
                           "route { to: .c via: socks4://10.0.0.1 fallback: direct }\n"
                           "route { to: 0/0 via: socks4://10.0.0.1 resolve: local }\n");
  const nlohmann::json only = RunForJson({"explain", "x.a:80"});
  EXPECT_EQ(only["verdict"], "refused");
  EXPECT_EQ(only["errno"], "EAFNOSUPPORT");
  EXPECT_EQ(only["paths"][0]["hops"][0]["unusable"],
            "SOCKS4 carries addresses only; use socks4a or socks5 to send host names");
  const nlohmann::json next = RunForJson({"explain", "x.b:80"});
  EXPECT_EQ(next["verdict"], "proxy");
  EXPECT_EQ(next["paths"][0]["usable"], false);
  EXPECT_EQ(next["paths"][1]["usable"], true);
  EXPECT_EQ(RunForJson({"explain", "x.c:80"})["verdict"], "direct");
  EXPECT_EQ(RunForJson({"explain", "x.d:80"})["verdict"], "proxy") << "resolved before";
  EXPECT_EQ(RunForJson({"explain", "192.0.2.1:80"})["verdict"], "proxy");
}

TEST_F(SocksctlTest, ExplainShowsWhichPathsCarryUdp) {
  file_ =
      directory_.Write("udp.conf",
                       "server old { address: 10.0.0.4 port = 1080 proxyprotocol: socks_v4 }\n"
                       "route { to: 0/0 via: socks4a://10.0.0.1, socks5://10.0.0.2 then socks5://10.0.0.3,\n"
                       "        socks5://10.0.0.2 then old, socks5://10.0.0.3 }\n");
  const ToolResult result = Run({"explain", "192.0.2.1:123/udp"});
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "192.0.2.1:123/udp goes through a proxy\n"
            "  decided by  " +
                file_ +
                ":2\n"
                "              route { to: 0/0 via: socks4a://10.0.0.1, socks5://10.0.0.2 then "
                "socks5://10.0.0.3,\n"
                "                      socks5://10.0.0.2 then old, socks5://10.0.0.3 }\n"
                "  path 1      socks4a 10.0.0.1:1080\n"
                "              unusable: only SOCKS5 carries UDP\n"
                "  path 2      socks5 10.0.0.2:1080 -> socks5 10.0.0.3:1080\n"
                "              unusable: UDP cannot go through a chain of proxies\n"
                "  path 3      socks5 10.0.0.2:1080 -> socks4a 10.0.0.4:1080 (old)\n"
                "              unusable: only SOCKS5 carries UDP\n"
                "  path 4      socks5 10.0.0.3:1080\n"
                "  balance     ordered\n"
                "  name        an address; there is nothing to resolve\n");
  const nlohmann::json explanation = RunForJson({"explain", "web.example:443/udp"});
  EXPECT_EQ(explanation["verdict"], "proxy");
  EXPECT_EQ(explanation["errno"], nlohmann::json());
  EXPECT_EQ(explanation["paths"][0]["usable"], false);
  EXPECT_EQ(explanation["paths"][1]["hops"][1]["unusable"], "UDP cannot go through a chain of proxies");
  EXPECT_EQ(explanation["paths"][3]["usable"], true);
}

TEST_F(SocksctlTest, ExplainKnowsWhatUdpCannotReach) {
  file_ = directory_.Write("udp.conf",
                           "route { to: .a via: http://10.0.0.1:80 fallback: socks5://10.0.0.2 then "
                           "socks5://10.0.0.3 }\n"
                           "route { to: .b via: http://10.0.0.1:80 fallback: direct }\n"
                           "route { to: .c via: http://10.0.0.1:80 fallback: block, socks5://10.0.0.2 }\n"
                           "route { to: .d via: direct fallback: http://10.0.0.1:80 }\n"
                           "route { to: .e via: block }\n"
                           "route { to: 0/0 via: socks5://10.0.0.1 }\n");
  const std::string kMany = "multicast and broadcast cannot go through a proxy";
  const std::vector<std::vector<std::string>> cases = {
      // destination, verdict, errno, reason
      {"x.a:53/udp", "refused", "ENETUNREACH", "no proxy of the rule can carry UDP"},
      {"x.b:53/udp", "direct", "", ""},
      {"x.c:53/udp", "block", "EACCES", "the route says block"},
      {"x.d:53/udp", "direct", "", ""},
      {"x.e:53/udp", "block", "EACCES", "the route says block"},
      {"x.f:53/udp", "proxy", "", ""},
      {"224.0.1.1:123/udp", "refused", "ENETUNREACH", kMany},
      {"255.255.255.255:9/udp", "refused", "ENETUNREACH", kMany},
      {"[ff0e::1]:123/udp", "refused", "ENETUNREACH", kMany},
      {"[2001:db8::1]:123/udp", "proxy", "", ""},
  };
  for (const auto& c : cases) {
    const nlohmann::json explanation = RunForJson({"explain", c[0]});
    ASSERT_TRUE(explanation.is_object()) << c[0];
    EXPECT_EQ(explanation["verdict"], c[1]) << c[0];
    EXPECT_EQ(explanation["errno"], c[2].empty() ? nlohmann::json() : nlohmann::json(c[2])) << c[0];
    EXPECT_EQ(explanation["reason"], c[3].empty() ? nlohmann::json() : nlohmann::json(c[3])) << c[0];
  }
  EXPECT_THAT(Run({"explain", "224.0.1.1:123/udp"}).out,
              StartsWith("224.0.1.1:123/udp is refused: " + kMany + " (ENETUNREACH)\n"));
}

TEST_F(SocksctlTest, WarnsOfServersThatCannotBeUsed) {
  file_ =
      directory_.Write("gssapi.conf",
                       "server s { address: 10.0.0.1 port = 1080 proxyprotocol: socks_v5 method: gssapi }\n"
                       "route { from: 0/0 to: 0/0 via: s }\n");
  const ToolResult check = Run({"check"});
  EXPECT_EQ(check.exit_code, 0) << check.err;
  EXPECT_THAT(check.err, HasSubstr("warning: server s cannot be used: gssapi is not supported yet"));
  const nlohmann::json explanation = RunForJson({"explain", "web.example:80"});
  EXPECT_EQ(explanation["verdict"], "refused");
  EXPECT_EQ(explanation["paths"][0]["usable"], false);
}

TEST_F(SocksctlTest, NeverShowsAPassword) {
  for (const char* const command : {"check", "explain"}) {
    for (const char* const format : {"-p", "--json"}) {
      std::vector<std::string> arguments = {command};
      if (std::string(format) == "--json") arguments.emplace_back(format);
      if (std::string(command) == "explain") arguments.emplace_back("web.example:443");
      const ToolResult result = Run(arguments);
      EXPECT_EQ(result.exit_code, 0);
      EXPECT_THAT(result.out + result.err, ::testing::Not(HasSubstr("secret")));
    }
  }
}

TEST_F(SocksctlTest, MistakesEndWithTwo) {
  const ToolResult result = Run({"explain", "web.example"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "socksctl: expected HOST:PORT or HOST:PORT/udp, found 'web.example'\n  try `socksctl --help`\n");
}

TEST_F(SocksctlTest, TakesProxiesLikeTheLauncher) {
  const ToolResult result =
      RunTool({SOCKSCTL_PROGRAM, "explain", "-p", "socks5://10.0.0.1:1080", "192.0.2.1:80"}, {});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("  path        socks5 10.0.0.1:1080\n"));
  // The inherited contract of a launcher around it.
  const ToolResult inherited =
      RunTool({SOCKSCTL_PROGRAM, "explain", "192.0.2.1:80"}, {"SOCKSIFY_PROXY=socks5://10.0.0.1:1080"});
  EXPECT_EQ(inherited.out, result.out);
}

}  // namespace
}  // namespace socksify
