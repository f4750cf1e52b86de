// SPDX-License-Identifier: BSD-2-Clause
// The launcher as its user sees it, up to the point where it needs the library.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/version.h"
#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using ::testing::EndsWith;
using testing::RunTool;
using testing::TemporaryDirectory;
using testing::ToolResult;

constexpr char kProxy[] = "socks5://127.0.0.1:1080";

TEST(SocksifyTest, SaysItsVersion) {
  const ToolResult result = RunTool({SOCKSIFY_PROGRAM, "--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, std::string("socksify ") + kVersion + "\n");
  EXPECT_EQ(result.err, "");
}

TEST(SocksifyTest, HelpGoesToStandardOutput) {
  const ToolResult result = RunTool({SOCKSIFY_PROGRAM, "--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, ::testing::HasSubstr("Examples:\n  socksify -p socks5://127.0.0.1:1080 curl"));
  EXPECT_EQ(result.err, "");
}

TEST(SocksifyTest, MistakesGoToStandardError) {
  const ToolResult result = RunTool({SOCKSIFY_PROGRAM, "--nonsense", "true"});
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "socksify: unknown option '--nonsense'\n  try `socksify --help`\n");
}

TEST(SocksifyTest, RefusesToStartOnAConfigurationError) {
  const TemporaryDirectory directory;
  const std::string file = directory.Write("bad.conf", "route { nonsense }\nserver {\n");
  const ToolResult result = RunTool({SOCKSIFY_PROGRAM, "-f", file, "echo", "started"});
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, ::testing::StartsWith(file + ":1:"));
  EXPECT_THAT(result.err, EndsWith("socksify: echo: not started, because the configuration has errors\n"
                                   "  mend them; `socksctl check` reads the configuration again\n"));
}

TEST(SocksifyTest, RefusesToStartWithoutAConfiguration) {
  if (access("/etc/socks.conf", F_OK) == 0) GTEST_SKIP() << "this machine has an /etc/socks.conf";
  const ToolResult result = RunTool({SOCKSIFY_PROGRAM, "echo", "started"});
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, ::testing::StartsWith("socksify: no configuration found: "));
  // Nothing is there that could be mended.
  EXPECT_THAT(result.err, EndsWith("\n  name a file with -f FILE, or a proxy with -p socks5://HOST:PORT\n"
                                   "socksify: echo: not started\n"));
}

TEST(SocksifyTest, RefusesAProxyThatIsNone) {
  const ToolResult result = RunTool({SOCKSIFY_PROGRAM, "-p", "gopher://127.0.0.1", "echo", "started"});
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_EQ(result.out, "");
}

TEST(SocksifyTest, ReportsAMissingProgramAsShellsDo) {
  const TemporaryDirectory directory;
  const ToolResult searched = RunTool({SOCKSIFY_PROGRAM, "-p", kProxy, "no-such-program"});
  EXPECT_EQ(searched.exit_code, 127);
  EXPECT_EQ(searched.err, "socksify: no-such-program: not found in PATH\n");
}

TEST(SocksifyTest, RefusesALogThatCannotBeWritten) {
  const TemporaryDirectory directory;
  for (const char* const option : {"--log", "--trace"}) {
    const std::string path = directory.path() + "/missing/file";
    const ToolResult result = RunTool({SOCKSIFY_PROGRAM, "-p", kProxy, option, path, "echo", "started"});
    EXPECT_EQ(result.exit_code, 125);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "socksify: cannot write to '" + path + "': no such file or directory\n");
  }
}

}  // namespace
}  // namespace socksify
