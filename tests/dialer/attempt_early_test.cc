// SPDX-License-Identifier: BSD-2-Clause
// The program's bytes before the reply: of which servers, from when on, and that there is no way back.

#include "tests/dialer/dialer_fixture.h"
#include "tests/dialer/private_health.h"

namespace socksify {
namespace {

using State = Attempt::State;
using testserver::TestServer;

bool g_is_writable = true;

class AttemptEarlyTest : public DialerTest {
 protected:
  AttemptEarlyTest() : server_(AddServer(proxy_)) {
    options_.health = &health_;
    options_.allows_early_data = true;
    proxy_.AddEcho("echo.test");
    server_->handshake = HandshakeMode::kPipelined;
    server_->takes_early_data = true;
  }

  void StartBy(const Rule& rule, const System& system = LibcSystem()) {
    rule_ = rule;
    socket_.Reset(socket(AF_INET, SOCK_STREAM, 0));
    attempt_ = std::make_unique<Attempt>(system, socket_.get(), AF_INET, rule_, Name("echo.test"), options_);
    attempt_->Start(MonotonicMs());
  }
  // Goes on until the program may send, or the attempt is over.
  bool BecomesEarly() {
    while (!attempt_->may_send_early() && IsWaiting()) Step();
    return attempt_->may_send_early();
  }
  bool IsWaiting() const {
    return attempt_->state() == State::kWaitReadable || attempt_->state() == State::kWaitWritable;
  }
  void Step() {
    pollfd ready = {
        .fd = socket_.get(),
        .events = static_cast<short>(attempt_->state() == State::kWaitReadable ? POLLIN : POLLOUT),
        .revents = 0};
    ASSERT_EQ(poll(&ready, 1, 5000), 1);
    attempt_->Advance(MonotonicMs());
  }
  State Complete() { return RunToCompletion(LibcSystem(), socket_.get(), attempt_.get()); }
  void Send(const char* text) {
    EXPECT_EQ(send(socket_.get(), text, strlen(text), MSG_NOSIGNAL), static_cast<ssize_t>(strlen(text)));
  }
  // As many bytes of what comes back.
  std::string Read(size_t size) {
    std::string got(size, '\0');
    size_t count = 0;
    pollfd readable = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    while (count < size && poll(&readable, 1, 5000) == 1) {
      const ssize_t more = recv(socket_.get(), got.data() + count, size - count, 0);
      if (more <= 0) break;
      count += static_cast<size_t>(more);
    }
    got.resize(count);
    return got;
  }

  PrivateHealth health_{1, 300};
  TestServer proxy_;
  Server* server_;
  Rule rule_;
};

TEST_F(AttemptEarlyTest, BytesRideAlongBehindTheRequest) {
  proxy_.SetScript("reply.delay=50");
  for (const uint8_t protocols : {kServerSocks5, kServerSocks4a}) {
    server_->protocols = protocols;
    server_->health_tag = {};
    StartBy(MakeRule({Via({server_})}));
    ASSERT_TRUE(BecomesEarly()) << int{protocols};
    EXPECT_EQ(attempt_->state(), State::kWaitReadable);
    Send("hello ");
    ASSERT_EQ(Complete(), State::kConnected) << int{protocols};
    EXPECT_TRUE(attempt_->may_send_early());
    Send("again");
    EXPECT_EQ(Read(11), "hello again");
    EXPECT_EQ(proxy_.requests().back().outcome, "connected");
  }
}

TEST_F(AttemptEarlyTest, TakenInOneFlightByWhoIsKnownToTakeIt) {
  server_->handshake = HandshakeMode::kAuto;
  StartBy(MakeRule({Via({server_})}));
  EXPECT_FALSE(BecomesEarly()) << "nothing is known";
  EXPECT_EQ(attempt_->state(), State::kConnected);
  health_.NotePipelining(*server_, MonotonicMs(), Pipelining::kTaken);
  StartBy(MakeRule({Via({server_})}));
  EXPECT_TRUE(BecomesEarly());
  EXPECT_EQ(Complete(), State::kConnected);
}

TEST_F(AttemptEarlyTest, OnlyWhereEverybodyAgrees) {
  const Rule rule = MakeRule({Via({server_})});
  const auto expect_ordinary = [&](const char* what) {
    StartBy(rule);
    EXPECT_FALSE(BecomesEarly()) << what;
    EXPECT_EQ(attempt_->state(), State::kConnected) << what;
  };
  server_->takes_early_data = false;
  expect_ordinary("the server does not");
  server_->takes_early_data = true;
  options_.allows_early_data = false;
  expect_ordinary("the caller does not");
  options_.allows_early_data = true;
  server_->handshake = HandshakeMode::kStrict;
  expect_ordinary("a message at a time");
  server_->handshake = HandshakeMode::kAuto;
  server_->protocols = kServerHttp;
  server_->health_tag = {};
  expect_ordinary("HTTP");
  server_->protocols = kServerSocks4a;
  server_->health_tag = {};
  options_.command = Socks5Command::kBind;
  expect_ordinary("BIND");
}

TEST_F(AttemptEarlyTest, ADeadServerBeforeItIsPassedOver) {
  Server* const dead = AddServer(ClosedPort());
  dead->handshake = HandshakeMode::kPipelined;
  dead->takes_early_data = true;
  StartBy(MakeRule({Via({dead}), Via({server_})}));
  EXPECT_TRUE(BecomesEarly());
  EXPECT_EQ(attempt_->hop(), server_);
  EXPECT_EQ(Complete(), State::kConnected);
}

TEST_F(AttemptEarlyTest, AfterwardsAFailureIsFinal) {
  options_.health = nullptr;
  TestServer second;
  second.AddEcho("echo.test");
  const Rule rule = MakeRule({Via({server_}), Via({AddServer(second)})});
  const struct {
    const char* script;
    int error;
  } kCases[] = {{"reply.code=1", ECONNREFUSED},
                {"reply.code=4", EHOSTUNREACH},
                {"reply.truncate=3", ECONNABORTED},
                {"method.truncate=0", ECONNABORTED},
                {"method.code=none", EACCES}};
  for (const auto& test : kCases) {
    proxy_.SetScript(test.script);
    StartBy(rule);
    ASSERT_TRUE(BecomesEarly()) << test.script;
    Send("hello");
    EXPECT_EQ(Complete(), State::kFailed) << test.script;
    EXPECT_EQ(attempt_->failure().error, test.error) << test.script;
    EXPECT_EQ(attempt_->hop(), server_) << test.script;
  }
  EXPECT_TRUE(second.requests().empty());
}

TEST_F(AttemptEarlyTest, SilenceEndsWithTheTimeOfTheHandshake) {
  proxy_.SetScript("reply.silent=1");
  const long long start_ms = MonotonicMs();
  StartBy(MakeRule({Via({server_})}));
  ASSERT_TRUE(BecomesEarly());
  EXPECT_GE(attempt_->deadline_ms(), start_ms + options_.negotiate_timeout_ms);
  attempt_->Advance(attempt_->deadline_ms() - 1);
  EXPECT_EQ(attempt_->state(), State::kWaitReadable);
  attempt_->Advance(attempt_->deadline_ms());
  EXPECT_EQ(attempt_->state(), State::kFailed);
  EXPECT_EQ(attempt_->failure().error, ETIMEDOUT);
}

TEST_F(AttemptEarlyTest, WhoLosesTheFlightIsNotTrustedAgain) {
  server_->handshake = HandshakeMode::kAuto;
  health_.NotePipelining(*server_, MonotonicMs(), Pipelining::kTaken);
  proxy_.SetScript("reply.truncate=0");
  StartBy(MakeRule({Via({server_})}));
  ASSERT_TRUE(BecomesEarly());
  EXPECT_EQ(Complete(), State::kFailed) << "the program's bytes may be lost, too";
  EXPECT_EQ(health_.PipeliningOf(*server_, MonotonicMs()), Pipelining::kNotTaken);
  EXPECT_FALSE(health_.IsBad(*server_, MonotonicMs()));
  proxy_.SetScript("");
  StartBy(MakeRule({Via({server_})}));
  EXPECT_FALSE(BecomesEarly());
  EXPECT_EQ(attempt_->state(), State::kConnected);
}

TEST_F(AttemptEarlyTest, InAChainTheLastServerCounts) {
  TestServer inner;
  inner.AddEcho("echo.test");
  Server* const last = AddServer(inner);
  last->handshake = HandshakeMode::kPipelined;
  const Rule rule = MakeRule({Via({server_, last})});
  StartBy(rule);
  EXPECT_FALSE(BecomesEarly());
  EXPECT_EQ(attempt_->state(), State::kConnected);
  last->takes_early_data = true;
  StartBy(rule);
  ASSERT_TRUE(BecomesEarly());
  EXPECT_EQ(attempt_->hop(), last);
  EXPECT_EQ(proxy_.requests().back().outcome, "connected") << "the first one has replied";
  Send("hello");
  ASSERT_EQ(Complete(), State::kConnected);
  Send(" more");
  EXPECT_EQ(Read(10), "hello more");
}

// A request that travels with the connection request (tcp(7), fast open) has left before the connection is
// there, which may yet fail.
TEST_F(AttemptEarlyTest, AFastOpenedConnectionHasToBeThere) {
  System system = LibcSystem();
  system.sendto = [](int fd, const void* data, size_t size, int /*flags*/, const sockaddr* address,
                     socklen_t address_size) -> ssize_t {
    return connect(fd, address, address_size) == 0 ? send(fd, data, size, MSG_NOSIGNAL) : -1;
  };
  system.poll = [](pollfd* fds, nfds_t count, int timeout_ms) {
    return g_is_writable ? poll(fds, count, timeout_ms) : 0;
  };
  proxy_.SetScript("reply.delay=100");
  g_is_writable = false;
  StartBy(MakeRule({Via({server_})}), system);
  EXPECT_FALSE(attempt_->may_send_early());
  EXPECT_EQ(attempt_->state(), State::kWaitWritable);
  g_is_writable = true;
  EXPECT_TRUE(BecomesEarly());
  EXPECT_EQ(Complete(), State::kConnected);
}

}  // namespace
}  // namespace socksify
