// SPDX-License-Identifier: BSD-2-Clause
// HTTP CONNECT through the dialer: what is taken from the socket, and new connections for credentials.

#include <atomic>

#include "tests/dialer/dialer_fixture.h"

namespace socksify {
namespace {

using State = Attempt::State;
using testserver::TestServer;

std::atomic<int> g_receives = 0;

class AttemptHttpTest : public DialerTest {
 protected:
  AttemptHttpTest() {
    server_.AddEcho("echo.test");
    server_.AddRefused("refused.test");
    proxy_ = AddServer(server_.endpoints().front(), kServerHttp);
    proxy_->methods = kMethodNone | kMethodUsername;
  }
  void SetUser(uint8_t methods, const char* password = "secret") {
    server_.SetCredentials("alice", "secret");
    proxy_->methods = methods;
    proxy_->username = "alice";
    proxy_->password = password;
    proxy_->has_password = true;
  }
  State DialEcho() { return Dial(MakeRule({Via({proxy_})}), Name("echo.test")); }

  TestServer server_;
  Server* proxy_;
};

TEST_F(AttemptHttpTest, ConnectsByName) {
  ASSERT_EQ(DialEcho(), State::kConnected);
  EXPECT_EQ(Echo("hello"), "hello");
  EXPECT_EQ(server_.requests()[0].protocol, "http");
  EXPECT_EQ(server_.requests()[0].host, "echo.test");
}

TEST_F(AttemptHttpTest, LeavesTheFirstApplicationBytesInTheSocket) {
  for (const char* script : {"reply.trailing=banner", "reply.trailing=banner reply.split=1",
                             "reply.trailing=banner http.lf=1", "reply.trailing=banner http.continue=2"}) {
    server_.SetScript(script);
    ASSERT_EQ(DialEcho(), State::kConnected) << script;
    char buffer[16] = {};
    EXPECT_EQ(recv(socket_.get(), buffer, 6, MSG_WAITALL), 6) << script;
    EXPECT_STREQ(buffer, "banner") << script;
  }
}

TEST_F(AttemptHttpTest, ALongHeaderTakesFewCalls) {
  server_.SetScript("http.headers=X-Long:%20" + std::string(600, 'x'));
  System system = LibcSystem();
  system.recv = [](int fd, void* data, size_t size, int flags) {
    ++g_receives;
    return recv(fd, data, size, flags);
  };
  const Rule rule = MakeRule({Via({proxy_})});
  socket_.Reset(socket(AF_INET, SOCK_STREAM, 0));
  Attempt attempt(system, socket_.get(), AF_INET, rule, Name("echo.test"), {});
  g_receives = 0;
  attempt.Start(MonotonicMs());
  ASSERT_EQ(RunToCompletion(system, socket_.get(), &attempt), State::kConnected);
  // A look and a taking, for each time that something is there.
  EXPECT_LE(g_receives, 6);
  EXPECT_EQ(Echo("hello"), "hello");
}

TEST_F(AttemptHttpTest, BasicGoesWithTheFirstRequest) {
  SetUser(kMethodUsername);
  ASSERT_EQ(DialEcho(), State::kConnected);
  EXPECT_EQ(Echo("hello"), "hello");
  EXPECT_EQ(server_.requests()[0].auth, "basic");
  EXPECT_EQ(server_.requests()[0].requests, 1U);
}

TEST_F(AttemptHttpTest, DigestAnswersOnTheSameConnection) {
  SetUser(kMethodDigest);
  server_.SetScript("http.keep=1");
  ASSERT_EQ(DialEcho(), State::kConnected);
  EXPECT_EQ(Echo("hello"), "hello");
  ASSERT_EQ(server_.requests().size(), 1U);
  EXPECT_EQ(server_.requests()[0].auth, "digest");
  EXPECT_EQ(server_.requests()[0].requests, 2U);
}

TEST_F(AttemptHttpTest, DigestAnswersOnANewConnectionWhereTheProxyEndsTheFirst) {
  SetUser(kMethodDigest);
  server_.SetScript("http.keep=0");
  ASSERT_EQ(DialEcho(), State::kConnected);
  EXPECT_TRUE(attempt_->has_failed_over()) << "the socket was taken back";
  EXPECT_EQ(Echo("hello"), "hello");
  ASSERT_EQ(server_.requests().size(), 2U);
  EXPECT_EQ(server_.requests()[1].auth, "digest");
}

TEST_F(AttemptHttpTest, AnInnerHopMayEndItsConnectionToo) {
  SetUser(kMethodDigest);
  server_.SetScript("http.keep=0");
  TestServer outer;
  TestServer last;
  last.AddEcho("echo.test");
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(outer), proxy_, AddServer(last)})}), Name("echo.test")),
            State::kConnected);
  EXPECT_EQ(Echo("hello"), "hello");
  EXPECT_EQ(outer.requests().size(), 2U) << "the way to the proxy is gone again";
  EXPECT_EQ(server_.requests().size(), 2U);
  EXPECT_EQ(last.requests().size(), 1U);
}

TEST_F(AttemptHttpTest, WrongCredentialsAreTheServersFault) {
  for (const uint8_t methods : {uint8_t{kMethodUsername}, uint8_t{kMethodDigest}}) {
    SetUser(methods, "wrong");
    for (const char* script : {"http.keep=0", "http.keep=1"}) {
      server_.SetScript(script);
      EXPECT_EQ(DialEcho(), State::kFailed) << script;
      EXPECT_EQ(attempt_->failure().error, EACCES) << script;
      EXPECT_EQ(attempt_->failure().reply_code, 407) << script;
    }
  }
}

TEST_F(AttemptHttpTest, ARefusalByTheDestinationIsTheAnswer) {
  TestServer next;
  next.AddEcho("refused.test");
  ASSERT_EQ(Dial(MakeRule({Via({proxy_}), Via({AddServer(next)})}), Name("refused.test")), State::kFailed);
  EXPECT_EQ(attempt_->failure().error, EHOSTUNREACH);
  EXPECT_TRUE(next.requests().empty());
}

TEST_F(AttemptHttpTest, AnIpv6AddressStandsInBrackets) {
  server_.AddEcho("2001:db8::7");
  ASSERT_EQ(Dial(MakeRule({Via({proxy_})}), *Endpoint::FromHost("2001:db8::7", 7)), State::kConnected);
  EXPECT_EQ(server_.requests()[0].host, "2001:db8::7");
}

}  // namespace
}  // namespace socksify
