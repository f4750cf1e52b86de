// SPDX-License-Identifier: BSD-2-Clause
// UDP associations that misbehave by script.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/server/raw_udp.h"
#include "tests/server/test_server.h"

namespace socksify::testserver {
namespace {

using namespace std::string_literals;

Endpoint Here(const TestServer& server) {
  return server.endpoints().front();
}

TEST(UdpScriptTest, BendsTheAnswer) {
  const std::string usual = RawUdpHeader(kMadeUp, 7) + "hello";
  const struct {
    const char* script;
    std::string answer;
  } table[] = {
      {"udp.frag=0x81", std::string(usual).replace(2, 1, "\x81")},
      {"udp.atyp=2", std::string(usual).replace(3, 1, "\x02")},
      {"udp.source=198.51.100.1:99", RawUdpHeader("198.51.100.1", 99) + "hello"},
      {"udp.source=[2001:db8::9]:99", RawUdpHeader("2001:db8::9", 99) + "hello"},
      {"udp.source=other.test:99", RawUdpHeader("other.test", 99) + "hello"},
      {"udp.source=name", RawUdpHeader("echo.test", 7) + "hello"},
      {"udp.truncate=12", usual.substr(0, 12)},
      {"udp.truncate=4", usual.substr(0, 4)},
      {"udp.truncate=65507", usual},
      {"udp.delay=1", usual},
  };
  for (const auto& row : table) {
    TestServer server;
    server.AddEcho("*");
    server.AddScript("echo.test", row.script);
    RawAssociation association(Here(server));
    ASSERT_TRUE(association.Send("echo.test", 7, "hello"));
    EXPECT_EQ(association.Receive(), row.answer) << row.script;
    // The script was that of one destination.
    ASSERT_TRUE(association.Send("good.test", 7, "hello"));
    EXPECT_EQ(association.Receive(), usual) << row.script;
  }
}

TEST(UdpScriptTest, OfTheServerCountsForEveryDestination) {
  TestServer server;
  server.AddEcho("*");
  server.SetScript("udp.source=name");
  RawAssociation association(Here(server));
  ASSERT_TRUE(association.Send("any.test", 7, "x"));
  EXPECT_EQ(association.Receive(), RawUdpHeader("any.test", 7) + "x");
}

TEST(UdpScriptTest, CountsForRealAddressesToo) {
  TestServer server;
  RawUdp origin;
  server.AddName("real.test", "127.0.0.1");
  server.AddScript("real.test", "udp.source=name");
  RawAssociation association(Here(server));
  const uint16_t port = origin.local().port();
  ASSERT_TRUE(association.Send("real.test", port, "x"));
  const RawDatagram asked = origin.Receive();
  ASSERT_TRUE(origin.Send(Endpoint::FromIp(origin.local().ip(), asked.from.port()), "y"));
  EXPECT_EQ(association.Receive(), RawUdpHeader("real.test", port) + "y");
}

TEST(UdpScriptTest, SendsJunkBeforeAnAnswer) {
  TestServer server;
  server.AddEcho("echo.test");
  server.SetScript("udp.junk=3");
  RawAssociation association(Here(server));
  ASSERT_TRUE(association.Send("echo.test", 7, "x"));
  const RawDatagram junk = association.socket().Receive();
  EXPECT_EQ(junk.bytes, "\xa5\xa5\xa5");
  EXPECT_EQ(junk.from, association.relay());
  EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 7) + "x");
}

TEST(UdpScriptTest, SendsFromAnotherPortBeforeAnAnswer) {
  TestServer server;
  server.AddEcho("echo.test");
  server.SetScript("udp.foreign=1");
  RawAssociation association(Here(server));
  ASSERT_TRUE(association.Send("echo.test", 7, "x"));
  const RawDatagram foreign = association.socket().Receive();
  EXPECT_EQ(foreign.bytes, RawUdpHeader(kMadeUp, 7) + "foreign");
  EXPECT_EQ(foreign.from.ip(), association.relay().ip());
  EXPECT_NE(foreign.from.port(), association.relay().port());
  const RawDatagram answer = association.socket().Receive();
  EXPECT_EQ(answer.bytes, RawUdpHeader(kMadeUp, 7) + "x");
  EXPECT_EQ(answer.from, association.relay());
}

TEST(UdpScriptTest, LosesTheFirstDatagrams) {
  TestServer server;
  server.AddEcho("echo.test");
  server.SetScript("udp.drop=2");
  RawAssociation association(Here(server));
  for (const char* payload : {"1", "2", "3"}) ASSERT_TRUE(association.Send("echo.test", 7, payload));
  EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 7) + "3");
  EXPECT_FALSE(association.socket().HasInput());
  EXPECT_EQ(server.requests()[0].datagrams.size(), 3U);
}

TEST(UdpScriptTest, DelaysAnAnswer) {
  TestServer server;
  server.AddEcho("echo.test");
  server.SetScript("udp.delay=50");
  RawAssociation association(Here(server));
  const auto begin = std::chrono::steady_clock::now();
  for (const char* payload : {"1", "2"}) ASSERT_TRUE(association.Send("echo.test", 7, payload));
  EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 7) + "1");
  EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 7) + "2");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
}

TEST(UdpScriptTest, EndsTheAssociation) {
  TestServer server;
  server.AddEcho("echo.test");
  server.SetScript("udp.restart=2");
  RawAssociation association(Here(server));
  for (const char* payload : {"1", "2", "3"}) ASSERT_TRUE(association.Send("echo.test", 7, payload));
  EXPECT_EQ(association.control().ReadToEnd(), "");
  EXPECT_EQ(association.control().error(), 0);
  EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 7) + "1");
  EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 7) + "2");
  EXPECT_FALSE(association.socket().HasInput());
  ASSERT_TRUE(server.WaitForFinished(1));
  EXPECT_EQ(server.requests()[0].datagrams_to_client, 2U);
  // A new one begins from nothing.
  RawAssociation again(Here(server));
  ASSERT_TRUE(again.Send("echo.test", 7, "4"));
  EXPECT_EQ(again.Receive(), RawUdpHeader(kMadeUp, 7) + "4");
}

TEST(UdpScriptTest, SaysTheWrongBoundAddress) {
  const struct {
    const char* script;
    std::string reply;  // without the port
    bool right_port;
  } table[] = {
      {"reply.bound=0.0.0.0:0", "\x05\0\0\x01\0\0\0\0"s, true},
      {"reply.bound=relay.test:0", "\x05\0\0\x03\x0arelay.test"s, true},
      {"reply.bound=[2001:db8::1]:0", "\x05\0\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"s, true},
      {"reply.bound=192.0.2.1:9", "\x05\0\0\x01\xc0\0\x02\x01"s, false},
  };
  for (const auto& row : table) {
    TestServer server;
    server.AddEcho("echo.test");
    server.SetScript(row.script);
    RawAssociation association(Here(server));
    EXPECT_EQ(association.reply().substr(0, association.reply().size() - 2), row.reply) << row.script;
    if (!row.right_port) {
      EXPECT_EQ(association.relay().port(), 9);
      continue;
    }
    ASSERT_TRUE(association.Send("echo.test", 7, "x"));
    EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 7) + "x") << row.script;
  }
}

TEST(UdpScriptTest, RefusesByReplyCode) {
  TestServer server;
  server.SetScript("reply.code=7");
  RawAssociation association(Here(server));
  EXPECT_EQ(association.reply(), "\x05\x07\0\x01\0\0\0\0\0\0"s);
  EXPECT_EQ(association.control().ReadToEnd(), "");
}

}  // namespace
}  // namespace socksify::testserver
