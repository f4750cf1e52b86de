// SPDX-License-Identifier: BSD-2-Clause
#include "tools/launch_environment.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "routing/foreign_config.h"

namespace socksify {
namespace {

// "NAME=VALUE" or "-NAME", one a line.
std::string Describe(const LaunchOptions& options) {
  std::string text;
  for (const EnvironmentChange& change : MakeEnvironment(options, "/home/me")) {
    text += change.value ? change.name + "=" + *change.value : "-" + change.name;
    text += "\n";
  }
  return text;
}

TEST(LaunchEnvironmentTest, SaysNothingUnlessAsked) {
  EXPECT_EQ(Describe({}), "");
}

TEST(LaunchEnvironmentTest, FileReplacesProxy) {
  LaunchOptions options;
  options.sources.file = "a.conf";
  EXPECT_EQ(Describe(options), "-SOCKSIFY_PROXY\nSOCKS_CONF=/home/me/a.conf\n-SOCKSIFY_FORMAT\n");
  options.sources.file = "/etc/a.conf";
  EXPECT_EQ(Describe(options), "-SOCKSIFY_PROXY\nSOCKS_CONF=/etc/a.conf\n-SOCKSIFY_FORMAT\n");
}

TEST(LaunchEnvironmentTest, ProxyReplacesFile) {
  LaunchOptions options;
  options.sources.proxies = {"socks5://a,http://b", "socks4://c"};
  EXPECT_EQ(Describe(options),
            "-SOCKS_CONF\nSOCKSIFY_PROXY=socks5://a,http://b socks4://c\n-SOCKSIFY_FORMAT\n");
}

TEST(LaunchEnvironmentTest, FormatGoesWithTheFile) {
  LaunchOptions options;
  options.sources.format = ConfigFormat::kNec;
  EXPECT_EQ(Describe(options), "SOCKSIFY_FORMAT=nec\n");
  options.sources.file = "/etc/a.conf";
  EXPECT_EQ(Describe(options), "-SOCKSIFY_PROXY\nSOCKS_CONF=/etc/a.conf\nSOCKSIFY_FORMAT=nec\n");
}

TEST(LaunchEnvironmentTest, ReportsInAbsolutePaths) {
  LaunchOptions options;
  options.verbose = true;
  options.log = "log";
  options.trace = "./t/trace";
  EXPECT_EQ(Describe(options),
            "SOCKSIFY_VERBOSE=1\nSOCKSIFY_LOG=/home/me/log\nSOCKSIFY_TRACE=/home/me/./t/trace\n");
}

TEST(LaunchEnvironmentTest, AppliesChanges) {
  setenv("SOCKSIFY_TEST_A", "old", 1);
  setenv("SOCKSIFY_TEST_B", "old", 1);
  ApplyEnvironment({{"SOCKSIFY_TEST_A", "new"}, {"SOCKSIFY_TEST_B", std::nullopt}});
  EXPECT_STREQ(getenv("SOCKSIFY_TEST_A"), "new");
  EXPECT_EQ(getenv("SOCKSIFY_TEST_B"), nullptr);
}

TEST(LaunchEnvironmentTest, ProvesThatAFileCanBeWritten) {
  const std::string directory = ::testing::TempDir() + "socksify-appendable-" + std::to_string(getpid());
  std::filesystem::create_directory(directory);
  EXPECT_EQ(CheckAppendable(directory + "/new"), std::nullopt);
  EXPECT_TRUE(std::filesystem::exists(directory + "/new"));
  EXPECT_EQ(CheckAppendable(directory + "/missing/new"), ENOENT);
  EXPECT_EQ(CheckAppendable(directory), EISDIR);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace socksify
