// SPDX-License-Identifier: BSD-2-Clause
// `socksctl env` as shells take it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using testing::RunTool;
using testing::TemporaryDirectory;
using testing::ToolResult;

constexpr char kProxy[] = "socks5://127.0.0.1:1080";
constexpr char kShow[] = "; echo \"${LD_PRELOAD-none}|${SOCKS_CONF-none}|${SOCKSIFY_PROXY-none}\"";

// A shell that takes the lines of `socksctl env ARGUMENTS`, and shows what it has then.
ToolResult Eval(const std::string& arguments, const std::vector<std::string>& environment = {}) {
  return RunTool({"/bin/sh", "-c", "eval \"$(" SOCKSCTL_PROGRAM " env " + arguments + ")\"" + kShow},
                 environment);
}

std::string LauncherPreload() {
  const ToolResult result =
      RunTool({SOCKSIFY_PROGRAM, "-p", kProxy, "sh", "-c", "printf %s \"$LD_PRELOAD\""});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.out;
}

TEST(SocksctlEnvTest, SetsWhatTheLauncherWouldSet) {
  const std::string preload = LauncherPreload();
  ASSERT_THAT(preload, ::testing::EndsWith("/libsocksify.so"));
  const TemporaryDirectory directory;
  const std::string file = directory.Write("it's a.conf", "route { to: 0/0 via: direct }\n");
  const ToolResult by_proxy =
      Eval("-p socks5://127.0.0.1:1080 -p 'socks5://127.0.0.2'", {"SOCKS_CONF=/etc/other.conf"});
  EXPECT_EQ(by_proxy.out, preload + "|none|socks5://127.0.0.1:1080 socks5://127.0.0.2\n") << by_proxy.err;
  const ToolResult by_file = Eval("-f \"" + file + "\"", {"SOCKSIFY_PROXY=socks5://127.0.0.9"});
  EXPECT_EQ(by_file.out, preload + "|" + file + "|none\n") << by_file.err;
  // Where the configuration comes from the usual places, only the library is loaded.
  EXPECT_EQ(Eval("", {"SOCKS_CONF=" + file}).out, preload + "|" + file + "|none\n");
}

TEST(SocksctlEnvTest, PathsAreAbsolute) {
  const TemporaryDirectory directory;
  const std::string file = directory.Write("a.conf", "route { to: 0/0 via: direct }\n");
  const ToolResult result =
      RunTool({"/bin/sh", "-c",
               "cd '" + directory.path() +
                   "'; eval \"$(" SOCKSCTL_PROGRAM " env -f a.conf)\"; echo \"$SOCKS_CONF\""});
  EXPECT_EQ(result.out, file + "\n") << result.err;
}

TEST(SocksctlEnvTest, ExtendsThePreloadOnce) {
  const std::string preload = LauncherPreload();
  const std::string twice =
      "-p socks5://127.0.0.1)\"; eval \"$(" SOCKSCTL_PROGRAM " env -p socks5://127.0.0.1";
  EXPECT_EQ(Eval(twice, {"LD_PRELOAD=libm.so.6"}).out, "libm.so.6:" + preload + "|none|socks5://127.0.0.1\n");
}

TEST(SocksctlEnvTest, UnsetTakesItBack) {
  const std::string undone = "-p socks5://127.0.0.1)\"; eval \"$(" SOCKSCTL_PROGRAM " env --unset";
  EXPECT_EQ(Eval(undone).out, "none|none|none\n");
  EXPECT_EQ(Eval(undone, {"LD_PRELOAD=libm.so.6"}).out, "libm.so.6|none|none\n");
  EXPECT_EQ(
      RunTool({SOCKSCTL_PROGRAM, "env", "--unset", "--shell", "csh"}).out,
      "unsetenv LD_PRELOAD;\nunsetenv SOCKS_CONF;\nunsetenv SOCKSIFY_FORMAT;\nunsetenv SOCKSIFY_PROXY;\n");
}

TEST(SocksctlEnvTest, PrintsNothingOnAnError) {
  const TemporaryDirectory directory;
  const std::string file = directory.Write("bad.conf", "route { nonsense }\n");
  const ToolResult result = RunTool({SOCKSCTL_PROGRAM, "env", "-f", file});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, ::testing::StartsWith(file + ":1:"));
  EXPECT_EQ(RunTool({SOCKSCTL_PROGRAM, "env", "--json", "-f", file}).out, "");
}

TEST(SocksctlEnvTest, JsonHasTheVariables) {
  const ToolResult result =
      RunTool({SOCKSCTL_PROGRAM, "env", "--json", "-p", kProxy}, {"LD_PRELOAD=libm.so.6"});
  const nlohmann::json object = nlohmann::json::parse(result.out, nullptr, false);
  EXPECT_EQ(object, nlohmann::json({{"LD_PRELOAD", "libm.so.6:" + LauncherPreload()},
                                    {"SOCKS_CONF", nullptr},
                                    {"SOCKSIFY_FORMAT", nullptr},
                                    {"SOCKSIFY_PROXY", kProxy}}))
      << result.out;
}

}  // namespace
}  // namespace socksify
