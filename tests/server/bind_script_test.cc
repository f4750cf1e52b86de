// SPDX-License-Identifier: BSD-2-Clause
// BINDs that misbehave by script.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/server/free_port.h"
#include "tests/server/raw_bind.h"
#include "tests/server/tcp_sockets.h"
#include "tests/server/test_server.h"

namespace socksify::testserver {
namespace {

using namespace std::string_literals;

Endpoint Here(const TestServer& server) {
  return server.endpoints().front();
}

const std::string kGeneralFailureReply = "\x05\x01\0\x01\0\0\0\0\0\0"s;

TEST(BindScriptTest, BendsTheSecondReply) {
  const std::string usual = "\x05\0\0\x01\xc0\0\x02\x01\0\x50"s;
  const struct {
    const char* script;
    std::string answer;  // up to the end of the connection, or its first bytes if it does not end
    bool ends;
  } table[] = {
      {"", usual + "hello", false},
      {"second.version=4", "\x04" + usual.substr(1) + "hello", false},
      {"second.code=5", "\x05\x05" + usual.substr(2), true},
      {"second.delay=5 second.split=3 second.gap=2", usual + "hello", false},
      {"second.truncate=4", usual.substr(0, 4), true},
      {"second.truncate=0", "", true},
      {"second.trailing=hi%20", usual + "hi hello", false},
      {"second.junk=3", "\xa5\xa5\xa5hello", false},
      {"close.at=16", usual.substr(0, 4), true},  // method, first reply, four bytes
  };
  for (const auto& row : table) {
    SCOPED_TRACE(row.script);
    TestServer server;
    server.SetScript("second.bound=192.0.2.1:80 "s + row.script);
    RawBind bind(Here(server));
    RawClient peer(bind.bound());
    ASSERT_TRUE(peer.connected());
    ASSERT_TRUE(row.ends || peer.Send("hello"));
    EXPECT_EQ(row.ends ? bind.control().ReadToEnd() : bind.control().Read(row.answer.size()), row.answer);
    if (row.ends) peer.ReadToEnd();
    EXPECT_EQ(peer.error(), 0);
  }
}

TEST(BindScriptTest, BendsTheSecondReplyOfSocks4) {
  TestServer server;
  server.SetScript("second.code=91 second.version=4 second.bound=relay.test:80");
  RawBind bind(Here(server), "0.0.0.0", 0, 4);
  RawClient peer(bind.bound());
  EXPECT_EQ(bind.control().ReadToEnd(), "\x04\x5b\0\0\0\0\0\0"s);
  ASSERT_TRUE(server.WaitForFinished(1));
  EXPECT_EQ(server.requests()[0].outcome, "refused");
  EXPECT_EQ(server.requests()[0].second_code, 91);
}

TEST(BindScriptTest, ASilentSecondReplyLeavesBothWaiting) {
  TestServer server;
  server.SetScript("second.silent=1");
  RawBind bind(Here(server));
  RawClient peer(bind.bound());
  ASSERT_TRUE(peer.Send("unheard"));
  bind.control().ShutdownWrite();
  EXPECT_EQ(bind.control().ReadToEnd(), "");
  ASSERT_TRUE(server.WaitForFinished(1));
}

TEST(BindScriptTest, SaysAnotherAddressWithTheRightPort) {
  TestServer server;
  server.SetScript("reply.bound=0.0.0.0:0");
  RawBind bind(Here(server));
  EXPECT_EQ(bind.bound().HostToString(), "0.0.0.0");
  EXPECT_TRUE(RawClient(Endpoint::FromIp(Here(server).ip(), bind.bound().port())).connected());
}

TEST(BindScriptTest, DropsTheClientWhenAPeerComes) {
  for (const bool reset : {false, true}) {
    TestServer server;
    server.SetScript(reset ? "bind.drop=1 close.with=rst" : "bind.drop=1");
    RawBind bind(Here(server));
    RawClient peer(bind.bound());
    EXPECT_EQ(bind.control().ReadToEnd(), "");
    EXPECT_EQ(bind.control().error(), reset ? ECONNRESET : 0);
    ASSERT_TRUE(server.WaitForFinished(1));
    EXPECT_EQ(server.requests()[0].outcome, "ended by script");
    EXPECT_EQ(server.requests()[0].peers.size(), 1U);
  }
}

TEST(BindScriptTest, GivesUpInTime) {
  TestServer server;
  server.SetScript("bind.timeout=1");
  RawBind five(Here(server));
  EXPECT_EQ(five.control().ReadToEnd(), "\x05\x06\0\x01\0\0\0\0\0\0"s);
  EXPECT_FALSE(RawClient(five.bound()).connected());
  EXPECT_EQ(server.requests()[0].outcome, "timed out");
  EXPECT_EQ(server.requests()[0].second_code, 6);
  RawBind four(Here(server), "0.0.0.0", 0, 4);
  EXPECT_EQ(four.control().ReadToEnd(), "\0\x5b\0\0\0\0\0\0"s);
}

TEST(BindScriptTest, APeerThatHasComeInTimeStays) {
  TestServer server;
  server.SetScript("bind.timeout=200");
  RawBind bind(Here(server));
  RawClient peer(bind.bound());
  if (bind.control().Read(10) != RawReply(LocalAddressOf(peer.fd()))) GTEST_SKIP() << "too busy a machine";
  // Once the time of this one is up, that of the first is as well.
  RawBind later(Here(server));
  EXPECT_EQ(later.control().ReadToEnd().size(), 10U);
  ASSERT_TRUE(peer.Send("x"));
  EXPECT_EQ(bind.control().Read(1), "x");
  EXPECT_EQ(server.requests()[0].outcome, "accepted");
}

TEST(BindScriptTest, ChecksThePeer) {
  TestServer server;
  server.SetScript("bind.check=1");
  server.AddName("peer.test", "127.0.0.1");
  for (const char* good : {"127.0.0.1", "0.0.0.0", "peer.test"}) {
    RawBind bind(Here(server), good, 99);
    RawClient peer(bind.bound());
    EXPECT_EQ(bind.control().Read(10), RawReply(LocalAddressOf(peer.fd()))) << good;
  }
  for (const char* bad : {"127.0.0.2", "::1", "unknown.test"}) {
    RawBind bind(Here(server), bad, 99);
    RawClient peer(bind.bound());
    EXPECT_EQ(bind.control().ReadToEnd().substr(0, 4), "\x05\x02\0\x01"s) << bad;
    EXPECT_EQ(peer.ReadToEnd(), "") << bad;
    EXPECT_EQ(server.requests().back().outcome, "refused") << bad;
  }
  RawBind four(Here(server), "127.0.0.2", 99, 4);
  RawClient peer(four.bound());
  EXPECT_EQ(four.control().ReadToEnd().substr(0, 2), "\0\x5b"s);
  // Without it, the address is a wish that nobody minds.
  server.SetScript("");
  RawBind open(Here(server), "127.0.0.2", 99);
  RawClient stranger(open.bound());
  EXPECT_EQ(open.control().Read(10), RawReply(LocalAddressOf(stranger.fd())));
}

TEST(BindScriptTest, ListensWhereItIsTold) {
  TestServer server;
  const uint16_t fixed = FreePort();
  server.SetScript("bind.port=" + std::to_string(fixed));
  RawBind first(Here(server), "0.0.0.0", 9);
  EXPECT_EQ(first.bound().port(), fixed);
  EXPECT_EQ(RawBind(Here(server)).reply(), kGeneralFailureReply);

  server.SetScript("bind.port=wanted");
  const uint16_t wanted = FreePort();
  EXPECT_EQ(RawBind(Here(server), "0.0.0.0", wanted).bound().port(), wanted);
  RawBind none(Here(server), "0.0.0.0", 0);
  EXPECT_NE(none.bound().port(), 0);
  RawBind taken(Here(server), "0.0.0.0", fixed);
  EXPECT_NE(taken.bound().port(), 0);
  EXPECT_NE(taken.bound().port(), fixed);
}

// What a client does that listens for one peer after the other.
TEST(BindScriptTest, GivesThePortAgainOrNot) {
  const struct {
    const char* script;
    bool same;
  } table[] = {
      {"", false},
      {"bind.port=wanted", true},
      {"bind.same-port=1", true},
      {"bind.same-port=0", false},
      {"bind.port=wanted bind.same-port=0", false},
  };
  for (const auto& row : table) {
    TestServer server;
    server.SetScript(row.script);
    RawBind first(Here(server));
    RawClient peer(first.bound());
    ASSERT_EQ(first.control().Read(10).size(), 10U);
    const auto bind_again = [&] {
      RawBind again(Here(server), "0.0.0.0", first.bound().port());
      EXPECT_EQ(again.bound() == first.bound(), row.same) << row.script;
      EXPECT_TRUE(RawClient(again.bound()).connected()) << row.script;
    };
    bind_again();
    // The server ends the first connection before the peer does: it waits in TIME-WAIT at that port.
    first.control().ShutdownWrite();
    EXPECT_EQ(peer.ReadToEnd(), "");
    peer.ShutdownWrite();
    EXPECT_EQ(first.control().ReadToEnd(), "");
    bind_again();
  }
}

TEST(BindScriptTest, KeepsThePortThatItGivesAgain) {
  TestServer server;
  server.SetScript("bind.same-port=1");
  RawBind first(Here(server));
  const Endpoint where = first.bound();
  const RawClient peer(where);
  ASSERT_EQ(first.control().Read(10).size(), 10U);
  // It listens for one peer; whoever comes then is turned away, and nobody else gets the port.
  EXPECT_FALSE(RawClient(where).connected());
  EXPECT_FALSE(OpenTcpListener(where, 1).valid());
  EXPECT_FALSE(OpenTcpListener(Endpoint::FromIp(IpAddress::V4(0), where.port()), 1).valid());
  RawBind again(Here(server), "0.0.0.0", where.port());
  EXPECT_EQ(again.bound(), where);
  // One at a time.
  RawBind other(Here(server), "0.0.0.0", where.port());
  EXPECT_NE(other.bound().port(), 0);
  EXPECT_NE(other.bound(), where);
}

TEST(BindScriptTest, RefusesLaterOnes) {
  TestServer server;
  server.SetScript("bind.refuse-after=2");
  for (int i = 0; i < 2; ++i) EXPECT_NE(RawBind(Here(server)).bound().port(), 0);
  EXPECT_EQ(RawBind(Here(server)).reply(), kGeneralFailureReply);
  EXPECT_EQ(server.requests()[2].outcome, "refused");
}

}  // namespace
}  // namespace socksify::testserver
