// SPDX-License-Identifier: BSD-2-Clause
// Random connects, waits, transfers, copies and forks in many threads, each checked by the victim against a
// model: what it prints must not depend on whether there is a proxy in between. tests/bench/stress.sh does
// the same for as long as one likes.

#include "tests/integration/echo_origin.h"
#include "tests/integration/preload_fixture.h"
#include "tests/server/closed_port.h"

namespace socksify {
namespace {

using testserver::TestServer;

// Known limits (docs/architecture.md): what these do is not the same through a proxy.
constexpr const char* kWithout = "without=ghosts,disconnect,childpending";
constexpr const char* kFaultless = "violations 0\nlost 0\nwrong bytes 0\nmisplaced refusals 0\n";

class StressTest : public PreloadTest {
 protected:
  StressTest() {
    server_.AddEcho("10.99.99.99");
    server_.AddRefused("10.99.99.98");
    options_.deadline = std::chrono::seconds(150);
  }

  // As many steps as take some seconds through a proxy that delays.
  void ExpectFaultless(const std::vector<std::string>& seeds) const {
    for (const std::string& seed : seeds) {
      const ProgramOutcome direct =
          RunProgram({std::string(SOCKSIFY_VICTIMS) + "/victim-stress", seed, "6", "1500",
                      "127.0.0.1:" + origin_.port(), "127.0.0.1:1", kWithout},
                     {.environment = {}, .deadline = options_.deadline});
      EXPECT_EQ(direct.out, kFaultless) << "direct, seed " << seed << "\n" << direct.err;
      EXPECT_EQ(direct.exit_code, 0) << "direct, seed " << seed;
      const ProgramOutcome proxied =
          Run("stress", {seed, "6", "1500", "10.99.99.99:7", "10.99.99.98:7", kWithout});
      EXPECT_EQ(proxied.out, direct.out) << "proxied, seed " << seed << "\n" << proxied.err;
      EXPECT_EQ(proxied.exit_code, direct.exit_code) << "proxied, seed " << seed;
      EXPECT_FALSE(server_.requests().empty());
    }
  }

  EchoOrigin origin_;
};

TEST_F(StressTest, ThroughAPromptProxy) {
  ExpectFaultless({"1", "2"});
}

TEST_F(StressTest, ThroughAProxyThatDelays) {
  server_.AddScript("10.99.99.99", "reply.delay=5");
  server_.AddScript("10.99.99.98", "reply.delay=20");
  ExpectFaultless({"3", "4"});
}

TEST_F(StressTest, ThroughAProxyThatSendsItsReplyInPieces) {
  server_.AddScript("10.99.99.99", "reply.split=1");
  server_.AddScript("10.99.99.98", "reply.split=1 reply.delay=5");
  ExpectFaultless({"5", "6"});
}

// Where success is reported before the reply, a refusal would come too late for the model.
TEST_F(StressTest, WithEarlyData) {
  UseConfig("server early { address: " + ProxyInConfig() + " handshake: pipelined early-data: yes }\n" +
            "route { from: 0/0 to: 10.99.99.98/32 via: " + ProxyInConfig() + " }\n" +
            "route { from: 0/0 to: 0/0 via: early }\n");
  server_.AddScript("10.99.99.99", "reply.delay=5 reply.split=1");
  ExpectFaultless({"9", "10"});
}

TEST_F(StressTest, FailsOverToASecondProxy) {
  const testserver::ClosedPort gone;
  const std::string dead = "socks5://" + gone.endpoint().ToString();
  UseProxies({dead, ProxyUrl(server_)});
  server_.AddScript("10.99.99.99", "reply.delay=5");
  ExpectFaultless({"7", "8"});
}

// A stress test that cannot fail proves nothing: each expectation, made wrong on purpose, is noticed.
TEST_F(StressTest, NoticesEveryFault) {
  for (const char* fault : {"bytes", "data", "oneshot", "readiness", "refusal"}) {
    const ProgramOutcome outcome = RunDirect("stress", {"1", "1", "200", "127.0.0.1:" + origin_.port(),
                                                        "127.0.0.1:1", std::string("fault=") + fault});
    EXPECT_EQ(outcome.exit_code, 1) << fault;
    EXPECT_EQ(outcome.out.substr(0, 27), "violation: seed 1 thread 0 ") << fault << outcome.out;
  }
}

}  // namespace
}  // namespace socksify
