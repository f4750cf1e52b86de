// SPDX-License-Identifier: BSD-2-Clause
#include "routing/config_host.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace socksify {
namespace {

int ErrorOf(const std::expected<std::string, int>& result) {
  return result ? 0 : result.error();
}

class ConfigHostTest : public testing::Test {
 protected:
  ConfigHostTest() {
    std::string pattern = testing::TempDir() + "/config_host_XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~ConfigHostTest() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& content) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::string directory_;
  ConfigHost host_ = LocalConfigHost();
};

TEST_F(ConfigHostTest, ReadsFilesUpToABound) {
  const std::string text(10'000, 'x');
  const std::string path = Write("file", text);
  EXPECT_EQ(host_.read_file(path, 10'000).value_or(""), text);
  EXPECT_EQ(ErrorOf(host_.read_file(path, 9'999)), EFBIG);
  EXPECT_EQ(ErrorOf(host_.read_file(directory_, 100)), EISDIR);
  EXPECT_EQ(ErrorOf(host_.read_file(directory_ + "/none", 100)), ENOENT);
}

TEST_F(ConfigHostTest, DoesNotWaitForAFifo) {
  const std::string path = directory_ + "/fifo";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(host_.read_file(path, 100).value_or("?"), "");
}

TEST_F(ConfigHostTest, TellsWhoCanReadASecret) {
  const std::string path = Write("secret", "geheim");
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(host_.read_secret(path, 100).value_or(""), "geheim");
  for (const mode_t mode : {0604U, 0602U, 0620U}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_EQ(ErrorOf(host_.read_secret(path, 100)), EPERM) << mode;
  }
  if (geteuid() != 0) GTEST_SKIP() << "the rest needs root";
  for (const mode_t mode : {0600U, 0644U}) {
    ASSERT_EQ(chown(path.c_str(), 1000, 1000), 0);
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_EQ(ErrorOf(host_.read_secret(path, 100)), kOfAnotherUser) << mode;
  }
}

TEST_F(ConfigHostTest, KnowsUsers) {
  const auto root = host_.user_id("root");
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(*root, 0U);
  const auto none = host_.user_id("no-such.user");
  ASSERT_TRUE(none.has_value());
  EXPECT_EQ(*none, std::nullopt);
}

TEST_F(ConfigHostTest, ReadsTheEnvironment) {
  ASSERT_EQ(setenv("SOCKSIFY_TEST_VARIABLE", "value", 1), 0);
  EXPECT_STREQ(host_.get_env("SOCKSIFY_TEST_VARIABLE"), "value");
  ASSERT_EQ(unsetenv("SOCKSIFY_TEST_VARIABLE"), 0);
  EXPECT_EQ(host_.get_env("SOCKSIFY_TEST_VARIABLE"), nullptr);
}

TEST_F(ConfigHostTest, DoesNotKnowInventedServices) {
  EXPECT_FALSE(host_.service_port("no-such-service", "tcp").has_value());
}

TEST_F(ConfigHostTest, FindsLoopback) {
  bool found = false;
  for (const InterfaceAddress& entry : host_.interfaces()) {
    if (entry.address == IpAddress::V4(0x7f000001)) {
      found = true;
      EXPECT_EQ(entry.prefix_bits, 8u);
      EXPECT_FALSE(entry.interface.empty());
    }
  }
  if (!found) GTEST_SKIP() << "this machine has no loopback interface";
}

TEST_F(ConfigHostTest, LoadsARealFile) {
  const std::string path = Write("socks.conf", "route { to: 0/0 port = http via: lo.test port = 1080 }\n");
  const auto config = LoadConfig({path, {}}, host_);
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->origin, path);
}

}  // namespace
}  // namespace socksify
