// SPDX-License-Identifier: BSD-2-Clause
// Routes for some users alone, in programs that leave the place or the rights that they were started with.

#include <unistd.h>

#include "tests/integration/echo_origin.h"
#include "tests/integration/preload_fixture.h"

namespace socksify {
namespace {

class UserTest : public PreloadTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }
  EchoOrigin origin_;
};

TEST_F(UserTest, BlocksWhereNoLoginNameIsKnown) {
  UseConfig("autoroute: none\nroute { to: 0/0 user: root via: block }\nroute { to: 0/0 via: direct }\n");
  options_.environment["SOCKS_CONF"] = "/socks.conf";
  EXPECT_EQ(RunDirect("rights", {"chroot", directory_, "127.0.0.1", origin_.port()}).out, "connected\n");
  EXPECT_EQ(Run("rights", {"chroot", directory_, "127.0.0.1", origin_.port()}).out, "connect: EACCES\n");
}

TEST_F(UserTest, KnowsWhoTheProgramHasBecome) {
  UseConfig("autoroute: none\nroute { to: 0/0 user: 0 via: direct }\nroute { to: 0/0 via: block }\n");
  EXPECT_EQ(RunDirect("rights", {"setuid", "65534", "127.0.0.1", origin_.port()}).out,
            "connected\nconnected\n");
  EXPECT_EQ(Run("rights", {"setuid", "65534", "127.0.0.1", origin_.port()}).out,
            "connected\nconnect: EACCES\n");
}

}  // namespace
}  // namespace socksify
