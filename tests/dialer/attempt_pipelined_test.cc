// SPDX-License-Identifier: BSD-2-Clause
// Handshakes in one flight: with whom, what it saves, and servers that lose what comes early.

#include <atomic>

#include "tests/dialer/dialer_fixture.h"
#include "tests/dialer/private_health.h"

namespace socksify {
namespace {

using State = Attempt::State;
using testserver::TestServer;

std::atomic<int> g_sends = 0;

class AttemptPipelinedTest : public DialerTest {
 protected:
  AttemptPipelinedTest() : server_(AddServer(proxy_)) {
    options_.health = &health_;
    proxy_.AddEcho("echo.test");
    system_.send = [](int fd, const void* data, size_t size, int flags) {
      const ssize_t sent = send(fd, data, size, flags);
      if (sent > 0) ++g_sends;
      return sent;
    };
  }
  // How many messages it took to connect; 0 where it failed.
  int MessagesOf(const Rule& rule) {
    socket_.Reset(socket(AF_INET, SOCK_STREAM, 0));
    attempt_ = std::make_unique<Attempt>(system_, socket_.get(), AF_INET, rule, Name("echo.test"), options_);
    g_sends = 0;
    attempt_->Start(MonotonicMs());
    if (RunToCompletion(system_, socket_.get(), attempt_.get()) != State::kConnected) return 0;
    const int messages = g_sends;
    EXPECT_EQ(Echo("hello"), "hello");
    return messages;
  }
  int Messages() { return MessagesOf(MakeRule({Via({server_})})); }

  PrivateHealth health_{1, 300};
  TestServer proxy_;
  Server* server_;
  System system_ = LibcSystem();
};

TEST_F(AttemptPipelinedTest, OneFlightWhereTheConfigurationSaysSo) {
  EXPECT_EQ(Messages(), 2);
  server_->handshake = HandshakeMode::kPipelined;
  EXPECT_EQ(Messages(), 1);
  proxy_.SetCredentials("alice", "secret");
  server_->methods = kMethodUsername | kMethodNone;
  server_->username = "alice";
  server_->password = "secret";
  EXPECT_EQ(Messages(), 1);
  server_->handshake = HandshakeMode::kStrict;
  EXPECT_EQ(Messages(), 3);
}

TEST_F(AttemptPipelinedTest, AutomaticallyOnlyWhereItIsKnownToBeTaken) {
  EXPECT_EQ(Messages(), 2) << "nothing is known";
  health_.NotePipelining(*server_, MonotonicMs(), Pipelining::kNotTaken);
  EXPECT_EQ(Messages(), 2);
  health_.NotePipelining(*server_, MonotonicMs(), Pipelining::kTaken);
  EXPECT_EQ(Messages(), 1);
  server_->handshake = HandshakeMode::kStrict;
  EXPECT_EQ(Messages(), 2) << "whatever is known";
}

TEST_F(AttemptPipelinedTest, WhoLosesTheFlightIsAskedStrictlyFromThenOn) {
  for (const char* script : {"reply.silent=1", "reply.truncate=0", "method.truncate=0"}) {
    health_.NotePipelining(*server_, MonotonicMs(), Pipelining::kTaken);
    proxy_.SetScript(script);
    const Rule rule = MakeRule({Via({server_})});
    socket_.Reset(socket(AF_INET, SOCK_STREAM, 0));
    attempt_ = std::make_unique<Attempt>(system_, socket_.get(), AF_INET, rule, Name("echo.test"), options_);
    const long long start_ms = MonotonicMs();
    attempt_->Start(start_ms);
    pollfd readable = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&readable, 1, 5000), 1) << script;
    proxy_.SetScript("");
    attempt_->Advance(start_ms);
    // Silence is noticed in the end only.
    if (std::string_view(script) == "reply.silent=1")
      attempt_->Advance(start_ms + options_.negotiate_timeout_ms);
    ASSERT_EQ(RunToCompletion(system_, socket_.get(), attempt_.get()), State::kConnected) << script;
    EXPECT_EQ(Echo("hello"), "hello") << script;
    EXPECT_EQ(health_.PipeliningOf(*server_, MonotonicMs()), Pipelining::kNotTaken) << script;
    EXPECT_FALSE(health_.IsBad(*server_, MonotonicMs())) << script;
    EXPECT_EQ(Messages(), 2) << script;
  }
}

TEST_F(AttemptPipelinedTest, ARefusalIsNoLoss) {
  health_.NotePipelining(*server_, MonotonicMs(), Pipelining::kTaken);
  proxy_.AddRefused("echo.test");
  EXPECT_EQ(Messages(), 0);
  EXPECT_EQ(attempt_->failure().error, ECONNREFUSED);
  EXPECT_EQ(health_.PipeliningOf(*server_, MonotonicMs()), Pipelining::kTaken);
}

TEST_F(AttemptPipelinedTest, AServerThatWantsNoUserNameIsOfferedNone) {
  server_->methods = kMethodNone | kMethodUsername;
  server_->username = "alice";
  server_->password = "secret";
  health_.NotePipelining(*server_, MonotonicMs(), Pipelining::kTaken);
  proxy_.SetScript("method.code=none");
  const Rule rule = MakeRule({Via({server_})});
  socket_.Reset(socket(AF_INET, SOCK_STREAM, 0));
  attempt_ = std::make_unique<Attempt>(system_, socket_.get(), AF_INET, rule, Name("echo.test"), options_);
  attempt_->Start(MonotonicMs());
  pollfd readable = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&readable, 1, 5000), 1);
  proxy_.SetScript("");
  EXPECT_EQ(RunToCompletion(system_, socket_.get(), attempt_.get()), State::kConnected);
  EXPECT_EQ(health_.PipeliningOf(*server_, MonotonicMs()), Pipelining::kTaken);
}

TEST_F(AttemptPipelinedTest, EachHopOfAChainByItself) {
  TestServer inner;
  inner.AddEcho("echo.test");
  Server* const last = AddServer(inner);
  const Rule rule = MakeRule({Via({server_, last})});
  EXPECT_EQ(MessagesOf(rule), 4);
  last->handshake = HandshakeMode::kPipelined;
  EXPECT_EQ(MessagesOf(rule), 3);
  server_->handshake = HandshakeMode::kPipelined;
  EXPECT_EQ(MessagesOf(rule), 2);
}

}  // namespace
}  // namespace socksify
