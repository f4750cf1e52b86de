// SPDX-License-Identifier: BSD-2-Clause
// What relays send that is not for the program, what they send once they have ended, and what is on its way
// to them when their sockets end.

#include "tests/integration/udp_fixture.h"

namespace socksify {
namespace {

constexpr const char* kBad = "udp.frag=1";
constexpr const char* kBadFirst = "udp.junk=5";

class UdpDroppedTest : public UdpTest {
 protected:
  void ScriptAll(const char* script) {
    for (const char* host : {"10.99.99.99", "2001:db8::7"}) server_.AddScript(host, script);
  }
};

TEST_F(UdpDroppedTest, LeavesTheOthersTheirRooms) {
  ExpectLikeDirect("udp_dropped", {"rooms", "rooms-long"});
  ScriptAll(kBadFirst);
  ExpectLikeDirect("udp_dropped", {"rooms", "rooms-long"});
}

TEST_F(UdpDroppedTest, IsNoDatagramToThoseWhoPeek) {
  ExpectLikeDirect("udp_dropped", {"peek", "peek-long"});
  ScriptAll(kBadFirst);
  ExpectLikeDirect("udp_dropped", {"peek", "peek-long"});
}

TEST_F(UdpDroppedTest, DoesNotProlongATimeout) {
  ScriptAll(kBad);
  for (const auto& [family, host] : {std::pair("4", "10.99.99.99"), std::pair("6", "2001:db8::7")}) {
    EXPECT_EQ(Run("udp_dropped", {family, host, "7", "timeout"}).out,
              "timeout: recv: EAGAIN\ntimeout: peek: EAGAIN\ntimeout: recvmmsg: EAGAIN\n");
  }
}

TEST_F(UdpDroppedTest, AnswersOfEndedRelaysHaveNoHeader) {
  server_.AddEcho("*.test");
  for (const char* count : {"33", "48", "150"}) {
    EXPECT_EQ(Run("udp_names", {count, "test", "7"}).out, "32 or more good, 0 others\n") << count;
  }
}

TEST_F(UdpDroppedTest, WhatIsSentJustBeforeTheEndArrives) {
  for (int round = 0; round < 5; ++round) {
    testserver::TestServer server;
    server.AddEcho("10.99.99.99");
    UseProxies({ProxyUrl(server)});
    EXPECT_EQ(Run("udp_dropped", {"4", "10.99.99.99", "7", "send-and-close"}).exit_code, 0);
    ASSERT_TRUE(server.WaitForFinished(21));
    uint64_t arrived = 0;
    for (const testserver::RequestRecord& record : server.requests()) arrived += record.datagrams_from_client;
    EXPECT_EQ(arrived, 25U);
  }
}

}  // namespace
}  // namespace socksify
