// SPDX-License-Identifier: BSD-2-Clause
// How much of a reply is asked for, and that no byte of the application's is lost when it is too much.

#include <string>

#include "tests/dialer/dialer_fixture.h"
#include "tests/dialer/private_health.h"

namespace socksify {
namespace {

using State = Attempt::State;
using testserver::TestServer;

// What was asked for by each receive that got something.
std::string g_asked;

class AttemptReplyTest : public DialerTest {
 protected:
  AttemptReplyTest() : server_(AddServer(proxy_)) {
    options_.health = &health_;
    proxy_.AddEcho("echo.test");
    system_.recv = [](int fd, void* data, size_t size, int flags) {
      const ssize_t received = recv(fd, data, size, flags);
      if (received > 0) g_asked += " " + std::to_string(size);
      return received;
    };
  }
  // Connects by `rule`, and what it asked for. Empty where it failed.
  std::string AskedBy(const Rule& rule) {
    socket_.Reset(socket(AF_INET, SOCK_STREAM, 0));
    attempt_ = std::make_unique<Attempt>(system_, socket_.get(), AF_INET, rule, Name("echo.test"), options_);
    g_asked.clear();
    attempt_->Start(MonotonicMs());
    if (RunToCompletion(system_, socket_.get(), attempt_.get()) != State::kConnected) return "";
    return g_asked;
  }
  std::string Asked() { return AskedBy(MakeRule({Via({server_})})); }

  PrivateHealth health_{1, 300};
  TestServer proxy_;
  Server* server_;
  System system_ = LibcSystem();
};

TEST_F(AttemptReplyTest, IsReadAtOnceFromTheSecondOn) {
  EXPECT_EQ(Asked(), " 2 7 3");
  EXPECT_EQ(Asked(), " 2 10");
  EXPECT_EQ(Echo("hello"), "hello");
  server_->handshake = HandshakeMode::kPipelined;
  EXPECT_TRUE(Asked().starts_with(" 12"));
  EXPECT_EQ(Echo("hello"), "hello");
  options_.health = nullptr;
  server_->handshake = HandshakeMode::kStrict;
  EXPECT_EQ(Asked(), " 2 7 3") << "nobody remembers";
}

TEST_F(AttemptReplyTest, OfAnIpv6AddressTheRestIsReadBehind) {
  proxy_.SetScript("reply.bound=[2001:db8::1]:80 reply.trailing=hello");
  EXPECT_EQ(Asked(), " 2 7 15");
  EXPECT_EQ(Asked(), " 2 10 12");
  EXPECT_EQ(Echo(" world"), "hello world");
}

TEST_F(AttemptReplyTest, AShortOneLosesNothing) {
  for (const HandshakeMode mode : {HandshakeMode::kStrict, HandshakeMode::kPipelined}) {
    PrivateHealth health{1, 300};
    options_.health = &health;
    server_->handshake = mode;
    proxy_.SetScript("");
    Asked();
    ASSERT_EQ(health.ReplyFormOf(*server_, MonotonicMs()), ReplyForm::kUsual);
    const size_t before = proxy_.requests().size();
    proxy_.SetScript("reply.bound=:80 reply.trailing=hello");
    EXPECT_NE(Asked(), "");
    EXPECT_EQ(attempt_->bound().port(), 80);
    EXPECT_EQ(Echo(" world"), "hello world");
    EXPECT_EQ(proxy_.requests().size(), before + 2) << "the first was of no use";
    EXPECT_EQ(health.ReplyFormOf(*server_, MonotonicMs()), ReplyForm::kShort);
    EXPECT_FALSE(health.IsBad(*server_, MonotonicMs()));
    // Never again, also when it has usual ones in between.
    proxy_.SetScript("");
    EXPECT_NE(Asked(), "");
    proxy_.SetScript("reply.bound=:80 reply.trailing=hello");
    EXPECT_NE(Asked(), "");
    EXPECT_EQ(Echo(" world"), "hello world");
    EXPECT_EQ(proxy_.requests().size(), before + 4);
  }
}

// Without anything behind it, it is taken as it is.
TEST_F(AttemptReplyTest, AShortOneIsRemembered) {
  Asked();
  proxy_.SetScript("reply.bound=:80");
  EXPECT_EQ(Asked(), " 2 10");
  EXPECT_EQ(Asked(), " 2 7");
  EXPECT_EQ(proxy_.requests().size(), 3U);
}

TEST_F(AttemptReplyTest, IsReadCarefullyWhereTheProgramMayHaveSentSomething) {
  Asked();
  server_->takes_early_data = true;
  server_->handshake = HandshakeMode::kPipelined;
  EXPECT_TRUE(Asked().starts_with(" 12"));
  options_.allows_early_data = true;
  EXPECT_TRUE(Asked().starts_with(" 9"));
}

TEST_F(AttemptReplyTest, EachHopOfAChainByItself) {
  TestServer inner;
  inner.AddEcho("echo.test");
  Server* const last = AddServer(inner);
  Asked();
  const Rule rule = MakeRule({Via({server_, last})});
  EXPECT_EQ(AskedBy(rule), " 2 10 2 7 3");
  EXPECT_EQ(AskedBy(rule), " 2 10 2 10");
  inner.SetScript("reply.bound=:80 reply.trailing=hello");
  EXPECT_EQ(AskedBy(rule), " 2 10 2 10 2 7 3 2 7") << "all of it carefully, the second time";
  EXPECT_EQ(Echo(" world"), "hello world");
  EXPECT_EQ(health_.ReplyFormOf(*server_, MonotonicMs()), ReplyForm::kUsual);
}

}  // namespace
}  // namespace socksify
