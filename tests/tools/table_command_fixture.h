// SPDX-License-Identifier: BSD-2-Clause
// TableCommandTest: what the tests of `socksctl names` and `socksctl health` share. Both list a table in the
// state directory, empty it, and have the same to say of what is no table and of what is no configuration.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/tools/tool_runner.h"

namespace socksify::testing {

class TableCommandTest : public ::testing::Test {
 protected:
  // `environment` is the command's besides the state directory, which is there and empty.
  explicit TableCommandTest(std::string command, std::vector<std::string> environment = {})
      : command_(std::move(command)), environment_(std::move(environment)) {
    mkdir(state_.c_str(), 0700);
    environment_.push_back("SOCKSIFY_STATE_DIR=" + state_);
  }

  ToolResult Run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {SOCKSCTL_PROGRAM, command_});
    return RunTool(arguments, environment_);
  }
  nlohmann::json RunForJson(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    return nlohmann::json::parse(Run(arguments).out, nullptr, false);
  }

  // A file of text stands where the table would.
  void ExpectNoTable(const std::string& path) const {
    directory_.Write("state/" + path.substr(path.rfind('/') + 1), "text", 0600);
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{}, {"--json"}, {"--clear"}}) {
      const ToolResult result = Run(arguments);
      EXPECT_EQ(result.exit_code, 1);
      EXPECT_EQ(result.out, "");
      EXPECT_THAT(result.err,
                  ::testing::StartsWith("socksctl: " + path + " is not a table of this version "));
    }
  }

  void ExpectConfigurationErrorAsCheckSaysIt() const {
    const std::string file = directory_.Write("bad.conf", "route { nonsense }\n");
    const ToolResult result = Run({"-f", file});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, ::testing::StartsWith(file + ":1:"));
    EXPECT_THAT(Run({"-f", file, "--json"}).out, ::testing::HasSubstr("\"ok\":false"));
  }

  TemporaryDirectory directory_;
  const std::string state_ = directory_.path() + "/state";

 private:
  const std::string command_;
  std::vector<std::string> environment_;
};

}  // namespace socksify::testing
