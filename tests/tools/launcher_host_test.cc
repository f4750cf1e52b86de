// SPDX-License-Identifier: BSD-2-Clause
#include "tools/launcher_host.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using testing::TemporaryDirectory;

constexpr char kPasswd[] =
    "root:x:0:0:root:/root:/bin/bash\n"
    "+nis::::::\n"
    "\n"
    "odd:x:12a:0:::\n"
    "short:x\n"
    "al:x:1000:1000:Al,,,:/home/al:/bin/sh\n"
    "alice:x:4294967294:1000::/:\n"
    "huge:x:4294967296:1000::/:\n"
    "last:x:7:7::/:";

TEST(LauncherHostTest, ReadsUsers) {
  EXPECT_EQ(FindUserId(kPasswd, "root"), 0U);
  EXPECT_EQ(FindUserId(kPasswd, "al"), 1000U);
  EXPECT_EQ(FindUserId(kPasswd, "alice"), 4294967294U);
  EXPECT_EQ(FindUserId(kPasswd, "last"), 7U);
  for (const char* const none : {"", "nobody", "odd", "short", "+nis", "huge", "x", "ali", "Root"}) {
    EXPECT_EQ(FindUserId(kPasswd, none), std::nullopt) << none;
  }
  EXPECT_TRUE(HasUserId(kPasswd, 7));
  EXPECT_FALSE(HasUserId(kPasswd, 12));
}

constexpr char kServices[] =
    "# comment\n"
    "tcpmux\t\t1/tcp\t\t\t# TCP port service multiplexer\n"
    "domain\t\t53/tcp\n"
    "domain\t\t53/udp nameserver\n"
    "http\t\t80/tcp\t\twww web\t\t# WorldWideWeb HTTP\n"
    "odd 1a/tcp\n"
    "huge 65536/tcp\n"
    "bare\n"
    "last 9/tcp";

TEST(LauncherHostTest, ReadsServices) {
  EXPECT_EQ(FindServicePort(kServices, "tcpmux", "tcp"), 1);
  EXPECT_EQ(FindServicePort(kServices, "domain", "udp"), 53);
  EXPECT_EQ(FindServicePort(kServices, "www", "tcp"), 80);
  EXPECT_EQ(FindServicePort(kServices, "web", "tcp"), 80);
  EXPECT_EQ(FindServicePort(kServices, "nameserver", "udp"), 53);
  EXPECT_EQ(FindServicePort(kServices, "last", "tcp"), 9);
  EXPECT_EQ(FindServicePort(kServices, "nameserver", "tcp"), std::nullopt);
  EXPECT_EQ(FindServicePort(kServices, "tcpmux", "udp"), std::nullopt);
  for (const char* const none : {"", "ww", "HTTP", "odd", "huge", "bare", "WorldWideWeb", "80/tcp", "#"}) {
    EXPECT_EQ(FindServicePort(kServices, none, "tcp"), std::nullopt) << none;
  }
}

// What the files do not hold is asked of a getent that the test has written.
class LauncherHostGetentTest : public ::testing::Test {
 protected:
  LauncherHostGetentTest() {
    directory_.Write("getent",
                     "#!/bin/sh\n"
                     "echo \"$*\" >> '" +
                         directory_.path() +
                         "/asked'\n"
                         "case \"$*\" in\n"
                         "'passwd -- far.away') echo far.away:x:4711:100::/: ;;\n"
                         "'passwd -- broken') exit 1 ;;\n"
                         "'passwd -- killed') kill -9 $$ ;;\n"
                         "'services -- far-service/udp') echo 'far-service  4712/udp' ;;\n"
                         "*) exit 2 ;;\n"
                         "esac\n",
                     0755);
    const char* const path = getenv("PATH");
    saved_path_ = path != nullptr ? path : "/usr/bin:/bin";
    setenv("PATH", (directory_.path() + ":" + saved_path_).c_str(), 1);
  }
  ~LauncherHostGetentTest() override { setenv("PATH", saved_path_.c_str(), 1); }

  std::string Asked() const {
    return host_.read_file(directory_.path() + "/asked", 4096).value_or("nothing");
  }

  TemporaryDirectory directory_;
  std::string saved_path_;
  ConfigHost host_ = LauncherConfigHost();
};

TEST_F(LauncherHostGetentTest, IsNotAskedForWhatTheFilesHold) {
  EXPECT_EQ(host_.user_id("root"), (std::expected<std::optional<uint32_t>, int>(0U)));
  EXPECT_EQ(host_.service_port("no-such-service-but-http", "sctp"), std::nullopt);
  EXPECT_EQ(Asked(), "services -- no-such-service-but-http/sctp\n");
  // The loader knows it without the file.
  host_.service_port("http", "sctp");
  EXPECT_EQ(Asked(), "services -- no-such-service-but-http/sctp\n");
}

TEST_F(LauncherHostGetentTest, KnowsTheRest) {
  EXPECT_EQ(host_.user_id("far.away"), (std::expected<std::optional<uint32_t>, int>(4711U)));
  EXPECT_EQ(host_.service_port("far-service", "udp"), 4712);
  EXPECT_EQ(host_.service_port("far-service", "tcp"), std::nullopt);
  EXPECT_EQ(Asked(), "passwd -- far.away\nservices -- far-service/udp\nservices -- far-service/tcp\n");
}

TEST_F(LauncherHostGetentTest, TellsNobodyFromNobodyKnows) {
  EXPECT_EQ(host_.user_id("no-such.user"), (std::expected<std::optional<uint32_t>, int>(std::nullopt)));
  EXPECT_EQ(host_.user_id("broken"), (std::expected<std::optional<uint32_t>, int>(std::unexpected(EIO))));
  EXPECT_EQ(host_.user_id("killed"), (std::expected<std::optional<uint32_t>, int>(std::unexpected(EIO))));
  setenv("PATH", "/nonexistent", 1);
  EXPECT_EQ(host_.user_id("far.away"),
            (std::expected<std::optional<uint32_t>, int>(std::unexpected(ENOENT))));
}

}  // namespace
}  // namespace socksify
