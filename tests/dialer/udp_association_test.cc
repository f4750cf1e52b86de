// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/udp_association.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "protocol/udp_header.h"
#include "routing/udp_paths.h"
#include "tests/dialer/dialer_fixture.h"
#include "tests/dialer/private_health.h"
#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

using testserver::TestServer;

// Proxies of this process share the table of descriptors with the dialer, so the descriptors that are the
// dialer's are told by the calls that it makes.
std::set<int>& OpenDescriptors() {
  static std::set<int> open;
  return open;
}

int CountedSocket(int domain, int type, int protocol) {
  const int fd = socket(domain, type, protocol);
  if (fd >= 0) OpenDescriptors().insert(fd);
  return fd;
}

int CountedClose(int fd) {
  OpenDescriptors().erase(fd);
  return close(fd);
}

int NoSocket(int /*domain*/, int /*type*/, int /*protocol*/) {
  errno = EMFILE;
  return -1;
}

int NoPeer(int /*fd*/, sockaddr* /*address*/, socklen_t* /*size*/) {
  errno = ENOTCONN;
  return -1;
}

class UdpAssociationTest : public DialerTest {
 protected:
  UdpAssociationTest() {
    server_.AddEcho("echo.test");
    system_.socket = &CountedSocket;
    system_.close = &CountedClose;
  }

  // Asks, and checks that nothing but what was asked for is open afterwards.
  UdpAssociation Ask(const Rule& rule) {
    rule_ = rule;
    control_.Reset();
    OpenDescriptors().clear();
    UdpAssociation made = Associate(system_, rule_, Name("echo.test", 7), options_);
    std::set<int> expected;
    if (made.control_fd >= 0) expected.insert(made.control_fd);
    EXPECT_EQ(OpenDescriptors(), expected);
    EXPECT_EQ(made.control_fd >= 0, !made.failure && !made.is_direct);
    control_.Reset(made.control_fd);
    return made;
  }
  UdpAssociation Ask(std::vector<Target> targets) { return Ask(MakeRule(std::move(targets))); }
  UdpAssociation Ask(const TestServer& server) { return Ask({Via({AddServer(server)})}); }

  static void ExpectFailure(const UdpAssociation& made, Fault fault, int error, const char* reason) {
    ASSERT_TRUE(made.failure);
    EXPECT_EQ(made.failure->fault, fault);
    EXPECT_EQ(ErrnoName(made.failure->error), std::string(ErrnoName(error)));
    EXPECT_STREQ(made.failure->reason, reason);
  }

  // What a relay answers a datagram to echo.test; empty for nothing.
  static std::string EchoBy(const Endpoint& relay) {
    SocketAddress address{};
    const int family = relay.ip().is_v6() ? AF_INET6 : AF_INET;
    const socklen_t size = ToSockaddr(relay.ip(), relay.port(), family, &address);
    const UniqueFd fd(socket(family, SOCK_DGRAM, 0));
    UdpHeader header;
    MakeUdpHeader(Name("echo.test", 7), &header);
    std::string sent(header.bytes.begin(), header.bytes.begin() + static_cast<ptrdiff_t>(header.size));
    sent += "hello";
    if (sendto(fd.get(), sent.data(), sent.size(), 0, &address.generic, size) < 0) return "not sent";
    pollfd readable = {.fd = fd.get(), .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, 10'000) != 1) return "";
    std::array<uint8_t, 512> received{};
    const ssize_t count = recv(fd.get(), received.data(), received.size(), 0);
    const auto got =
        ReadUdpHeader(std::span(received).first(static_cast<size_t>(std::max<ssize_t>(count, 0))));
    if (!got) return "no header";
    return {received.begin() + static_cast<ptrdiff_t>(got->size), received.begin() + count};
  }

  // Waits until the kernel knows what became of the connection.
  static void AwaitInput(int fd) {
    pollfd readable = {.fd = fd, .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&readable, 1, 10'000), 1);
  }

  TestServer server_;
  System system_ = LibcSystem();
  UniqueFd control_;
  Rule rule_;
};

TEST_F(UdpAssociationTest, OneServerGivesARelay) {
  const UdpAssociation made = Ask(server_);
  ASSERT_FALSE(made.failure) << made.failure->reason;
  EXPECT_FALSE(made.is_direct);
  EXPECT_EQ(made.target, rule_.group.data());
  EXPECT_EQ(made.relay.ip(), IpAddress::V4(0x7f000001));
  EXPECT_EQ(EchoBy(made.relay), "hello");
  ASSERT_EQ(server_.requests().size(), 1U);
  EXPECT_EQ(server_.requests()[0].protocol, "socks5");
  EXPECT_EQ(server_.requests()[0].command, 3);
  EXPECT_EQ(server_.requests()[0].host, "0.0.0.0") << "where datagrams will come from is not known";
  EXPECT_EQ(server_.requests()[0].port, 0);
}

TEST_F(UdpAssociationTest, TheConnectionIsNonBlockingAndEndsWithExec) {
  const TestServer v6({.listen = {"[::1]:0"}});
  for (const TestServer* server : std::initializer_list<const TestServer*>{&server_, &v6}) {
    ASSERT_FALSE(Ask(*server).failure);
    EXPECT_NE(fcntl(control_.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(fcntl(control_.get(), F_GETFD) & FD_CLOEXEC, 0);
    int keeps_alive = 0;
    socklen_t size = sizeof keeps_alive;
    ASSERT_EQ(getsockopt(control_.get(), SOL_SOCKET, SO_KEEPALIVE, &keeps_alive, &size), 0);
    EXPECT_NE(keeps_alive, 0);
  }
}

TEST_F(UdpAssociationTest, OptionsOfTheCallersSocketDoNotCount) {
  options_.is_bound = true;
  options_.is_nonblocking = false;
  options_.command = Socks5Command::kConnect;
  EXPECT_FALSE(Ask(server_).failure);
  EXPECT_EQ(server_.requests()[0].command, 3);
}

TEST_F(UdpAssociationTest, GivesCredentials) {
  server_.SetCredentials("alice", "secret");
  Server* const proxy = AddServer(server_);
  proxy->methods = kMethodUsername;
  proxy->username = "alice";
  proxy->password = "secret";
  proxy->has_password = true;
  const UdpAssociation made = Ask({Via({proxy})});
  ASSERT_FALSE(made.failure) << made.failure->reason;
  EXPECT_EQ(server_.requests()[0].user, "alice");
  EXPECT_EQ(EchoBy(made.relay), "hello");
}

TEST_F(UdpAssociationTest, TheUnspecifiedAddressAndANameMeanTheProxysOwn) {
  TestServer v6({.listen = {"[::1]:0"}});
  v6.AddEcho("echo.test");
  const struct {
    TestServer* server;
    IpAddress own;
  } kProxies[] = {{&server_, IpAddress::V4(0x7f000001)}, {&v6, *IpAddress::Parse("::1")}};
  for (const auto& [server, own] : kProxies) {
    for (const char* bound : {"0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0", "relay.test:0", ":0"}) {
      // A port of 0 stands for the relay's.
      server->SetScript(std::string("reply.bound=") + bound);
      const UdpAssociation made = Ask(*server);
      ASSERT_FALSE(made.failure) << bound;
      EXPECT_EQ(made.relay.ip().ToString(), own.ToString()) << bound;
      EXPECT_EQ(EchoBy(made.relay), "hello") << bound;
    }
  }
}

TEST_F(UdpAssociationTest, AnotherAddressIsTakenAsSaid) {
  const struct {
    const char* bound;
    const char* relay;
  } kCases[] = {{"192.0.2.9:4567", "192.0.2.9:4567"},
                {"[2001:db8::9]:4567", "[2001:db8::9]:4567"},
                {"[::ffff:192.0.2.9]:4567", "192.0.2.9:4567"}};
  for (const auto& test : kCases) {
    server_.SetScript(std::string("reply.bound=") + test.bound);
    const UdpAssociation made = Ask(server_);
    ASSERT_FALSE(made.failure) << test.bound;
    EXPECT_EQ(made.relay.ToString(), test.relay);
  }
}

// The reply stands behind the answer to the greeting: the server's own would have a port.
constexpr const char* kReplyWithoutPort = "method.trailing=%05%00%00%01%7f%00%00%01%00%00";

TEST_F(UdpAssociationTest, WithoutAPortThereIsNoRelay) {
  server_.SetScript(kReplyWithoutPort);
  ExpectFailure(Ask(server_), Fault::kServer, ECONNABORTED, "the proxy gave no port for its UDP relay");
}

TEST_F(UdpAssociationTest, WithoutAPortTheNextServerIsAsked) {
  TestServer broken;
  broken.SetScript(kReplyWithoutPort);
  const UdpAssociation made = Ask({Via({AddServer(broken)}), Via({AddServer(server_)})});
  ASSERT_FALSE(made.failure) << made.failure->reason;
  EXPECT_EQ(made.target, &rule_.group[1]);
  EXPECT_EQ(EchoBy(made.relay), "hello");
}

TEST_F(UdpAssociationTest, AProxyWhoseAddressIsLostGivesNoRelay) {
  server_.SetScript("reply.bound=0.0.0.0:0");
  system_.getpeername = &NoPeer;
  ExpectFailure(Ask(server_), Fault::kServer, ECONNABORTED, "the proxy dropped the connection");
}

TEST_F(UdpAssociationTest, TheNextServerIsAskedWhenOneFails) {
  options_.connect_timeout_ms = 100;
  PrivateHealth health(1, 300);
  options_.health = &health;
  Server* const dead = AddServer(ClosedPort());
  Server* const silent = AddServer(SilentPort());
  for (Server* const failing : {dead, silent}) {
    const UdpAssociation made = Ask({Via({failing}), Via({AddServer(server_)})});
    ASSERT_FALSE(made.failure) << made.failure->reason;
    EXPECT_EQ(made.target, &rule_.group[1]);
    EXPECT_EQ(EchoBy(made.relay), "hello");
    EXPECT_TRUE(health.IsBad(*failing, MonotonicMs()));
  }
}

TEST_F(UdpAssociationTest, TheNextServerIsAskedWhenOneMisbehaves) {
  const unsigned patience_ms = options_.negotiate_timeout_ms;
  for (const std::string_view script :
       {"method.silent=1", "reply.silent=1", "method.version=4", "reply.version=4", "method.code=none",
        "method.code=2", "method.truncate=1", "reply.truncate=0", "reply.truncate=5", "reply.junk=9",
        "method.truncate=1 close.with=rst", "reply.code=1", "reply.code=8", "reply.code=200"}) {
    // The good one has to keep the limit as well, on a busy machine, too.
    options_.negotiate_timeout_ms = script.find("silent") != script.npos ? 500 : patience_ms;
    TestServer bad;
    bad.SetScript(script);
    const UdpAssociation made = Ask({Via({AddServer(bad)}), Via({AddServer(server_)})});
    ASSERT_FALSE(made.failure) << script << ": " << made.failure->reason;
    EXPECT_EQ(made.target, &rule_.group[1]) << script;
    EXPECT_EQ(bad.requests().size(), 1U) << script;
  }
}

// The request names no destination, so that no refusal is for the destination's sake.
TEST_F(UdpAssociationTest, TheNextServerIsAskedWhenOneRefuses) {
  for (const char* code : {"2", "3", "4", "5", "6", "7"}) {
    TestServer refusing;
    refusing.SetScript(std::string("reply.code=") + code);
    PrivateHealth health(1, 300);
    options_.health = &health;
    Server* const server = AddServer(refusing);
    const UdpAssociation made = Ask({Via({server}), Via({AddServer(server_)})});
    ASSERT_FALSE(made.failure) << code << ": " << made.failure->reason;
    EXPECT_EQ(made.target, &rule_.group[1]) << code;
    EXPECT_FALSE(health.IsBad(*server, MonotonicMs())) << code << ": it may do well for streams";
  }
}

TEST_F(UdpAssociationTest, AServerWithoutUdpIsPassedOverAndKeepsItsHealth) {
  PrivateHealth health(1, 300);
  options_.health = &health;
  TestServer no_udp;
  no_udp.SetUdp(false);
  Server* const server = AddServer(no_udp);
  const UdpAssociation made = Ask({Via({server}), Via({AddServer(server_)})});
  ASSERT_FALSE(made.failure) << made.failure->reason;
  EXPECT_EQ(EchoBy(made.relay), "hello");
  EXPECT_EQ(no_udp.requests()[0].reply_code, 7);
  EXPECT_FALSE(health.IsBad(*server, MonotonicMs()));

  const UdpAssociation refused = Ask({Via({server})});
  ExpectFailure(refused, Fault::kServer, EOPNOTSUPP, "command not supported by the proxy");
  EXPECT_EQ(refused.failure->reply_code, 7);
  EXPECT_EQ(refused.target, rule_.group.data());
}

TEST_F(UdpAssociationTest, TheNextServerIsAskedWhenOneRefusesTheCredentials) {
  TestServer strict;
  strict.SetCredentials("alice", "secret");
  Server* const proxy = AddServer(strict);
  proxy->methods = kMethodUsername;
  proxy->username = "alice";
  proxy->password = "wrong";
  proxy->has_password = true;
  const UdpAssociation made = Ask({Via({proxy}), Via({AddServer(server_)})});
  ASSERT_FALSE(made.failure) << made.failure->reason;
  EXPECT_EQ(made.target, &rule_.group[1]);
  ExpectFailure(Ask({Via({proxy})}), Fault::kServer, EACCES, "the proxy rejected the username and password");
}

TEST_F(UdpAssociationTest, PathsThatCannotCarryUdpAreSkippedWithTheReason) {
  PrivateHealth health(1, 300);
  options_.health = &health;
  const Endpoint address = server_.endpoints().front();
  Server* const socks4 = AddServer(address, kServerSocks4);
  Server* const socks4a = AddServer(address, kServerSocks4 | kServerSocks4a);
  Server* const http = AddServer(address, kServerHttp);
  Server* const unusable = AddServer(address);
  unusable->unusable = "gssapi is not supported yet";
  Server* const good = AddServer(address);
  const struct {
    Target path;
    const char* reason;
  } kCases[] = {{Via({socks4}), "only SOCKS5 carries UDP"},
                {Via({socks4a}), "only SOCKS5 carries UDP"},
                {Via({http}), "only SOCKS5 carries UDP"},
                {Via({good, socks4}), "only SOCKS5 carries UDP"},
                {Via({good, good}), "UDP cannot go through a chain of proxies"},
                {Via({unusable}), "gssapi is not supported yet"}};
  for (const auto& test : kCases) {
    const size_t before = server_.requests().size();
    ExpectFailure(Ask({test.path}), Fault::kServer, EOPNOTSUPP, test.reason);
    EXPECT_EQ(server_.requests().size(), before) << test.reason;
    EXPECT_EQ(CanCarryUdp(test.path), false) << test.reason;
    const UdpAssociation made = Ask({test.path, Via({good})});
    ASSERT_FALSE(made.failure) << test.reason;
    EXPECT_EQ(made.target, &rule_.group[1]) << test.reason;
  }
  for (const Server* server : {socks4, socks4a, http, unusable, good})
    EXPECT_FALSE(health.IsBad(*server, MonotonicMs()));
}

TEST_F(UdpAssociationTest, AFallbackIsAskedLast) {
  Rule rule = MakeRule({Via({AddServer(ClosedPort())})});
  rule.fallback = {Via({AddServer(server_)})};
  const UdpAssociation made = Ask(rule);
  ASSERT_FALSE(made.failure) << made.failure->reason;
  EXPECT_EQ(made.target, rule_.fallback.data());
}

TEST_F(UdpAssociationTest, ADirectPathNeedsNoServer) {
  const UdpAssociation first = Ask({Direct(), Via({AddServer(server_)})});
  ASSERT_FALSE(first.failure);
  EXPECT_TRUE(first.is_direct);
  EXPECT_EQ(first.target, rule_.group.data());
  EXPECT_TRUE(server_.requests().empty());

  const UdpAssociation last = Ask({Via({AddServer(ClosedPort())}), Direct()});
  ASSERT_FALSE(last.failure);
  EXPECT_TRUE(last.is_direct);
  EXPECT_EQ(last.target, &rule_.group[1]);
}

TEST_F(UdpAssociationTest, ABlockIsTheAnswer) {
  Server* const good = AddServer(server_);
  for (const auto& targets :
       {std::vector{Block(), Via({good})}, {Via({AddServer(ClosedPort())}), Block(), Via({good})}}) {
    ExpectFailure(Ask(targets), Fault::kDestination, EACCES, "blocked by a rule");
    EXPECT_TRUE(server_.requests().empty());
  }
}

TEST_F(UdpAssociationTest, ANameOfAProxyThatIsUnknown) {
  system_.resolve = [](const char* /*name*/, std::span<IpAddress> /*out*/) { return size_t{0}; };
  ExpectFailure(Ask({Via({AddServer(Name("proxy.test", 1080))})}), Fault::kServer, EHOSTUNREACH,
                "the proxy's name cannot be resolved");
}

TEST_F(UdpAssociationTest, EveryAddressOfAProxyIsTried) {
  TestServer v6({.listen = {"[::1]:0"}});
  v6.AddEcho("echo.test");
  system_.resolve = [](const char* /*name*/, std::span<IpAddress> out) {
    out[0] = IpAddress::V4(0x7f0000fe);  // nobody is there
    out[1] = *IpAddress::Parse("::1");
    return size_t{2};
  };
  const UdpAssociation made = Ask({Via({AddServer(Name("proxy.test", v6.port()))})});
  ASSERT_FALSE(made.failure) << made.failure->reason;
  EXPECT_EQ(made.relay.ip().ToString(), "::1");
  EXPECT_EQ(EchoBy(made.relay), "hello");
}

TEST_F(UdpAssociationTest, WithoutADescriptorItIsTheCallersFault) {
  system_.socket = &NoSocket;
  ExpectFailure(Ask(server_), Fault::kCaller, EMFILE, "cannot make a socket");
}

TEST_F(UdpAssociationTest, IsAliveUntilTheServerEndsIt) {
  for (const char* how : {"fin", "rst"}) {
    server_.SetScript(std::string("udp.restart=1 close.with=") + how);
    const UdpAssociation made = Ask(server_);
    ASSERT_FALSE(made.failure);
    errno = EXDEV;
    EXPECT_TRUE(IsAssociationAlive(system_, made.control_fd));
    EXPECT_TRUE(IsAssociationAlive(system_, made.control_fd));
    EXPECT_EQ(EchoBy(made.relay), "hello");
    AwaitInput(made.control_fd);
    EXPECT_FALSE(IsAssociationAlive(system_, made.control_fd)) << how;
    EXPECT_FALSE(IsAssociationAlive(system_, made.control_fd)) << how;
    EXPECT_EQ(errno, EXDEV);
  }
  EXPECT_FALSE(IsAssociationAlive(system_, -1));
}

// Nothing is said on that connection once the relay is there, but a proxy may think otherwise.
TEST_F(UdpAssociationTest, IsDeadAlsoBehindBytesThatNobodyReads) {
  server_.SetScript("reply.trailing=hello");
  const UdpAssociation made = Ask(server_);
  ASSERT_FALSE(made.failure);
  EXPECT_TRUE(IsAssociationAlive(system_, made.control_fd));
  server_.Stop();
  pollfd ended = {.fd = made.control_fd, .events = POLLRDHUP, .revents = 0};
  ASSERT_EQ(poll(&ended, 1, 10'000), 1);
  EXPECT_FALSE(IsAssociationAlive(system_, made.control_fd));
}

// What a parsed configuration leads to.
struct RouteCase {
  const char* text;
  bool has_relays;
  bool leads_on;  // the first rule
};

bool LeadsOn(const Rule& rule) {
  return FindUdpObstacle(rule, Endpoint::FromIp(IpAddress::V4(0x0a000001), 9)) == nullptr;
}

TEST(UdpRoutesTest, OfConfigurations) {
  constexpr RouteCase kCases[] = {
      {"route { from: 0/0 to: 10.0.0.0/8 via: 127.0.0.1 port = 1080 proxyprotocol: socks_v5 }\n", true, true},
      {"route { from: 0/0 to: 10.0.0.0/8 via: 127.0.0.1 port = 1080 proxyprotocol: socks_v4 }\n", false,
       false},
      {"route { from: 0/0 to: 10.0.0.0/8 via: 127.0.0.1 port = 1080 proxyprotocol: socks_v4 socks_v5 }\n",
       true, true},
      {"route { from: 0/0 to: 10.0.0.0/8 via: 127.0.0.1 port = 1080 proxyprotocol: socks_v5 protocol: tcp "
       "}\n",
       false, true},
      {"route { from: 0/0 to: 10.0.0.0/8 via: 127.0.0.1 port = 1080 proxyprotocol: socks_v5 protocol: udp "
       "}\n",
       true, true},
      {"route { from: 0/0 to: 10.0.0.0/8 via: 127.0.0.1 port = 1080 proxyprotocol: socks_v5 command: connect "
       "}\n",
       false, true},
      {"route { from: 0/0 to: 10.0.0.0/8 via: 127.0.0.1 port = 1080 proxyprotocol: socks_v5 command: "
       "udpassociate }\n",
       true, true},
      {"route { from: 0/0 to: 10.0.0.0/8 via: direct }\n", false, true},
      {"route { from: 0/0 to: 10.0.0.0/8 via: block }\n", false, false},
  };
  for (const RouteCase& test : kCases) {
    FakeMachine machine;
    const auto config = machine.LoadText(std::string("autoroute: none\n") + test.text);
    ASSERT_TRUE(config) << test.text << FakeMachine::Join(config);
    EXPECT_EQ(HasUdpRelays(config->routes), test.has_relays) << test.text;
    EXPECT_EQ(LeadsOn(config->routes.rules().front()), test.leads_on) << test.text;
  }
}

TEST(UdpRoutesTest, OfProxiesOnTheCommandLine) {
  const struct {
    std::vector<std::string> proxies;
    bool has_relays;
    bool leads_on;
  } kCases[] = {{{"socks5://127.0.0.1:1080"}, true, true},
                {{"socks4://127.0.0.1:1080"}, false, false},
                {{"socks4a://127.0.0.1:1080"}, false, false},
                {{"http://127.0.0.1:8080"}, false, false},
                {{"socks5://127.0.0.1:1080,socks5://127.0.0.2:1080"}, false, false},
                {{"socks4://127.0.0.1:1080", "socks5://127.0.0.1:1080"}, true, true}};
  for (const auto& test : kCases) {
    FakeMachine machine;
    const auto config = machine.Load({"", test.proxies});
    ASSERT_TRUE(config) << test.proxies[0] << FakeMachine::Join(config);
    EXPECT_EQ(HasUdpRelays(config->routes), test.has_relays) << test.proxies[0];
    const auto rules = config->routes.rules();
    const auto via_proxy = std::find_if(rules.begin(), rules.end(), [](const Rule& rule) {
      return rule.group[0].kind == Target::Kind::kProxies;
    });
    ASSERT_NE(via_proxy, rules.end());
    EXPECT_EQ(LeadsOn(*via_proxy), test.leads_on) << test.proxies[0];
  }
}

TEST(UdpRoutesTest, OfAnEmptyTable) {
  EXPECT_FALSE(HasUdpRelays(RouteTable()));
}

}  // namespace
}  // namespace socksify
