// SPDX-License-Identifier: BSD-2-Clause
// The launcher by NEC's name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/version.h"
#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using testing::RunTool;
using testing::TemporaryDirectory;
using testing::ToolResult;

TEST(RunsocksTest, SpeaksInItsOwnName) {
  EXPECT_EQ(RunTool({RUNSOCKS_PROGRAM, "--version"}).out, std::string("runsocks ") + kVersion + "\n");
  const ToolResult mistake = RunTool({RUNSOCKS_PROGRAM, "--nonsense", "true"});
  EXPECT_EQ(mistake.exit_code, 125);
  EXPECT_EQ(mistake.err, "runsocks: unknown option '--nonsense'\n  try `runsocks --help`\n");
  const ToolResult missing = RunTool({RUNSOCKS_PROGRAM, "-p", "socks5://127.0.0.1", "no-such-program"});
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_EQ(missing.err, "runsocks: no-such-program: not found in PATH\n");
}

TEST(RunsocksTest, TakesTheFileOfItsVariable) {
  const TemporaryDirectory directory;
  const std::string file = directory.Write("lib.conf", "route { to: 0/0 via: direct }\n");
  const ToolResult result = RunTool({RUNSOCKS_PROGRAM, "sh", "-c", "echo \"$SOCKS_CONF|$SOCKSIFY_VERBOSE\""},
                                    {"SOCKS5_LIBCONF=" + file, "SOCKS_CONF=/nonexistent", "SOCKS5_DEBUG=1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, file + "|1\n");
  // Under its own name the launcher knows nothing of them.
  const ToolResult other = RunTool({SOCKSIFY_PROGRAM, "sh", "-c", "echo \"$SOCKS_CONF|$SOCKSIFY_VERBOSE\""},
                                   {"SOCKS5_LIBCONF=/nonexistent", "SOCKS_CONF=" + file, "SOCKS5_DEBUG=1"});
  EXPECT_EQ(other.out, file + "|\n");
}

TEST(RunsocksTest, ReadsTheFileAsNecsWithTheServerOfTheVariable) {
  const TemporaryDirectory directory;
  // Without servers: by its content it could be nobody's.
  const std::string file = directory.Write("lib.conf", "socks5 - - -\n");
  const std::vector<std::string> variables = {"SOCKS5_LIBCONF=" + file, "SOCKS5_SERVER=192.0.2.1:1080"};
  const ToolResult result =
      RunTool({RUNSOCKS_PROGRAM, "sh", "-c",
               "echo \"$SOCKS_CONF|$SOCKSIFY_FORMAT\"; exec " SOCKSCTL_PROGRAM " explain 198.51.100.1:80"},
              variables);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, ::testing::StartsWith(file + "|nec\n"));
  EXPECT_THAT(result.out, ::testing::HasSubstr("192.0.2.1"));
}

TEST(RunsocksTest, TakesTheServerOfItsVariable) {
  const ToolResult result = RunTool({RUNSOCKS_PROGRAM, "sh", "-c", "echo \"$LD_PRELOAD|$SOCKS5_SERVER\""},
                                    {"SOCKS5_SERVER=127.0.0.1:1080"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, ::testing::EndsWith("/libsocksify.so|127.0.0.1:1080\n"));
}

}  // namespace
}  // namespace socksify
