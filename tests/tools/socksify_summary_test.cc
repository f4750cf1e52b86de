// SPDX-License-Identifier: BSD-2-Clause
// `socksify --summary` around programs that write the trace by themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using testing::RunTool;
using testing::TemporaryDirectory;
using testing::ToolResult;

// sh -c SCRIPT under `socksify --summary`, in a state directory of its own that is empty afterwards.
ToolResult RunWithSummary(const std::string& script) {
  const TemporaryDirectory state;
  const ToolResult result =
      RunTool({SOCKSIFY_PROGRAM, "-p", "socks5://127.0.0.1:1080", "--summary", "sh", "-c", script},
              {"SOCKSIFY_STATE_DIR=" + state.path()});
  for (const auto& entry : std::filesystem::directory_iterator(state.path())) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::Not(::testing::StartsWith("summary")));
  }
  return result;
}

TEST(SocksifySummaryTest, SumsUpAtTheEnd) {
  const ToolResult result = RunWithSummary(
      "stat -c %a \"$SOCKSIFY_SUMMARY\"; echo '{\"event\":\"connect\",\"rule\":\"f:1\",\"outcome\":\"ok\","
      "\"path\":\"socks5 h:1\",\"ms\":2.5}' >> \"$SOCKSIFY_SUMMARY\"; exit 7");
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.out, "600\n");
  EXPECT_EQ(result.err,
            "route  connections  failures  bytes sent  received  median ms  worst ms\n"
            "f:1              1         0           -         -        2.5       2.5\n"
            "\n"
            "server      connections  failures  bytes sent  received  median ms  worst ms\n"
            "socks5 h:1            1         0           -         -        2.5       2.5\n");
}

TEST(SocksifySummaryTest, SaysThatThereWasNothing) {
  const ToolResult result = RunWithSummary("true");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "no connections\n");
}

TEST(SocksifySummaryTest, EndsByTheProgramsSignal) {
  for (const int signal : {2, 9, 15}) {
    EXPECT_EQ(RunWithSummary("kill -" + std::to_string(signal) + " $$").signal, signal);
  }
}

TEST(SocksifySummaryTest, SignalsReachTheProgram) {
  const ToolResult passed_on =
      RunWithSummary("trap 'echo term; exit 3' TERM; kill -TERM $PPID; while :; do :; done");
  EXPECT_EQ(passed_on.out, "term\n");
  EXPECT_EQ(passed_on.exit_code, 3);
  EXPECT_EQ(passed_on.err, "no connections\n");
  // A terminal sends this one to both.
  const ToolResult ignored = RunWithSummary("kill -INT $PPID; echo on; exit 4");
  EXPECT_EQ(ignored.out, "on\n");
  EXPECT_EQ(ignored.exit_code, 4);
}

TEST(SocksifySummaryTest, StateDirectoryIsNeeded) {
  const ToolResult result =
      RunTool({SOCKSIFY_PROGRAM, "-p", "socks5://127.0.0.1:1080", "--summary", "echo", "started"},
              {"SOCKSIFY_STATE_DIR=/dev/null"});
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "socksify: no file can be made for the summary: ENOTDIR\n"
            "  set SOCKSIFY_STATE_DIR to a directory of your own, with mode 0700\n");
}

TEST(SocksctlSummaryTest, ReadsAnyTrace) {
  const TemporaryDirectory directory;
  const std::string file = directory.Write("trace", "x\n");
  const ToolResult text = RunTool({SOCKSCTL_PROGRAM, "summary", file});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_EQ(text.out, "no connections\n\n1 line is no JSON object and was passed over\n");
  EXPECT_EQ(RunTool({SOCKSCTL_PROGRAM, "summary", "--json", file}).out,
            "{\"routes\":[],\"servers\":[],\"bad_lines\":1}\n");
  const ToolResult missing = RunTool({SOCKSCTL_PROGRAM, "summary", file + "s"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.err, "socksctl: cannot read '" + file + "s': ENOENT\n");
}

}  // namespace
}  // namespace socksify
