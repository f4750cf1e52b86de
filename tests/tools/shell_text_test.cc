// SPDX-License-Identifier: BSD-2-Clause
#include "tools/shell_text.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using testing::RunTool;
using testing::ToolResult;

const std::vector<EnvironmentChange> kChanges = {{"A", "x y"}, {"B", std::nullopt}};
constexpr char kWild[] = "a 'b' \"c\" $HOME `d` \\e\\\\ !f *g;h#\n\xff~";

TEST(ShellTextTest, SpeaksEachShell) {
  EXPECT_EQ(ToShell(kChanges, Shell::kSh), "export A='x y';\nunset B;\n");
  EXPECT_EQ(ToShell(kChanges, Shell::kCsh), "setenv A 'x y';\nunsetenv B;\n");
  EXPECT_EQ(ToShell(kChanges, Shell::kFish), "set -gx A 'x y';\nset -e B;\n");
}

TEST(ShellTextTest, QuotesAsEachShellDoes) {
  const struct {
    Shell shell;
    const char* line;
  } kCases[] = {
      {Shell::kSh, "export A='it'\\''s! \\';\n"},
      {Shell::kCsh, "setenv A 'it'\\''s\\! \\';\n"},
      {Shell::kFish, "set -gx A 'it\\'s! \\\\';\n"},
  };
  for (const auto& [shell, line] : kCases) EXPECT_EQ(ToShell({{"A", "it's! \\"}}, shell), line);
}

TEST(ShellTextTest, ShellsReadItBack) {
  for (const char* const path : {"/bin/sh", "/bin/bash"}) {
    if (access(path, X_OK) != 0) continue;
    const ToolResult result = RunTool(
        {path, "-c",
         ToShell({{"A", kWild}, {"B", std::nullopt}}, Shell::kSh) + "printf '%s|%s' \"$A\" \"${B-unset}\""},
        {"B=b"});
    EXPECT_EQ(result.out, std::string(kWild) + "|unset") << path << result.err;
  }
}

TEST(ShellTextTest, KnowsItsShells) {
  EXPECT_EQ(ParseShell("sh"), Shell::kSh);
  EXPECT_EQ(ParseShell("csh"), Shell::kCsh);
  EXPECT_EQ(ParseShell("fish"), Shell::kFish);
  EXPECT_EQ(ParseShell("bash"), std::nullopt);
  EXPECT_EQ(ParseShell(""), std::nullopt);
}

}  // namespace
}  // namespace socksify
