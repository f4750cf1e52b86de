// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/attempt.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include "tests/dialer/dialer_fixture.h"
#include "tests/dialer/private_health.h"

namespace socksify {
namespace {

using testserver::TestServer;
using State = Attempt::State;

class AttemptTest : public DialerTest {
 protected:
  AttemptTest() {
    server_.AddEcho("echo.test");
    server_.AddRefused("refused.test");
  }
  TestServer server_;
};

TEST_F(AttemptTest, ConnectsByName) {
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(server_)})}), Name("echo.test", 7)), State::kConnected);
  EXPECT_EQ(Echo("hello"), "hello");
  ASSERT_EQ(server_.requests().size(), 1U);
  EXPECT_EQ(server_.requests()[0].host, "echo.test");
  EXPECT_EQ(server_.requests()[0].port, 7);
  EXPECT_EQ(server_.requests()[0].protocol, "socks5");
}

TEST_F(AttemptTest, SpeaksTheNewestProtocolThatTheServerTakes) {
  const struct {
    uint8_t protocols;
    const char* spoken;
  } kCases[] = {{kServerSocks4 | kServerSocks4a | kServerSocks5, "socks5"},
                {kServerSocks4 | kServerSocks4a, "socks4a"},
                {kServerSocks4a, "socks4a"}};
  for (const auto& test : kCases) {
    const Rule rule = MakeRule({Via({AddServer(server_.endpoints().front(), test.protocols)})});
    EXPECT_EQ(Dial(rule, Name("echo.test")), State::kConnected) << test.spoken;
    EXPECT_EQ(server_.requests().back().protocol, test.spoken);
  }
}

TEST_F(AttemptTest, ASocks4ServerIsNeverSentAName) {
  EXPECT_EQ(Dial(MakeRule({Via({AddServer(server_.endpoints().front(), kServerSocks4)})}), Name("echo.test")),
            State::kFailed);
  EXPECT_EQ(attempt_->failure().error, EAFNOSUPPORT);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(AttemptTest, AServerThatTakesNoNamesIsSkippedAndKeepsItsHealth) {
  PrivateHealth health(1, 300);
  options_.health = &health;
  TestServer socks4;
  Server* const no_names = AddServer(socks4.endpoints().front(), kServerSocks4);
  ASSERT_EQ(Dial(MakeRule({Via({no_names}), Via({AddServer(server_)})}), Name("echo.test")),
            State::kConnected);
  EXPECT_EQ(PathNumber(), 1U);
  EXPECT_EQ(Echo("hello"), "hello");
  EXPECT_TRUE(socks4.requests().empty());
  EXPECT_FALSE(health.IsBad(*no_names, MonotonicMs()));
  // Behind another server as well: the connection to that one is given up.
  ASSERT_EQ(
      Dial(MakeRule({Via({AddServer(server_), no_names}), Via({AddServer(server_)})}), Name("echo.test")),
      State::kConnected);
  EXPECT_EQ(PathNumber(), 1U);
  EXPECT_EQ(Echo("hello"), "hello");
  EXPECT_FALSE(health.IsBad(*no_names, MonotonicMs()));
}

TEST_F(AttemptTest, LeavesTheFirstApplicationBytesInTheSocket) {
  server_.AddScript("echo.test", "reply.trailing=banner");
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(server_)})}), Name("echo.test")), State::kConnected);
  char buffer[16] = {};
  EXPECT_EQ(recv(socket_.get(), buffer, 6, MSG_WAITALL), 6);
  EXPECT_STREQ(buffer, "banner");
}

TEST_F(AttemptTest, TakesRepliesInPieces) {
  server_.SetScript("method.split=1 reply.split=1");
  EXPECT_EQ(Dial(MakeRule({Via({AddServer(server_)})}), Name("echo.test")), State::kConnected);
}

TEST_F(AttemptTest, AuthenticatesWithUserNameAndPassword) {
  server_.SetCredentials("alice", "secret");
  Server* const proxy = AddServer(server_);
  proxy->methods = kMethodUsername;
  proxy->username = "alice";
  proxy->password = "secret";
  proxy->has_password = true;
  EXPECT_EQ(Dial(MakeRule({Via({proxy})}), Name("echo.test")), State::kConnected);
  EXPECT_EQ(server_.requests()[0].user, "alice");
}

TEST_F(AttemptTest, FailsOverFromADeadServer) {
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(ClosedPort())}), Via({AddServer(server_)})}), Name("echo.test")),
            State::kConnected);
  EXPECT_EQ(PathNumber(), 1U);
  EXPECT_EQ(Echo("hello"), "hello");
}

TEST_F(AttemptTest, FailsOverFromASilentAddress) {
  options_.connect_timeout_ms = 100;
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(SilentPort())}), Via({AddServer(server_)})}), Name("echo.test")),
            State::kConnected);
  EXPECT_EQ(Echo("hello"), "hello");
  int error = -1;
  socklen_t size = sizeof error;
  getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  EXPECT_EQ(error, 0);
}

// Each misbehaviour of an established server leads to the next one over the same socket.
TEST_F(AttemptTest, FailsOverFromAnEstablishedConnection) {
  const char* const kScripts[] = {
      "method.silent=1", "method.version=4", "method.truncate=1",         "method.code=none",
      "reply.silent=1",  "reply.version=9",  "reply.truncate=3",          "reply.code=1",
      "reply.junk=20",   "close.at=0",       "close.at=0 close.with=rst", "close.at=5 close.with=rst"};
  const unsigned patience_ms = options_.negotiate_timeout_ms;
  for (const std::string_view script : kScripts) {
    TestServer bad;
    bad.AddEcho("echo.test");
    bad.SetScript(script);
    // The good one has to keep the limit as well, on a busy machine, too.
    options_.negotiate_timeout_ms = script.find("silent") != script.npos ? 500 : patience_ms;
    ASSERT_EQ(Dial(MakeRule({Via({AddServer(bad)}), Via({AddServer(server_)})}), Name("echo.test")),
              State::kConnected)
        << script;
    EXPECT_EQ(bad.requests().size(), 1U) << script;
    EXPECT_EQ(Echo("hello"), "hello") << script;
  }
}

TEST_F(AttemptTest, ARefusalByTheDestinationIsTheAnswer) {
  TestServer second;
  second.AddEcho("refused.test");
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(server_)}), Via({AddServer(second)})}), Name("refused.test")),
            State::kFailed);
  EXPECT_EQ(attempt_->failure().error, ECONNREFUSED);
  EXPECT_EQ(attempt_->failure().fault, Fault::kDestination);
  EXPECT_EQ(attempt_->failure().reply_code, 5);
  EXPECT_TRUE(second.requests().empty());
}

TEST_F(AttemptTest, ReportsTheLastServersError) {
  options_.connect_timeout_ms = 50;
  EXPECT_EQ(
      Dial(MakeRule({Via({AddServer(SilentPort())}), Via({AddServer(ClosedPort())})}), Name("echo.test")),
      State::kFailed);
  EXPECT_EQ(attempt_->failure().error, ECONNREFUSED);
  EXPECT_EQ(
      Dial(MakeRule({Via({AddServer(ClosedPort())}), Via({AddServer(SilentPort())})}), Name("echo.test")),
      State::kFailed);
  EXPECT_EQ(attempt_->failure().error, ETIMEDOUT);
}

TEST_F(AttemptTest, TheSocketIsFitForAnotherConnectAfterAFailure) {
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(server_)})}), Name("refused.test")), State::kFailed);
  ASSERT_EQ(Redial(Name("echo.test")), State::kConnected);
  EXPECT_EQ(Echo("hello"), "hello");
}

TEST_F(AttemptTest, AServerThatFailedIsTriedLastNextTime) {
  PrivateHealth health(1, 300);
  options_.health = &health;
  TestServer bad;
  bad.SetScript("close.at=0");
  const Rule rule = MakeRule({Via({AddServer(bad)}), Via({AddServer(server_)})});
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Dial(rule, Name("echo.test")), State::kConnected);
  EXPECT_EQ(bad.requests().size(), 1U);
  ASSERT_EQ(Dial(rule, Name("refused.test")), State::kFailed);
  EXPECT_EQ(bad.requests().size(), 1U) << "the destination's fault is not the server's";
}

TEST_F(AttemptTest, WalksAChain) {
  TestServer inner;
  inner.AddEcho("echo.test");
  TestServer outer;
  const Endpoint inner_address = inner.endpoints().front();
  Server* const last = AddServer(inner_address, kServerSocks4a);
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(outer), last})}), Name("echo.test")), State::kConnected);
  EXPECT_EQ(Echo("hello"), "hello");
  EXPECT_EQ(outer.requests()[0].host, "127.0.0.1");
  EXPECT_EQ(outer.requests()[0].port, inner_address.port());
  EXPECT_EQ(inner.requests()[0].host, "echo.test");
}

TEST_F(AttemptTest, AnUnreachableInnerHopIsThePathsFault) {
  TestServer outer;
  Server* const dead = AddServer(ClosedPort());
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(outer), dead}), Via({AddServer(server_)})}), Name("echo.test")),
            State::kConnected);
  EXPECT_EQ(PathNumber(), 1U);
}

TEST_F(AttemptTest, BlockAmongTheTargetsEndsTheSeries) {
  EXPECT_EQ(
      Dial(MakeRule({Via({AddServer(ClosedPort())}), Block(), Via({AddServer(server_)})}), Name("echo.test")),
      State::kFailed);
  EXPECT_EQ(attempt_->failure().error, EACCES);
}

TEST_F(AttemptTest, AnUnusableServerFailsWithItsReason) {
  Server* const proxy = AddServer(server_);
  proxy->unusable = "gssapi is not supported";
  EXPECT_EQ(Dial(MakeRule({Via({proxy})}), Name("echo.test")), State::kFailed);
  EXPECT_EQ(attempt_->failure().error, EOPNOTSUPP);
  EXPECT_STREQ(attempt_->failure().reason, "gssapi is not supported");
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(AttemptTest, FallsBackToADirectConnection) {
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(ClosedPort())}), Direct()}), server_.endpoints().front()),
            State::kConnected);
  EXPECT_TRUE(attempt_->target()->hops.empty());
}

TEST_F(AttemptTest, AnIpv4ProxyIsReachedFromAnIpv6Socket) {
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(server_)})}), Name("echo.test"), AF_INET6), State::kConnected);
  EXPECT_EQ(Echo("hello"), "hello");
}

TEST_F(AttemptTest, AnIpv4ProxyIsReachedFromAV6OnlySocket) {
  const Rule rule = MakeRule({Via({AddServer(server_)})});
  UniqueFd v6_only(socket(AF_INET6, SOCK_STREAM, 0));
  const int on = 1;
  ASSERT_EQ(setsockopt(v6_only.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), 0);
  Attempt attempt(LibcSystem(), v6_only.get(), AF_INET6, rule, Name("echo.test"), {});
  attempt.Start(MonotonicMs());
  EXPECT_EQ(RunToCompletion(LibcSystem(), v6_only.get(), &attempt), State::kConnected);
}

TEST_F(AttemptTest, ASocketBoundToIpv6CannotReachAnIpv4Proxy) {
  TestServer v6_server({.listen = {"[::1]:0"}});
  v6_server.AddEcho("echo.test");
  Server* const v4_proxy = AddServer(server_);
  Server* const v6_proxy = AddServer(v6_server);
  const auto dial = [&](const Rule& rule, UniqueFd* bound) {
    bound->Reset(socket(AF_INET6, SOCK_STREAM, 0));
    SocketAddress local;
    const socklen_t size = ToSockaddr(*IpAddress::Parse("::1"), 0, AF_INET6, &local);
    EXPECT_EQ(bind(bound->get(), &local.generic, size), 0);
    attempt_ = std::make_unique<Attempt>(LibcSystem(), bound->get(), AF_INET6, rule, Name("echo.test"),
                                         AttemptOptions{.is_bound = true});
    attempt_->Start(MonotonicMs());
    return RunToCompletion(LibcSystem(), bound->get(), attempt_.get());
  };
  UniqueFd bound;
  const Rule one = MakeRule({Via({v4_proxy})});
  EXPECT_EQ(dial(one, &bound), State::kFailed);
  EXPECT_EQ(attempt_->failure().error, EADDRNOTAVAIL);
  const Rule both = MakeRule({Via({v4_proxy}), Via({v6_proxy})});
  EXPECT_EQ(dial(both, &bound), State::kConnected);
}

TEST_F(AttemptTest, AnIpv6ProxyIsReachedFromAnIpv4SocketByReplacement) {
  TestServer v6_server({.listen = {"[::1]:0"}});
  v6_server.AddEcho("echo.test");
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(v6_server)})}), Name("echo.test"), AF_INET, SOCK_CLOEXEC),
            State::kConnected);
  EXPECT_TRUE(attempt_->is_replaced());
  EXPECT_EQ(fcntl(socket_.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(Echo("hello"), "hello");
}

// The kernel has given the socket an address of its own for the first connection, which must not count.
TEST_F(AttemptTest, AnIpv6ProxyIsReachedAfterAnIpv4OneHasFailed) {
  TestServer v6_server({.listen = {"[::1]:0"}});
  v6_server.AddEcho("echo.test");
  TestServer dropping;
  dropping.SetScript("method.truncate=1");
  for (Server* const failing : {AddServer(ClosedPort()), AddServer(dropping)}) {
    ASSERT_EQ(Dial(MakeRule({Via({failing}), Via({AddServer(v6_server)})}), Name("echo.test")),
              State::kConnected)
        << attempt_->failure().reason;
    EXPECT_EQ(Echo("hello"), "hello");
  }
}

TEST_F(AttemptTest, AReplacedSocketIsPutBackWhenAllFails) {
  TestServer v6_server({.listen = {"[::1]:0"}});
  v6_server.AddRefused("refused.test");
  ASSERT_EQ(Dial(MakeRule({Via({AddServer(v6_server)})}), Name("refused.test")), State::kFailed);
  int domain = 0;
  socklen_t size = sizeof domain;
  getsockopt(socket_.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size);
  EXPECT_EQ(domain, AF_INET);
}

TEST_F(AttemptTest, KeepsFlagsOptionsAndBinding) {
  const Rule rule = MakeRule({Via({AddServer(ClosedPort())}), Via({AddServer(server_)})});
  UniqueFd bound(socket(AF_INET, SOCK_STREAM, 0));
  SocketAddress local;
  socklen_t size = ToSockaddr(IpAddress::V4(0x7f000001), 0, AF_INET, &local);
  ASSERT_EQ(bind(bound.get(), &local.generic, size), 0);
  ASSERT_EQ(getsockname(bound.get(), &local.generic, &size), 0);
  const int idle = 77;
  ASSERT_EQ(setsockopt(bound.get(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle), 0);
  const int flags = fcntl(bound.get(), F_GETFL);

  Attempt attempt(LibcSystem(), bound.get(), AF_INET, rule, Name("echo.test"), {.is_bound = true});
  attempt.Start(MonotonicMs());
  ASSERT_EQ(RunToCompletion(LibcSystem(), bound.get(), &attempt), State::kConnected);
  EXPECT_EQ(fcntl(bound.get(), F_GETFL), flags);
  int value = 0;
  socklen_t value_size = sizeof value;
  getsockopt(bound.get(), IPPROTO_TCP, TCP_KEEPIDLE, &value, &value_size);
  EXPECT_EQ(value, idle);
  SocketAddress now;
  ASSERT_EQ(getsockname(bound.get(), &now.generic, &size), 0);
  EXPECT_EQ(now.v4.sin_port, local.v4.sin_port);
}

TEST_F(AttemptTest, TheCallersOwnMistakesAreTheAnswerAndUndoNothing) {
  const Rule rule = MakeRule({Via({AddServer(server_)})});
  Dial(rule, Name("echo.test"));
  socket_.Reset(socket(AF_INET, SOCK_STREAM, 0));
  SocketAddress address;
  const Endpoint proxy = server_.endpoints().front();
  const socklen_t size = ToSockaddr(proxy.ip(), proxy.port(), AF_INET, &address);
  ASSERT_EQ(connect(socket_.get(), &address.generic, size), 0);
  EXPECT_EQ(Redial(Name("echo.test")), State::kFailed);
  EXPECT_EQ(attempt_->failure().error, EISCONN);
  EXPECT_EQ(getpeername(socket_.get(), &address.generic, std::make_unique<socklen_t>(size).get()), 0);

  Attempt attempt(LibcSystem(), -1, AF_INET, rule, Name("echo.test"), {});
  EXPECT_EQ(attempt.Start(MonotonicMs()), State::kFailed);
  EXPECT_EQ(attempt.failure().error, EBADF);
}

TEST_F(AttemptTest, ASocketWhoseConnectFailedBeforeIsTakenUp) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
  SocketAddress closed;
  const Endpoint dead = ClosedPort();
  const socklen_t size = ToSockaddr(dead.ip(), dead.port(), AF_INET, &closed);
  ASSERT_EQ(connect(fd.get(), &closed.generic, size), -1);
  const Rule rule = MakeRule({Via({AddServer(server_)})});
  Attempt attempt(LibcSystem(), fd.get(), AF_INET, rule, Name("echo.test"), {});
  attempt.Start(MonotonicMs());
  EXPECT_EQ(RunToCompletion(LibcSystem(), fd.get(), &attempt), State::kConnected);
}

TEST_F(AttemptTest, NeverBlocksOnANonBlockingSocketAndResumes) {
  server_.SetScript("method.delay=20 reply.delay=20");
  const Rule rule = MakeRule({Via({AddServer(server_)})});
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  Attempt attempt(LibcSystem(), fd.get(), AF_INET, rule, Name("echo.test"), {.is_nonblocking = true});
  const State first = attempt.Start(MonotonicMs());
  EXPECT_TRUE(first == State::kWaitReadable || first == State::kWaitWritable);
  // Advancing before anything has happened changes nothing.
  for (int i = 0; i < 3; ++i) attempt.Advance(MonotonicMs());
  EXPECT_EQ(RunToCompletion(LibcSystem(), fd.get(), &attempt), State::kConnected);
  EXPECT_NE(fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(AttemptTest, RegistrationsInEpollSurviveTheFailOver) {
  const Rule rule = MakeRule({Via({AddServer(ClosedPort())}), Via({AddServer(server_)})});
  UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
  UniqueFd epoll(epoll_create1(0));
  epoll_event event = {.events = EPOLLOUT, .data = {.u64 = 42}};
  ASSERT_EQ(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event), 0);
  Attempt attempt(LibcSystem(), fd.get(), AF_INET, rule, Name("echo.test"), {});
  attempt.Start(MonotonicMs());
  ASSERT_EQ(RunToCompletion(LibcSystem(), fd.get(), &attempt), State::kConnected);
  epoll_event got{};
  ASSERT_EQ(epoll_wait(epoll.get(), &got, 1, 5000), 1);
  // A copy: the kernel's struct is packed.
  EXPECT_EQ(uint64_t{got.data.u64}, 42U);
  EXPECT_EQ(got.events, static_cast<uint32_t>(EPOLLOUT));
}

}  // namespace
}  // namespace socksify
