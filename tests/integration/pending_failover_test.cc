// SPDX-License-Identifier: BSD-2-Clause
// Fail-over while a program waits: all that it notices is the time.

#include "tests/integration/pending_fixture.h"
#include "tests/server/closed_port.h"

namespace socksify {
namespace {

using testserver::TestServer;

class PendingFailoverTest : public PendingTest {
 protected:
  // `first`, where nobody may be, and then the good server; a second for each step.
  void UseFirst(uint16_t first) {
    UseConfig("timeout.connect: 1\ntimeout.negotiate: 1\nroute.maxfail: 0\n" +
              ("route { from: 0/0 to: 0/0 via: 127.0.0.1 port = " + std::to_string(first) + ", " +
               ProxyInConfig() + " }\n"));
  }

  // In every way of waiting that differs, and in a look around as if there were one proxy.
  void ExpectOnlyTimePasses() {
    server_.AddEcho("10.99.99.97");
    for (const char* way : {"select", "poll", "epoll", "epollet", "epolloneshot", "epollbefore"}) {
      EXPECT_EQ(Run("many", {way, "5", "10.99.99.97", "7"}).out,
                "connected 5\nrefused 0\nfailed 0\nhanging 0\nearly 0\nspurious 0\nwrong 0\nstrangers 0\n")
          << way;
      EXPECT_EQ(server_.requests().back().host, "10.99.99.97") << way;
    }
    ExpectLikeDirect("pending_calls", "completed");
    ExpectAllLikeDirect("pending_epoll", {"before-unseen", "two-sets"});
    ExpectLikeDirect("pending_blocking", "restarted");
  }
};

TEST_F(PendingFailoverTest, FirstProxyRefuses) {
  const testserver::ClosedPort gone;
  const uint16_t port = gone.port();
  UseFirst(port);
  ExpectOnlyTimePasses();
}

TEST_F(PendingFailoverTest, FirstProxyDoesNotAnswer) {
  TestServer silent;
  silent.SetScript("method.silent=1");
  UseFirst(silent.port());
  ExpectOnlyTimePasses();
  EXPECT_FALSE(silent.requests().empty());
}

// Its listener drops what would connect, so that only timeout.connect ends the attempt.
TEST_F(PendingFailoverTest, FirstProxyCannotBeReached) {
  const EchoOrigin gated(Ending::kNever);
  UseFirst(static_cast<uint16_t>(std::stoi(gated.port())));
  ExpectLikeDirect("pending_calls", "completed");
}

TEST_F(PendingFailoverTest, FirstProxyHangsUp) {
  for (const char* script : {"close.at=0", "close.at=2", "reply.truncate=4", "close.at=2 close.with=rst"}) {
    SCOPED_TRACE(script);
    TestServer rude;
    rude.AddEcho("*");  // it would connect, so that the fault is its own
    rude.SetScript(script);
    UseFirst(rude.port());
    ExpectOnlyTimePasses();
    EXPECT_FALSE(rude.requests().empty());
  }
}

TEST_F(PendingFailoverTest, AllProxiesFail) {
  TestServer rude;
  rude.AddEcho("*");
  UseConfig("route { from: 0/0 to: 0/0 via: 127.0.0.1 port = " + std::to_string(rude.port()) + " }\n");
  // Whether a proxy that gives up closes or resets depends on what it has left unread.
  for (const char* script : {"close.at=2", "close.at=2 close.with=rst"}) {
    rude.SetScript(script);
    for (const char* way : {"select", "poll", "epoll", "epollet", "epollbefore"}) {
      EXPECT_EQ(Run("many", {way, "5", "10.99.99.99", "7"}).out,
                "error ECONNABORTED\n"
                "connected 0\nrefused 0\nfailed 5\nhanging 0\nearly 0\nspurious 0\nwrong 0\nstrangers 0\n")
          << script << ", " << way;
    }
  }
}

}  // namespace
}  // namespace socksify
