// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/inbound.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "protocol/bind_query.h"
#include "tests/dialer/dialer_fixture.h"

namespace socksify {
namespace {

using std::string_literals::operator""s;

const std::string kGreeting = "\5\1\0"s;
const std::string kMethod = "\5\0"s;
const std::string kAskAnybody = "\5\2\0\1\0\0\0\0\0\0"s;
const std::string kBound = "\5\0\0\1\12\1\2\3\x12\x34"s;  // 10.1.2.3:4660
const std::string kPeer = "\5\0\0\1\12\0\0\x9\x10\0"s;    // 10.0.0.9:4096

constexpr int kDeadlineMs = 5000;

// A proxy that serves one connection by heart: for each step it waits for exactly these bytes and says those.
// Whoever strays from them is hung up on.
class ProxyByHeart {
 public:
  struct Step {
    std::string heard;
    std::string said;
  };

  explicit ProxyByHeart(std::vector<Step> steps) : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    SocketAddress address{};
    socklen_t size = ToSockaddr(IpAddress::V4(0x7f000001), 0, AF_INET, &address);
    EXPECT_EQ(bind(listener_.get(), &address.generic, size), 0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    EXPECT_EQ(getsockname(listener_.get(), &address.generic, &size), 0);
    endpoint_ = *EndpointFromSockaddr(&address.generic, size);
    thread_ = std::thread([this, steps = std::move(steps)] { Serve(steps); });
  }
  ~ProxyByHeart() {
    if (thread_.joinable()) thread_.join();
  }

  const Endpoint& endpoint() const { return endpoint_; }
  // The connection, once everything has been said; -1 when it did not come to that.
  int Connection() {
    if (thread_.joinable()) thread_.join();
    return connection_.get();
  }
  void Say(const std::string& bytes) {
    EXPECT_EQ(send(Connection(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void HangUp() {
    Connection();
    connection_.Reset();
  }

 private:
  static bool IsReadable(int fd) {
    pollfd readable = {.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&readable, 1, kDeadlineMs) == 1;
  }

  void Serve(const std::vector<Step>& steps) {
    if (!IsReadable(listener_.get())) return;
    UniqueFd connection(accept(listener_.get(), nullptr, nullptr));
    for (const Step& step : steps) {
      std::string heard;
      while (heard.size() < step.heard.size() && IsReadable(connection.get())) {
        char buffer[512];
        const ssize_t size = recv(connection.get(), buffer, step.heard.size() - heard.size(), 0);
        if (size <= 0) break;
        heard.append(buffer, static_cast<size_t>(size));
      }
      EXPECT_EQ(heard, step.heard);
      if (heard != step.heard) return;
      send(connection.get(), step.said.data(), step.said.size(), MSG_NOSIGNAL);
    }
    connection_ = std::move(connection);
  }

  UniqueFd listener_;
  UniqueFd connection_;
  Endpoint endpoint_;
  std::thread thread_;
};

class InboundTest : public DialerTest {
 protected:
  // Asks by `rule`; what came of it is in `inbound_`.
  void Ask(const Rule& rule, const InboundRequest& request = {}) {
    asked_by_ = rule;
    inbound_ = AskToListen(LibcSystem(), asked_by_, request, options_);
    control_.Reset(inbound_.control_fd);
  }
  Rule To(const ProxyByHeart& proxy, uint8_t protocols = kServerSocks5) {
    return MakeRule({Via({AddServer(proxy.endpoint(), protocols)})});
  }

  auto Read() { return ReadPeer(LibcSystem(), control_.get(), &inbound_.handshake); }
  // Reads until there is an answer.
  std::expected<std::optional<Endpoint>, Failure> Await() {
    auto answer = Read();
    pollfd readable = {.fd = control_.get(), .events = POLLIN, .revents = 0};
    while (answer && !*answer && poll(&readable, 1, kDeadlineMs) == 1) answer = Read();
    return answer;
  }
  void ExpectNoPeer(int error, const char* reason) {
    const auto answer = Await();
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().error, error);
    EXPECT_STREQ(answer.error().reason, reason);
  }

  int Option(int option) const {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(getsockopt(control_.get(), SOL_SOCKET, option, &value, &size), 0);
    return value;
  }

  Rule asked_by_;
  Inbound inbound_;
  UniqueFd control_;
};

TEST_F(InboundTest, TellsWhereTheProxyListensAndWhoCame) {
  ProxyByHeart proxy({{kGreeting, kMethod}, {kAskAnybody, kBound}});
  Ask(To(proxy));
  ASSERT_FALSE(inbound_.failure) << inbound_.failure->reason;
  EXPECT_EQ(inbound_.bound.ToString(), "10.1.2.3:4660");
  EXPECT_FALSE(inbound_.is_direct);
  EXPECT_EQ(inbound_.target->hops[0]->address, proxy.endpoint());
  EXPECT_EQ(fcntl(control_.get(), F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  EXPECT_EQ(fcntl(control_.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(Option(SO_KEEPALIVE), 1);

  const auto before = Read();
  ASSERT_TRUE(before.has_value());
  EXPECT_FALSE(before->has_value());

  proxy.Say(kPeer + "220 ready\r\n");
  const auto peer = Await();
  ASSERT_TRUE(peer.has_value() && peer->has_value());
  EXPECT_EQ((*peer)->ToString(), "10.0.0.9:4096");
  EXPECT_EQ(Option(SO_KEEPALIVE), 0);
  char buffer[64];
  EXPECT_EQ(recv(control_.get(), buffer, sizeof buffer, 0), 11);
  EXPECT_EQ(std::string(buffer, 11), "220 ready\r\n");
}

TEST_F(InboundTest, AReplyInPiecesIsNoPeerUntilTheLastOne) {
  ProxyByHeart proxy({{kGreeting, kMethod}, {kAskAnybody, kBound}});
  Ask(To(proxy));
  for (const char byte : kPeer) {
    const auto answer = Read();
    ASSERT_TRUE(answer.has_value());
    ASSERT_FALSE(answer->has_value());
    proxy.Say(std::string(1, byte));
    pollfd readable = {.fd = control_.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&readable, 1, kDeadlineMs), 1);
  }
  const auto peer = Read();
  ASSERT_TRUE(peer.has_value() && peer->has_value());
  EXPECT_EQ((*peer)->ToString(), "10.0.0.9:4096");
}

TEST_F(InboundTest, AnUnspecifiedAddressIsTheProxysOwn) {
  ProxyByHeart socks5({{kGreeting, kMethod}, {kAskAnybody, "\5\0\0\1\0\0\0\0\x12\x34"s}});
  Ask(To(socks5));
  EXPECT_EQ(inbound_.bound.ToString(), "127.0.0.1:4660");
  ProxyByHeart ipv6({{kGreeting, kMethod}, {kAskAnybody, "\5\0\0\4"s + std::string(16, '\0') + "\x12\x34"}});
  Ask(To(ipv6));
  EXPECT_EQ(inbound_.bound.ToString(), "127.0.0.1:4660");
  ProxyByHeart socks4({{"\4\2\0\0\0\0\0\0\0"s, "\0\x5a\x12\x34\0\0\0\0"s}});
  Ask(To(socks4, kServerSocks4));
  EXPECT_EQ(inbound_.bound.ToString(), "127.0.0.1:4660");
}

TEST_F(InboundTest, OfAChainItIsTheLastOnesOwn) {
  ProxyByHeart proxy({{kGreeting, kMethod},
                      {"\5\1\0\1\12\7\7\7\4\x38"s, "\5\0\0\1\0\0\0\0\0\0"s},  // CONNECT 10.7.7.7:1080
                      {kGreeting, kMethod},
                      {kAskAnybody, "\5\0\0\1\0\0\0\0\x12\x34"s}});
  Ask(MakeRule({Via({AddServer(proxy.endpoint()), AddServer(*Endpoint::FromHost("10.7.7.7", 1080))})}));
  ASSERT_FALSE(inbound_.failure) << inbound_.failure->reason;
  EXPECT_EQ(inbound_.bound.ToString(), "10.7.7.7:4660");
}

TEST_F(InboundTest, PortZeroIsNoPort) {
  ProxyByHeart proxy({{kGreeting, kMethod}, {kAskAnybody, "\5\0\0\1\12\1\2\3\0\0"s}});
  Ask(To(proxy));
  ASSERT_TRUE(inbound_.failure);
  EXPECT_EQ(inbound_.failure->error, ECONNABORTED);
  EXPECT_STREQ(inbound_.failure->reason, "the proxy gave no port for its peers");
  EXPECT_EQ(inbound_.control_fd, -1);
}

TEST_F(InboundTest, AsksForAPeerAndAPort) {
  ProxyByHeart proxy({{kGreeting, kMethod}, {"\5\2\0\1\12\0\0\x9\x8\x49"s, kBound}});  // 10.0.0.9, port 2121
  Ask(To(proxy), {.destination = *Endpoint::FromHost("10.0.0.9", 2121), .check = PeerCheck::kOwn});
  ASSERT_FALSE(inbound_.failure) << inbound_.failure->reason;
  proxy.Say(kPeer);
  const auto peer = Await();
  ASSERT_TRUE(peer.has_value() && peer->has_value());
}

TEST_F(InboundTest, ChecksThePeerWhenTold) {
  for (const PeerCheck check : {PeerCheck::kOwn, PeerCheck::kLeftToProxy}) {
    ProxyByHeart proxy({{kGreeting, kMethod}, {"\5\2\0\1\12\0\0\x8\0\0"s, kBound}});
    Ask(To(proxy), {.destination = *Endpoint::FromHost("10.0.0.8", 0), .check = check});
    ASSERT_FALSE(inbound_.failure) << inbound_.failure->reason;
    proxy.Say(kPeer);
    if (check == PeerCheck::kOwn) {
      ExpectNoPeer(EACCES, "a peer of another address than the expected one connected");
    } else {
      EXPECT_TRUE(Await().has_value());
    }
  }
}

TEST_F(InboundTest, TheProxyMayGoAwayBeforeThePeerComes) {
  ProxyByHeart proxy({{kGreeting, kMethod}, {kAskAnybody, kBound}});
  Ask(To(proxy));
  proxy.HangUp();
  ExpectNoPeer(ECONNABORTED, "the proxy closed the connection before a peer connected");
}

TEST_F(InboundTest, AResetIsTheProxysWayToGoAway) {
  ProxyByHeart proxy({{kGreeting, kMethod}, {kAskAnybody, kBound}});
  Ask(To(proxy));
  const linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(proxy.Connection(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  proxy.HangUp();
  ExpectNoPeer(ECONNABORTED, "the proxy closed the connection before a peer connected");
}

TEST_F(InboundTest, TheSecondReplyMayRefuse) {
  ProxyByHeart proxy({{kGreeting, kMethod}, {kAskAnybody, kBound}});
  Ask(To(proxy));
  proxy.Say("\5\6"s);
  ExpectNoPeer(ETIMEDOUT, "TTL expired");
}

TEST_F(InboundTest, AProxyThatWillNotListenLeadsToTheNext) {
  for (const char code : {'\1', '\2', '\5', '\7'}) {
    ProxyByHeart unwilling({{kGreeting, kMethod}, {kAskAnybody, "\5"s + code + "\0\1\0\0\0\0\0\0"s}});
    ProxyByHeart willing({{kGreeting, kMethod}, {kAskAnybody, kBound}});
    Ask(MakeRule({Via({AddServer(unwilling.endpoint())}), Via({AddServer(willing.endpoint())})}));
    ASSERT_FALSE(inbound_.failure) << inbound_.failure->reason;
    EXPECT_EQ(inbound_.target->hops[0]->address, willing.endpoint());
  }
}

TEST_F(InboundTest, TheLastRefusalIsTheAnswer) {
  ProxyByHeart proxy({{kGreeting, kMethod}, {kAskAnybody, "\5\7\0\1\0\0\0\0\0\0"s}});
  Ask(To(proxy));
  ASSERT_TRUE(inbound_.failure);
  EXPECT_EQ(inbound_.failure->error, EOPNOTSUPP);
  EXPECT_EQ(inbound_.failure->reply_code, 7);
  EXPECT_EQ(inbound_.control_fd, -1);
}

TEST_F(InboundTest, ADirectPathAsksNobody) {
  Ask(MakeRule({Direct()}));
  EXPECT_FALSE(inbound_.failure);
  EXPECT_TRUE(inbound_.is_direct);
  EXPECT_EQ(inbound_.control_fd, -1);
}

TEST_F(InboundTest, ABlockedOneIsRefused) {
  Ask(MakeRule({Block()}));
  ASSERT_TRUE(inbound_.failure);
  EXPECT_EQ(inbound_.failure->error, EACCES);
  EXPECT_STREQ(inbound_.failure->reason, "blocked by a rule");
}

// The port that Dante's server connects to: that of the request and of the control connection alike.
TEST_F(InboundTest, TheExtensionListensOnThePortOfTheControlConnection) {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM, 0));
  const int on = 1;
  ASSERT_EQ(setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
  SocketAddress address{};
  socklen_t size = ToSockaddr(IpAddress::V4(0x7f000001), 0, AF_INET, &address);
  ASSERT_EQ(bind(listener.get(), &address.generic, size), 0);
  ASSERT_EQ(getsockname(listener.get(), &address.generic, &size), 0);
  const uint16_t port = EndpointFromSockaddr(&address.generic, size)->port();

  const std::string asked = {static_cast<char>(port >> 8), static_cast<char>(port)};
  ProxyByHeart proxy({{kGreeting, kMethod}, {"\5\2\0\1\xff\xff\xff\xff"s + asked, kBound}});
  Ask(To(proxy), {.destination = BindExtensionRequest(port), .local_port = port});
  ASSERT_FALSE(inbound_.failure) << inbound_.failure->reason;
  ASSERT_EQ(listen(listener.get(), 1), 0);
  size = sizeof address;
  ASSERT_EQ(getpeername(proxy.Connection(), &address.generic, &size), 0);
  EXPECT_EQ(EndpointFromSockaddr(&address.generic, size)->port(), port);
}

TEST_F(InboundTest, APortThatIsTakenCannotServeTheExtension) {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM, 0));
  SocketAddress address{};
  socklen_t size = ToSockaddr(IpAddress::V4(0x7f000001), 0, AF_INET, &address);
  ASSERT_EQ(bind(listener.get(), &address.generic, size), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  ASSERT_EQ(getsockname(listener.get(), &address.generic, &size), 0);
  const uint16_t port = EndpointFromSockaddr(&address.generic, size)->port();
  Ask(MakeRule({Direct()}), {.destination = BindExtensionRequest(port), .local_port = port});
  ASSERT_TRUE(inbound_.failure);
  EXPECT_EQ(inbound_.failure->fault, Fault::kCaller);
  EXPECT_EQ(inbound_.failure->error, EADDRINUSE);
  EXPECT_STREQ(inbound_.failure->reason, "cannot connect from the port that is to listen");
}

}  // namespace
}  // namespace socksify
