// SPDX-License-Identifier: BSD-2-Clause
// Calls on UDP sockets that few programs make, and networks that few programs meet.

#include <sched.h>

#include <fstream>
#include <thread>

#include "tests/integration/udp_fixture.h"

namespace socksify {
namespace {

using testserver::TestServer;

class UdpOddCallsTest : public UdpTest {
 protected:
  // Runs `body` in a thread with a network of its own, whose loopback has an MTU of 1500 and where everyone
  // may have a socket of ping(8)'s. False where that cannot be had.
  template <typename Body>
  static bool RunInOwnNetwork(Body body) {
    bool is_there = false;
    std::thread([&] {
      if (unshare(CLONE_NEWNET) != 0) return;
      if (RunProgram({"ip", "link", "set", "lo", "mtu", "1500", "up"}).exit_code != 0) return;
      std::ofstream("/proc/sys/net/ipv4/ping_group_range") << "0 2147483647\n";
      is_there = true;
      body();
    }).join();
    return is_there;
  }
};

TEST_F(UdpOddCallsTest, CorksOfCopies) {
  ExpectLikeDirect("udp_odd", {"cork-copy"});
}

TEST_F(UdpOddCallsTest, ALongerAddressThanOurOwn) {
  const std::string right = "size 110, address right 1\n";
  EXPECT_EQ(RunDirect("unix_source", {}).out, right + right + right);
  EXPECT_EQ(Run("unix_source", {}).out, right + right + right);
}

TEST_F(UdpOddCallsTest, DatagramsInSeveralParts) {
  ExpectLikeDirect("udp_odd", {"more-too-long", "more-elsewhere"});
}

TEST_F(UdpOddCallsTest, AddressesWithoutAFamilyOrAPort) {
  ExpectLikeDirect("udp_odd", {"unspec-address", "no-port"});
}

TEST_F(UdpOddCallsTest, NothingAndTooMuch) {
  ExpectLikeDirect("udp_odd", {"nothing", "whole-memory", "too-many-messages"});
}

TEST_F(UdpOddCallsTest, ControlMessagesAtNoAddress) {
  ExpectLikeDirect("udp_odd", {"bad-control"});
}

TEST_F(UdpOddCallsTest, SendmsgMakesItsOwnSystemCall) {
  ExpectLikeDirect("udp_odd", {"denied-sendto"});
}

TEST_F(UdpOddCallsTest, InAHandlerOnASmallStack) {
  ExpectLikeDirect("udp_odd", {"signal-stack"});
}

TEST_F(UdpOddCallsTest, WhatWaitsWhenTheSocketIsDisconnected) {
  ExpectLikeDirect("udp_odd", {"disconnected"});
}

TEST_F(UdpOddCallsTest, SocketsForIpv6Only) {
  ExpectLikeDirect("udp_odd", {"v6-only"});
}

TEST_F(UdpOddCallsTest, TheErrorQueueSaysWhatIsTooLongForThePath) {
  const bool is_there = RunInOwnNetwork([&] {
    // The queue is that of the family in which the relay is reached.
    TestServer v4;
    TestServer v6({.listen = {"[::1]:0"}});
    v4.AddEcho("10.99.99.99");
    v6.AddEcho("2001:db8::7");
    UseConfig("route { from: 0/0 to: 2001:db8::/32 via: ::1 port = " + std::to_string(v6.port()) + " }\n" +
              Route("0/0", v4));
    const DatagramEcho near4("127.0.0.1");
    const DatagramEcho near6("::1");
    ExpectLikeDirect("udp_odd", "error-queue", "4", {"127.0.0.1", near4.port()}, "10.99.99.99", v4);
    ExpectLikeDirect("udp_odd", "error-queue", "6", {"::1", near6.port()}, "2001:db8::7", v6);
  });
  if (!is_there) GTEST_SKIP() << "no network of its own: not root, or no ip(8)";
}

TEST_F(UdpOddCallsTest, SocketsOfPingAreRefused) {
  bool has_socket = true;
  const bool is_there = RunInOwnNetwork([&] {
    const ProgramOutcome direct = RunDirect("udp_odd", {"4", "127.0.0.1", "7", "ping"});
    has_socket = direct.out != "ping: no such socket\n";
    if (!has_socket) return;
    EXPECT_EQ(direct.out, "ping: sendto: 12\nping: connect: 0\n");
    EXPECT_EQ(Run("udp_odd", {"4", "10.99.99.99", "7", "ping"}).out,
              "ping: sendto: ENETUNREACH\nping: connect: ENETUNREACH\n");
    EXPECT_EQ(Run("udp_odd", {"6", "2001:db8::7", "7", "ping"}).out,
              "ping: sendto: ENETUNREACH\nping: connect: ENETUNREACH\n");
  });
  if (!is_there || !has_socket) GTEST_SKIP() << "no network of its own: not root, or no ip(8)";
}

}  // namespace
}  // namespace socksify
