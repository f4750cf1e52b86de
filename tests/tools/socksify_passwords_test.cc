// SPDX-License-Identifier: BSD-2-Clause
// Passwords on their way from a configuration to the file that the preload reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "resolver/handed_passwords.h"
#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using testing::RunTool;
using testing::TemporaryDirectory;
using testing::ToolResult;

class SocksifyPasswordsTest : public ::testing::Test {
 protected:
  // A configuration whose one server has `option`.
  std::string Config(const std::string& option) const {
    return files_.Write(
        "a.conf",
        "server office { address: 10.0.0.1 port = 1080 proxyprotocol: socks_v5 method: username\n"
        "                username: alice " +
            option +
            " }\n"
            "route { from: 0/0 to: 0/0 via: office }\n");
  }
  ToolResult Launch(const std::string& file, std::vector<std::string> environment = {}) const {
    environment.push_back("SOCKSIFY_STATE_DIR=" + state_.path());
    return RunTool({SOCKSIFY_PROGRAM, "-f", file, "env"}, environment);
  }
  std::optional<std::string> Found() const {
    return FindHandedPassword(state_.path(), "10.0.0.1:1080 alice");
  }

  TemporaryDirectory files_;
  TemporaryDirectory state_;
};

TEST_F(SocksifyPasswordsTest, CommandsPasswordIsHandedOn) {
  // In two parts, so that the password is not in the configuration.
  const ToolResult result = Launch(Config("password.command: \"printf %s%s sec ret\""));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Found(), "secret");
  EXPECT_EQ((result.out + result.err).find("secret"), std::string::npos);
}

TEST_F(SocksifyPasswordsTest, CommandThatFailsStartsNothing) {
  const std::string file = Config("password.command: \"echo secret; exit 3\"");
  const ToolResult result = Launch(file);
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "socksify: env: not started: server office (" + file +
                            ":1): its password.command ended with exit status 3\n"
                            "  try the command by itself; its first line has to be the password\n");
  EXPECT_EQ(Found(), std::nullopt);
}

TEST_F(SocksifyPasswordsTest, AskedForOnce) {
  const std::string ask = files_.Write("ask", "#!/bin/sh\necho \"$1\" >&2\necho secret\n", 0755);
  const std::string file = Config("password.prompt: yes");
  EXPECT_EQ(Launch(file, {"SOCKSIFY_ASKPASS=" + ask}).err, "Password for alice at socks5 10.0.0.1:1080: \n");
  EXPECT_EQ(Found(), "secret");
  EXPECT_EQ(Launch(file, {"SOCKSIFY_ASKPASS=" + ask}).err, "");
}

}  // namespace
}  // namespace socksify
