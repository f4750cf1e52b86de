// SPDX-License-Identifier: BSD-2-Clause
// `socksctl probe` as its user sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "resolver/health_table.h"
#include "tests/server/test_server.h"
#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunTool;
using ::testing::StartsWith;
using testing::TemporaryDirectory;
using testing::ToolResult;
using testserver::TestServer;

class SocksctlProbeTest : public ::testing::Test {
 protected:
  ToolResult Run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {SOCKSCTL_PROGRAM, "probe"});
    return RunTool(arguments, {"SOCKSIFY_STATE_DIR=" + state_.path()});
  }
  std::string Address() const { return "127.0.0.1:" + std::to_string(server_.port()); }
  // Two servers: `good` and, at the same port, `bad` that wants other credentials.
  std::string WriteConfig() const {
    const std::string address = " { address: 127.0.0.1 port = " + std::to_string(server_.port());
    return directory_.Write("a.conf", "server good" + address +
                                          " method: username username: alice password: secret }\n"
                                          "server bad" +
                                          address +
                                          " method: username username: alice password: guess }\n"
                                          "route { from: 0/0 to: 0/0 via: good, bad }\n");
  }

  TemporaryDirectory directory_;
  TemporaryDirectory state_;
  TestServer server_;
};

TEST_F(SocksctlProbeTest, AUrlNeedsNoConfiguration) {
  server_.AddPage("web.test", "hello\n");
  const ToolResult result = Run({"socks5://" + Address(), "--to", "web.test:http"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out,
              StartsWith("socks5 " + Address() + " (-p) can be used\n  127.0.0.1     connects in "));
  EXPECT_THAT(result.out, HasSubstr("\n  connect       granted to web.test:80 in "));
  EXPECT_THAT(result.out, HasSubstr("\n  round trips   3 for a connection, with that of TCP\n"));
  const ToolResult by_option = Run({"-p", "socks5://" + Address()});
  EXPECT_EQ(by_option.exit_code, 0);
  EXPECT_THAT(by_option.out, StartsWith("socks5 " + Address() + " (-p) can be used\n"));
}

TEST_F(SocksctlProbeTest, WhatItFindsOutOfEarlyRequestsIsKnownToPrograms) {
  const auto known = [&] {
    const auto table = HealthTable::OpenExisting(state_.path());
    return table ? (*table)->Find("socks5 " + Address())->pipelining() : Pipelining::kUnknown;
  };
  EXPECT_EQ(known(), Pipelining::kUnknown);
  EXPECT_THAT(Run({"socks5://" + Address()}).out, HasSubstr("\n  pipelining    yes\n"));
  EXPECT_EQ(known(), Pipelining::kTaken);
}

TEST_F(SocksctlProbeTest, TheExitStatusIsThatOfAllServersProbed) {
  server_.SetCredentials("alice", "secret");
  const std::string file = WriteConfig();
  const ToolResult good = Run({"-f", file, "good"});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_THAT(good.out, StartsWith("socks5 " + Address() + " (good, " + file + ":1) can be used\n"));
  const ToolResult all = Run({"-f", file});
  EXPECT_EQ(all.exit_code, 1);
  EXPECT_EQ(all.err, "");
  EXPECT_THAT(all.out, HasSubstr("socks5 " + Address() + " (good, " + file + ":1) can be used\n"));
  EXPECT_THAT(all.out, HasSubstr("\nsocks5 " + Address() + " (bad, " + file +
                                 ":2) cannot be used: the proxy rejected the username and password\n"));
  EXPECT_THAT(all.out, Not(HasSubstr("secret")));
  EXPECT_THAT(all.out, Not(HasSubstr("guess")));
}

TEST_F(SocksctlProbeTest, JsonIsOneObject) {
  server_.SetCredentials("alice", "secret");
  const ToolResult result = Run({"-f", WriteConfig(), "--json"});
  EXPECT_EQ(result.exit_code, 1);
  const auto object = nlohmann::json::parse(result.out, nullptr, false);
  EXPECT_EQ(object["ok"], false);
  EXPECT_EQ(object["destination"], nullptr);
  ASSERT_EQ(object["servers"].size(), 2U);
  EXPECT_EQ(object["servers"][0]["name"], "good");
  EXPECT_EQ(object["servers"][0]["usable"], true);
  EXPECT_EQ(object["servers"][0]["credentials"]["yes"], true);
  EXPECT_EQ(object["servers"][1]["usable"], false);
}

TEST_F(SocksctlProbeTest, MistakesAreTold) {
  const std::string file = WriteConfig();
  const struct {
    std::vector<std::string> arguments;
    std::string text;
  } cases[] = {
      {{"-f", file, "ugly"},
       "expected a URL or the name of a server of " + file + " (good, bad), found 'ugly'"},
      {{"-f", file, "--to", "web.test:80/udp"}, "--to takes HOST:PORT: probe sends no datagrams"},
  };
  for (const auto& c : cases) {
    const ToolResult result = Run(c.arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "socksctl: " + c.text + "\n  try `socksctl --help`\n");
  }
  EXPECT_EQ(Run({"-f", file, "--to", "web.test"}).exit_code, 2);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(SocksctlProbeTest, AnErrorInTheConfigurationIsSaidAsCheckSaysIt) {
  const std::string file = directory_.Write("bad.conf", "route { nonsense }\n");
  const ToolResult result = Run({"-f", file});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, StartsWith(file + ":1:"));
  EXPECT_THAT(Run({"-f", file, "--json"}).out, HasSubstr("\"ok\":false"));
  const ToolResult url = Run({"gopher://10.0.0.1"});
  EXPECT_EQ(url.exit_code, 1);
  EXPECT_THAT(url.err, StartsWith("-p: "));
}

}  // namespace
}  // namespace socksify
