// SPDX-License-Identifier: BSD-2-Clause
// Datagrams by SOCKS5 UDP ASSOCIATE (RFC 1928 section 7), as a program sees them.

#include "tests/integration/udp_fixture.h"
#include "tests/server/closed_port.h"

namespace socksify {
namespace {

using testing::ContainsRegex;
using testserver::TestServer;

constexpr const char* kEcho = "echo of peer 0\n";
constexpr const char* kNothing = "nothing: EAGAIN\n";
constexpr const char* kNothingLeft = "left: EAGAIN\n";

std::string Times(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

class UdpPeersTest : public UdpTest {
 protected:
  // What victim udp_peers prints of the peers behind the proxies.
  std::string Peers(const std::vector<std::string>& arguments) const {
    const ProgramOutcome outcome = Run("udp_peers", arguments);
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(outcome.exit_code, 0);
    return outcome.out;
  }
  std::string Ask(int count, const std::string& host = "10.99.99.99") const {
    return Peers({"ask", std::to_string(count), host, "7"});
  }

  const testserver::ClosedPort gone_;
};

TEST_F(UdpTest, ByEveryCall) {
  ExpectLikeDirect("udp_calls", {"recvfrom", "recvfrom-nobody", "recv", "read", "readv", "recvmsg",
                                 "recvmmsg", "recvmmsg-waitforone", "poll", "epoll", "select"});
}

TEST_F(UdpTest, ByNumber) {
  ExpectLikeDirect("udp_calls",
                   {"recvfrom-number", "recvmsg-number", "recvmmsg-number", "read-number", "readv-number"});
}

TEST_F(UdpTest, ByFortifiedCalls) {
  ExpectLikeDirect("udp_calls-fortified", {"recvfrom", "recv", "read", "poll", "select"});
  ExpectLikeDirect("udp_sizes-fortified", {"truncated", "peek", "sizes"});
}

TEST_F(UdpTest, BuffersThatAreTooShort) {
  ExpectLikeDirect("udp_sizes",
                   {"truncated", "truncated-long", "no-room", "peek", "peek-long", "peek-empty"});
}

TEST_F(UdpTest, NothingWaiting) {
  ExpectLikeDirect("udp_sizes", {"dontwait", "timeout", "fionread"});
}

TEST_F(UdpTest, Sizes) {
  ExpectLikeDirect("udp_sizes", {"sizes", "too-long", "pieces", "too-many-pieces"});
}

TEST_F(UdpTest, PeersOfASocket) {
  ExpectLikeDirect("udp_state", {"connected", "bad-addresses", "bad-pointers", "reconnected", "unspec",
                                 "elsewhere", "nowhere", "alternately"});
}

TEST_F(UdpTest, WhatWaitsIsKeptWhenTheSocketIsReconnected) {
  ExpectLikeDirect("udp_state", {"requeued"});
}

TEST_F(UdpTest, DatagramsInSeveralParts) {
  ExpectLikeDirect("udp_state", {"more", "cork"});
}

TEST_F(UdpTest, DescriptorsAndOptions) {
  ExpectLikeDirect("udp_state", {"copied", "reopened", "shut", "options"});
}

TEST_F(UdpTest, ControlMessages) {
  ExpectLikeDirect("udp_control",
                   {"none", "pktinfo", "timestamp", "several", "too-short", "sent", "errqueue"});
}

TEST_F(UdpTest, BuffersForAddresses) {
  ExpectLikeDirect("udp_control", {"short-address", "no-address"});
}

TEST_F(UdpTest, Threads) {
  ExpectLikeDirect("udp_threads", {"threads", "threads-connected", "own-sockets", "blocked"});
}

TEST_F(UdpTest, Forks) {
  ExpectLikeDirect("udp_threads", {"fork", "fork-before", "fork-connected"});
}

TEST_F(UdpTest, ManyAtATime) {
  ExpectLikeDirect("udp_threads", {"burst"});
}

TEST_F(UdpTest, WhatGoesDirectIsLeftAlone) {
  UseConfig("route { from: 0/0 to: 0/0 via: direct }\n");
  for (const char* address : {"127.0.0.1", "::1"}) {
    const DatagramEcho near(address);
    const std::string family = address == std::string("::1") ? "6" : "4";
    for (const char* victim : {"udp_calls", "udp_sizes", "udp_state", "udp_control", "udp_threads"}) {
      const std::vector<std::string> arguments = {family, address, near.port(), "all"};
      const ProgramOutcome direct = RunDirect(victim, arguments);
      ASSERT_EQ(direct.exit_code, 0) << victim << ":\n" << direct.out;
      EXPECT_EQ(FirstDifference(direct.out, Run(victim, arguments).out), "") << victim;
    }
  }
}

TEST_F(UdpTest, SegmentationOffloadIsRefused) {
  EXPECT_EQ(Run("udp_control", {"4", "10.99.99.99", "7", "offload"}).out,
            Times(2,
                  "offload: UDP_SEGMENT: ENOPROTOOPT\n"
                  "offload: UDP_GRO: ENOPROTOOPT\n"
                  "offload: echo: 20 intact source peer\n"));
}

TEST_F(UdpTest, WhatNoProxyCanCarryIsNotSent) {
  EXPECT_THAT(Run("udp_control", {"4", "10.99.99.99", "7", "multicast"}).out,
              ContainsRegex("multicast: multicast: E[A-Z]+\n"));
  EXPECT_THAT(Run("udp_control", {"6", "2001:db8::7", "7", "multicast"}).out,
              ContainsRegex("multicast: multicast: E[A-Z]+\n"));
  EXPECT_THAT(Run("udp_control", {"4", "10.99.99.99", "7", "broadcast"}).out,
              ContainsRegex("broadcast: broadcast: E[A-Z]+\n"));
}

TEST_F(UdpPeersTest, AProgramMayCloseEverything) {
  const DatagramEcho origin;
  for (const char* way : {"closefrom", "close_range", "loop"}) {
    const ProgramOutcome direct = RunDirect("udp_peers", {way, "127.0.0.1", origin.port()});
    ASSERT_EQ(direct.out, Times(4, kEcho) + "next descriptor as ever\n") << way;
    EXPECT_EQ(Peers({way, "10.99.99.99", "7"}), direct.out) << way;
  }
}

TEST_F(UdpTest, AProgramCannotCloseWhatIsHidden) {
  const DatagramEcho origin;
  EXPECT_EQ(RunDirect("udp_hidden", {"127.0.0.1", origin.port()}).out, "echo\nno stranger\n");
  const ProgramOutcome proxied = Run("udp_hidden", {"10.99.99.99", "7"});
  EXPECT_EQ(proxied.out,
            "echo\nclose: EBADF\nclose by number: EBADF\necho\ncopy: done\nclose of the copy: done\necho\n"
            "impossible dup2: EBADF\necho\ndup2: done\necho\nclose of what is in its place: done\n"
            "and once more: EBADF\necho\n");
  EXPECT_EQ(proxied.exit_code, 0);
  EXPECT_EQ(Associations(server_), 2U) << "one more for the one that was replaced";
}

TEST_F(UdpPeersTest, EachDestinationByItsOwnRoute) {
  const DatagramEcho near;
  TestServer second;
  TestServer third;
  second.AddEcho("10.2.0.1");
  third.AddEcho("10.3.0.1");
  UseConfig(Route("10.99.0.0/16", server_) + Route("10.2.0.0/16", second) + Route("10.3.0.0/16", third) +
            "route { from: 0/0 to: 127.0.0.0/8 via: direct }\n");
  const std::vector<std::string> peers = {"10.99.99.99", "7", "10.2.0.1",  "7",
                                          "10.3.0.1",    "9", "127.0.0.1", near.port()};
  std::vector<std::string> each = {"each"};
  std::vector<std::string> together = {"together"};
  each.insert(each.end(), peers.begin(), peers.end());
  together.insert(together.end(), peers.begin(), peers.end());
  EXPECT_EQ(Peers(each), Times(2, "echo of peer 0\necho of peer 1\necho of peer 2\necho of peer 3\n"));
  EXPECT_EQ(Peers(together), "sendmmsg 8\n2 of peer 0\n2 of peer 1\n2 of peer 2\n2 of peer 3\n");
  EXPECT_EQ(Associations(server_), 2U);
  EXPECT_EQ(Associations(second), 2U);
  EXPECT_EQ(Associations(third), 2U);
}

TEST_F(UdpPeersTest, DestinationsOfOneProxyShareAnAssociation) {
  server_.AddEcho("10.99.99.98");
  EXPECT_EQ(Peers({"each", "10.99.99.99", "7", "10.99.99.98", "7", "10.99.99.99", "8"}),
            Times(2, "echo of peer 0\necho of peer 1\necho of peer 2\n"));
  EXPECT_EQ(Associations(server_), 1U);
}

// The proxy says an address of its own choice in its answers; the program knows the fake one alone.
TEST_F(UdpPeersTest, NamesAnswerByTheirFakeAddress) {
  EXPECT_EQ(Ask(3, "echo.test"), Times(3, kEcho) + kNothingLeft);
}

TEST_F(UdpPeersTest, SeveralNamesOfOneSocket) {
  for (const char* name : {"one.test", "two.test"}) {
    server_.AddEcho(name);
    server_.AddScript(name, "udp.source=name");
  }
  EXPECT_EQ(Peers({"each", "one.test", "7", "two.test", "7"}), Times(2, "echo of peer 0\necho of peer 1\n"));
}

// Also where all of it would go in front of the pointer.
TEST_F(UdpPeersTest, ANullPointerIsEfault) {
  server_.AddEcho("one-with-a-longer-header.test");
  server_.AddScript("one-with-a-longer-header.test", "udp.source=name");
  EXPECT_EQ(Peers({"nowhere", "one-with-a-longer-header.test", "7", "10.99.99.99", "7"}),
            Times(3, "echo of peer 0\n-1 EFAULT\n"));
}

TEST_F(UdpPeersTest, OnlyGoodAnswersReachTheProgram) {
  const struct {
    const char* script;
    const char* each;
  } kCases[] = {{"udp.frag=1", kNothing},     {"udp.frag=128", kNothing},   {"udp.truncate=0", kNothing},
                {"udp.truncate=3", kNothing}, {"udp.truncate=9", kNothing}, {"udp.atyp=9", kNothing},
                {"udp.junk=1", kEcho},        {"udp.junk=5", kEcho},        {"udp.junk=100", kEcho},
                {"udp.foreign=1", kEcho},     {"udp.delay=50", kEcho}};
  // What comes from an address that is direct is the program's.
  UseConfig("autoroute: none\n" + Route("0/0", server_));
  for (const auto& [script, each] : kCases) {
    server_.AddScript("10.99.99.99", script);
    EXPECT_EQ(Ask(3), Times(3, each) + kNothingLeft) << script;
  }
}

TEST_F(UdpPeersTest, RelayWhoseAddressTheProxyDoesNotKnow) {
  for (const char* script : {"reply.bound=0.0.0.0:0", "reply.bound=relay.test:0"}) {
    server_.SetScript(script);
    EXPECT_EQ(Ask(1), kEcho + std::string(kNothingLeft)) << script;
  }
}

TEST_F(UdpPeersTest, LostDatagramsAreTheProgramsAffair) {
  server_.AddScript("10.99.99.99", "udp.drop=2");
  EXPECT_EQ(Ask(4), Times(2, kNothing) + Times(2, kEcho) + kNothingLeft);
}

TEST_F(UdpPeersTest, AnAssociationThatEndsIsReplaced) {
  server_.AddScript("10.99.99.99", "udp.restart=1");
  EXPECT_EQ(Peers({"patient", "2", "10.99.99.99", "7"}), Times(2, kEcho));
  EXPECT_EQ(Associations(server_), 2U);
}

TEST_F(UdpPeersTest, TheNextProxyIsAskedWhereOneIsDown) {
  UseProxies({"socks5://" + gone_.endpoint().ToString(), ProxyUrl(server_)});
  EXPECT_EQ(Ask(2), Times(2, kEcho) + kNothingLeft);
}

TEST_F(UdpPeersTest, TheNextProxyIsAskedWhereOneHasNoUdp) {
  TestServer streams_only;
  streams_only.SetScript("reply.code=7");
  UseProxies({ProxyUrl(streams_only), ProxyUrl(server_)});
  EXPECT_EQ(Ask(2), Times(2, kEcho) + kNothingLeft);
  EXPECT_GE(Associations(streams_only), 1U);
}

TEST_F(UdpPeersTest, ProxiesWithoutUdpAreAnError) {
  server_.SetScript("reply.code=7");
  EXPECT_EQ(Ask(2), Times(2, "send: EOPNOTSUPP\n") + kNothingLeft);
  EXPECT_GE(Associations(server_), 1U);
}

TEST_F(UdpPeersTest, ASocks4ProxyCarriesNone) {
  UseProxies({ProxyUrl(server_, "socks4")});
  EXPECT_THAT(Ask(1), ContainsRegex("^send: E[A-Z]+\n"));
}

TEST_F(UdpPeersTest, AProxyThatIsDownIsAnError) {
  UseProxies({"socks5://" + gone_.endpoint().ToString()});
  EXPECT_EQ(Ask(1), "send: ECONNREFUSED\n" + std::string(kNothingLeft));
}

}  // namespace
}  // namespace socksify
