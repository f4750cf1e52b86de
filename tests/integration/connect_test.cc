// SPDX-License-Identifier: BSD-2-Clause
// connect(2) and its relatives, as a program sees them.

#include <unistd.h>

#include <sstream>

#include "tests/integration/echo_origin.h"
#include "tests/integration/preload_fixture.h"
#include "tests/server/closed_port.h"

namespace socksify {
namespace {

using testing::HasSubstr;
using testserver::AddressType;
using testserver::TestServer;

class ConnectTest : public PreloadTest {
 protected:
  // The same options and flags after a proxied connect() as after a direct one; returns the local port.
  std::string ExpectOptionsAreKept() const {
    const ProgramOutcome direct = RunDirect("options", {"127.0.0.1", origin_.port()});
    EXPECT_EQ(direct.exit_code, 0) << direct.out;
    const ProgramOutcome proxied = Run("options", {"echo.test", "7"});
    const size_t port_at = proxied.out.rfind("port ");
    EXPECT_EQ(proxied.out.substr(0, port_at), direct.out.substr(0, direct.out.rfind("port ")));
    return port_at == std::string::npos ? ""
                                        : proxied.out.substr(port_at + 5, proxied.out.size() - port_at - 6);
  }

  EchoOrigin origin_;
};

TEST_F(ConnectTest, EveryWayLooksLikeADirectConnection) {
  for (const char* mode : {"plain", "syscall", "nonblock", "twice"}) {
    const ProgramOutcome direct = RunDirect("connect", {"127.0.0.1", origin_.port(), mode});
    EXPECT_EQ(direct.exit_code, 0) << mode << direct.out;
    const ProgramOutcome proxied = Run("connect", {"echo.test", "7", mode});
    EXPECT_EQ(proxied.out, direct.out) << mode;
    EXPECT_EQ(proxied.exit_code, 0) << mode;
    EXPECT_EQ(proxied.err, "") << mode;
    EXPECT_EQ(server_.requests().back().host, "echo.test");
    EXPECT_EQ(server_.requests().back().port, 7);
  }
}

TEST_F(ConnectTest, AddressesFollowTheSameTable) {
  const struct {
    const char* host;
    const char* mode;
    AddressType type;
    const char* sent;
  } kCases[] = {{"10.99.99.99", "plain", AddressType::kV4, "10.99.99.99"},
                {"2001:db8::7", "plain", AddressType::kV6, "2001:db8::7"},
                {"::ffff:10.99.99.99", "plain", AddressType::kV4, "10.99.99.99"},
                {"::ffff:10.99.99.99", "syscall", AddressType::kV4, "10.99.99.99"},
                {"echo.test", "v6socket", AddressType::kName, "echo.test"}};
  for (const auto& test : kCases) {
    const ProgramOutcome proxied = Run("connect", {test.host, "7", test.mode});
    EXPECT_EQ(proxied.out, "echo hello\npeer is target: 1\ndescriptors more: 1\n") << test.host;
    ASSERT_FALSE(server_.requests().empty());
    EXPECT_EQ(server_.requests().back().address_type, test.type) << test.host;
    EXPECT_EQ(server_.requests().back().host, test.sent) << test.host;
  }
}

TEST_F(ConnectTest, FailsOverWithinOneConnect) {
  const testserver::ClosedPort gone;
  const std::string dead = "socks5://" + gone.endpoint().ToString();
  UseProxies({dead, ProxyUrl(server_)});
  for (const char* mode : {"plain", "nonblock"}) {
    const ProgramOutcome outcome = Run("connect", {"echo.test", "7", mode});
    EXPECT_EQ(outcome.out, "echo hello\npeer is target: 1\ndescriptors more: 1\n") << mode;
  }
  UseProxies({dead, dead});
  EXPECT_EQ(Run("connect", {"echo.test", "7"}).out, "connect: ECONNREFUSED\n");
}

TEST_F(ConnectTest, ARefusedDestinationIsNotTriedElsewhere) {
  TestServer second;
  UseProxies({ProxyUrl(server_), ProxyUrl(second)});
  EXPECT_EQ(Run("connect", {"refused.test", "7"}).out, "connect: ECONNREFUSED\n");
  EXPECT_TRUE(second.requests().empty());
}

TEST_F(ConnectTest, EveryReplyHasItsErrno) {
  const char* const kErrors[] = {"ECONNREFUSED", "EACCES",    "ENETUNREACH", "EHOSTUNREACH",
                                 "ECONNREFUSED", "ETIMEDOUT", "EOPNOTSUPP",  "EAFNOSUPPORT"};
  for (size_t i = 0; i < std::size(kErrors); ++i) {
    const std::string host = "code" + std::to_string(i + 1) + ".test";
    server_.AddRefused(host, static_cast<uint8_t>(i + 1));
    EXPECT_EQ(Run("connect", {host, "7"}).out, std::string("connect: ") + kErrors[i] + "\n") << host;
  }
}

TEST_F(ConnectTest, MisbehavingServersHaveTheirErrno) {
  const struct {
    const char* script;
    const char* error;
  } kCases[] = {{"method.code=none", "EACCES"},      {"method.version=4", "ECONNABORTED"},
                {"reply.version=4", "ECONNABORTED"}, {"reply.truncate=4", "ECONNABORTED"},
                {"reply.junk=40", "ECONNABORTED"},   {"close.at=0", "ECONNABORTED"}};
  for (const auto& test : kCases) {
    TestServer bad;
    bad.AddEcho("echo.test");
    bad.SetScript(test.script);
    UseProxies({ProxyUrl(bad)});
    EXPECT_EQ(Run("connect", {"echo.test", "7"}).out, std::string("connect: ") + test.error + "\n")
        << test.script;
  }
}

TEST_F(ConnectTest, ASilentServerTimesOut) {
  TestServer silent;
  silent.SetScript("reply.silent=1");
  UseConfig("timeout.negotiate: 1\nroute { from: 0/0 to: 0/0 via: 127.0.0.1 port = " +
            std::to_string(silent.port()) + " }\n");
  EXPECT_EQ(Run("connect", {"echo.test", "7"}).out, "connect: ETIMEDOUT\n");
}

TEST_F(ConnectTest, AThreadThatWaitsCanBeCancelled) {
  TestServer silent;
  silent.SetScript("method.silent=1");
  UseConfig("timeout.negotiate: 1\nroute { from: 0/0 to: 0/0 via: 127.0.0.1 port = " +
            std::to_string(silent.port()) + " }\n");
  EXPECT_EQ(Run("cancel", {"10.99.99.99", "7"}).out, "cleaned up, O_NONBLOCK 0, connected 0\ncancelled 1\n");
  EXPECT_EQ(Run("cancel", {"10.99.99.99", "7", "syscall"}).exit_code, 0)
      << "syscall() is no cancellation point";
}

TEST_F(ConnectTest, AThreadIsNotCancelledWhereItAsksForThePeer) {
  EXPECT_EQ(Run("cancel", {"10.99.99.99", "7", "inherited"}).out, "getpeername: 0\n");
}

// Whatever the program gave: all of a sockaddr_storage, or bytes that mean nothing.
TEST_F(ConnectTest, ThePeerIsInTheKernelsForm) {
  const std::string form = ": own size 1, same address 1, nothing else 1\n";
  const std::string all = "blocking" + form + "non-blocking" + form + "datagrams" + form;
  EXPECT_EQ(RunDirect("peer_form", {"127.0.0.1", origin_.port()}).out, all);
  EXPECT_EQ(Run("peer_form", {"10.99.99.99", "7"}).out, all);
  EXPECT_EQ(Run("peer_form", {"2001:db8::7", "7"}).out, all);
}

// A program that knows nothing of it but its number has to find out whom it leads to.
TEST_F(ConnectTest, WhoIsGivenAConnectionKnowsItsPeer) {
  const char kSeen[] = "connect: EISCONN\npeer is target: 1\necho hello\n";
  const char kWays[] =
      "execve execv execvp execvpe execl execlp execle fexecve execveat execve-by-number execveat-by-number "
      "posix_spawn posix_spawnp system popen wordexp fork _Fork vfork made-in-vfork clone clone-copy "
      "sendmsg sendmsg-by-number sendmmsg";
  std::istringstream ways(kWays);
  for (std::string way; ways >> way;) {
    EXPECT_EQ(RunDirect("handed_on", {way, "127.0.0.1", origin_.port()}).out, kSeen) << way;
    EXPECT_EQ(Run("handed_on", {way, "10.99.99.99", "7"}).out, kSeen) << way;
    EXPECT_EQ(Run("handed_on", {way, "10.99.99.99", "7", "awaited"}).out, kSeen) << way << ", awaited";
  }
  // The kernel has another address for that one.
  UseProxies({"socks5://0.0.0.0:" + std::to_string(server_.port())});
  EXPECT_EQ(Run("handed_on", {"execve", "10.99.99.99", "7"}).out, kSeen);
}

// Whose identity nobody has asked for, and which is another process's, or a copy, or not there any more.
TEST_F(ConnectTest, AConnectionIsTheSameWhateverHappens) {
  const char kSeen[] = "connect: EISCONN\npeer: target\necho hello\n";
  for (const char* const way : {"again", "lent", "by-fork", "by-_Fork", "by-number", "passed", "copied"}) {
    // A connection that another process has made is no news to the kernel.
    EXPECT_EQ(RunDirect("whose_peer", {way, "127.0.0.1", origin_.port(), "127.0.0.1"}).out, kSeen) << way;
    EXPECT_EQ(Run("whose_peer", {way, "10.99.99.99", "7", "echo.test"}).out, kSeen) << way;
    EXPECT_EQ(Run("whose_peer", {way, "10.99.99.99", "7", "echo.test", "awaited"}).out, kSeen)
        << way << ", awaited";
  }
  const char kEnded[] = "connect: EISCONN\npeer: ENOTCONN\n";
  EXPECT_EQ(RunDirect("whose_peer", {"ended", "127.0.0.1", origin_.port()}).out, kEnded);
  EXPECT_EQ(Run("whose_peer", {"ended", "10.99.99.99", "7"}).out, kEnded);
  EXPECT_EQ(Run("whose_peer", {"ended", "10.99.99.99", "7", "echo.test", "awaited"}).out, kEnded);
  server_.SetScript("reply.delay=300");
  EXPECT_EQ(Run("whose_peer", {"begun", "10.99.99.99", "7"}).out, std::string("connect: EALREADY\n") + kSeen);
  server_.SetScript("close.at=13 close.with=rst");
  EXPECT_EQ(Run("whose_peer", {"reset", "10.99.99.99", "7"}).out, kEnded);
}

// It would be sent to the destination.
TEST_F(ConnectTest, NoHandshakeIsSentOnAConnectionThatIsThere) {
  const testserver::ClosedPort gone;
  const std::string dead = gone.endpoint().ip().ToString() + " port = " + std::to_string(gone.port());
  UseConfig(
      "autoroute: none\nroute.maxfail: 0\n"
      "server proxy { address: " +
      dead +
      " proxyprotocol: socks_v5 handshake: pipelined"
      " username: name password: secret }\n"
      "route { from: 0/0 to: 0/0 via: proxy fallback: direct }\n");
  EXPECT_EQ(Run("whose_peer", {"again", "127.0.0.1", origin_.port()}).out,
            "connect: EISCONN\npeer: target\necho hello\n");
}

// Made by a call that runs no handlers, and where it has filled the gaps between its parent's mappings.
TEST_F(ConnectTest, ACopyOfTheProcessIsKnownAsOne) {
  const char kSeen[] = "peer is target: 1\necho hello\n";
  EXPECT_EQ(RunDirect("raw_copy", {"127.0.0.1", origin_.port(), "0x100000", "1"}).out, kSeen);
  for (const char* const size : {"0x1000", "0x40000", "0x100000", "0x400000"}) {
    EXPECT_EQ(Run("raw_copy", {"10.99.99.99", "7", size, "1"}).out, kSeen) << size;
    EXPECT_EQ(Run("raw_copy", {"10.99.99.99", "7", size, "20"}).out, kSeen) << size;
  }
}

// Where another thread is in the middle of a change.
TEST_F(ConnectTest, ACopyMadeInAHandlerConnects) {
  const char kSeen[] = "copies: 150, failed: 0\n";
  EXPECT_EQ(RunDirect("copy_in_handler", {"127.0.0.1", origin_.port()}).out, kSeen);
  EXPECT_EQ(Run("copy_in_handler", {"10.99.99.99", "7"}).out, kSeen);
}

TEST_F(ConnectTest, WithoutMemoryItFailsAndGoesOnLater) {
  EXPECT_EQ(RunDirect("nomemory", {"127.0.0.1", "1"}).out, "start\nwithout memory: ECONNREFUSED\n");
  const ProgramOutcome outcome = Run("nomemory", {"10.99.99.99", "7"});
  EXPECT_EQ(outcome.out, "start\nwithout memory: ENOMEM\nagain: 0\necho hello\n");
  EXPECT_EQ(outcome.exit_code, 0);
}

TEST_F(ConnectTest, BytesBehindTheReplyBelongToTheProgram) {
  server_.AddScript("echo.test", "reply.trailing=HELLO");
  EXPECT_EQ(Run("connect", {"echo.test", "7"}).out, "echo HELLO\npeer is target: 1\ndescriptors more: 1\n");
}

TEST_F(ConnectTest, OptionsFlagsAndPortAreKept) {
  const std::string port = ExpectOptionsAreKept();
  EXPECT_EQ(server_.requests()[0].client, "127.0.0.1:" + port);
}

TEST_F(ConnectTest, OptionsFlagsAndPortAreKeptOverAFailOver) {
  const testserver::ClosedPort gone;
  const std::string dead = "socks5://" + gone.endpoint().ToString();
  UseProxies({dead, ProxyUrl(server_)});
  const std::string port = ExpectOptionsAreKept();
  EXPECT_EQ(server_.requests()[0].client, "127.0.0.1:" + port);
}

TEST_F(ConnectTest, AnIpv6OnlyProxyIsReachedFromAnIpv4Socket) {
  TestServer v6_server({.listen = {"[::1]:0"}});
  v6_server.AddEcho("echo.test");
  UseProxies({ProxyUrl(v6_server)});
  ExpectOptionsAreKept();
  EXPECT_EQ(Run("connect", {"echo.test", "7"}).out, "echo hello\npeer is target: 1\ndescriptors more: 1\n");
}

TEST_F(ConnectTest, FastOpenConnectsAndThenSends) {
  for (const char* way : {"sendto", "sendmsg", "sendmmsg", "option"}) {
    const ProgramOutcome direct = RunDirect("fastopen", {"127.0.0.1", origin_.port(), way});
    ASSERT_EQ(direct.exit_code, 0) << direct.out;
    EXPECT_EQ(Run("fastopen", {"echo.test", "7", way}).out, direct.out) << way;
    EXPECT_EQ(server_.requests().back().host, "echo.test") << way;
    EXPECT_EQ(Run("fastopen", {"10.99.99.99", "7", way}).out, direct.out) << way;
    EXPECT_EQ(server_.requests().back().host, "10.99.99.99") << way;
  }
}

// Also where a configuration file is read, with a mistake in it or not, and where each connection is
// reported.
TEST_F(ConnectTest, TheFirstOneTakesLittleOfTheStack) {
  ASSERT_EQ(RunDirect("thin_stack", {"127.0.0.1", origin_.port()}).out, "echo hello\n");
  options_.environment["SOCKSIFY_VERBOSE"] = "2";
  const ProgramOutcome by_url = Run("thin_stack", {"10.99.99.99", "7"});
  EXPECT_EQ(by_url.out, "echo hello\n");
  EXPECT_THAT(by_url.err, HasSubstr("10.99.99.99"));
  const std::string route = "route { from: 0/0 to: 0/0 via: " + ProxyInConfig() + " }\n";
  UseConfig(route);
  EXPECT_EQ(Run("thin_stack", {"10.99.99.99", "7"}).out, "echo hello\n");
  UseConfig(route + "rout { }\n");
  const ProgramOutcome mistaken = Run("thin_stack", {"10.99.99.99", "7"});
  EXPECT_EQ(mistaken.out, "connect: EACCES\n");
  EXPECT_THAT(mistaken.err, HasSubstr("rout"));
}

TEST_F(ConnectTest, OneTakesFewPages) {
  if (sysconf(_SC_PAGESIZE) != 4096) GTEST_SKIP() << "counted in pages of 4 KiB";
  // The table that the dynamic linker has relocated, and what both change; and the flags of descriptors.
  EXPECT_EQ(Run("own_pages", {"10.99.99.99", "7"}).out, "file 8, descriptors 4\necho hello\n");
}

TEST_F(ConnectTest, AddressSanitizerHasNothingToSay) {
  // Its runtime wants to be the first library.
  options_.environment["ASAN_OPTIONS"] = "verify_asan_link_order=0:detect_leaks=0";
  const ProgramOutcome outcome = Run("connect-asan", {"echo.test", "7"});
  EXPECT_EQ(outcome.out, "echo hello\npeer is target: 1\ndescriptors more: 1\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(ConnectTest, ALocalAddressFromTheProxyCanBeBoundTo) {
  server_.AddScript("echo.test", "reply.bound=203.0.113.9:4321");
  EXPECT_EQ(Run("bindlocal", {"echo.test", "7"}).out, "echo hello\nforeign address: EADDRNOTAVAIL\n");
}

TEST_F(ConnectTest, LoopbackGoesDirect) {
  EXPECT_EQ(Run("connect", {"127.0.0.1", origin_.port()}).exit_code, 0);
  EXPECT_EQ(Run("connect", {"localhost", origin_.port()}).exit_code, 0);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(ConnectTest, DatagramsGoByTheTable) {
  for (const char* way : {"connect", "sendto", "sendmsg", "sendmmsg", "unspec"}) {
    ASSERT_EQ(RunDirect("datagram", {"127.0.0.1", origin_.port(), way}).out, "echo hello\n");
    EXPECT_EQ(Run("datagram", {"127.0.0.1", origin_.port(), way}).out, "echo hello\n") << way;
    EXPECT_EQ(Run("datagram", {"10.99.99.99", "9", way}).out, "echo hello\n") << way;
  }
  UseProxies({ProxyUrl(server_, "socks4")});
  for (const char* way : {"connect", "sendto", "sendmsg", "sendmmsg", "unspec"})
    EXPECT_EQ(Run("datagram", {"10.99.99.99", "9", way}).out, std::string(way) + ": ENETUNREACH\n");
}

TEST_F(ConnectTest, RulesMayAskWhereAConnectionComesFrom) {
  UseConfig("route { from: 127.0.0.0/8 to: 0/0 via: block }\nroute { from: 0/0 to: 0/0 via: " +
            ProxyInConfig() + " }\n");
  EXPECT_EQ(Run("connect", {"10.99.99.99", "7", "bound"}).out, "connect: EACCES\n");
  EXPECT_EQ(Run("connect", {"10.99.99.99", "7"}).exit_code, 0);
}

TEST_F(ConnectTest, BlockedAndUnroutedDestinationsFail) {
  UseConfig(
      "autoroute: none\nroute { from: 0/0 to: 10.99.99.99 via: block }\nroute { from: 0/0 to: .test via: " +
      ProxyInConfig() + " }\n");
  EXPECT_EQ(Run("connect", {"10.99.99.99", "7"}).out, "connect: EACCES\n");
  EXPECT_EQ(Run("connect", {"10.99.99.98", "7"}).out, "connect: ENETUNREACH\n");
  EXPECT_EQ(Run("connect", {"127.0.0.1", origin_.port()}).out, "connect: ENETUNREACH\n");
  EXPECT_EQ(Run("connect", {"echo.test", "7"}).exit_code, 0);
}

}  // namespace
}  // namespace socksify
