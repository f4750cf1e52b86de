// SPDX-License-Identifier: BSD-2-Clause
// UDP ASSOCIATE as it should be: who is answered, from where, and what is on record.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/server/raw_udp.h"
#include "tests/server/test_server.h"

namespace socksify::testserver {
namespace {

using namespace std::string_literals;

Endpoint Here(const TestServer& server) {
  return server.endpoints().front();
}

TEST(UdpTest, EchoesAndRecordsBeforeItAnswers) {
  TestServer server;
  server.AddEcho("echo.test");
  RawAssociation association(Here(server));
  ASSERT_TRUE(association.ok());
  EXPECT_EQ(association.reply().substr(0, 8), "\x05\0\0\x01\x7f\0\0\x01"s);
  EXPECT_EQ(server.requests()[0].outcome, "associated");
  ASSERT_TRUE(association.Send("echo.test", 53, "hello"));
  const RawDatagram answer = association.socket().Receive();
  EXPECT_EQ(answer.bytes, RawUdpHeader(kMadeUp, 53) + "hello");
  EXPECT_EQ(answer.from, association.relay());

  const RequestRecord record = server.requests()[0];
  EXPECT_EQ(record.command, 3);
  EXPECT_EQ(record.reply_code, 0);
  EXPECT_EQ(record.datagrams_from_client, 1U);
  EXPECT_EQ(record.datagrams_to_client, 1U);
  EXPECT_EQ(record.bytes_from_client, 5U);
  EXPECT_EQ(record.bytes_to_client, 5U);
  ASSERT_EQ(record.datagrams.size(), 1U);
  EXPECT_EQ(record.datagrams[0].address_type, AddressType::kName);
  EXPECT_EQ(record.datagrams[0].host, "echo.test");
  EXPECT_EQ(record.datagrams[0].port, 53);
  EXPECT_EQ(record.datagrams[0].size, 5U);
  EXPECT_EQ(record.datagrams[0].head, "hello");
}

TEST(UdpTest, AnswersFromTheLiteralThatWasAsked) {
  TestServer server;
  server.AddEcho("192.0.2.1");
  server.AddEcho("2001:db8::1");
  RawAssociation association(Here(server));
  for (const char* host : {"192.0.2.1", "2001:db8::1"}) {
    ASSERT_TRUE(association.Send(host, 9, "x"));
    EXPECT_EQ(association.Receive(), RawUdpHeader(host, 9) + "x");
  }
}

TEST(UdpTest, RelaysOnTheListenersAddress) {
  TestServer server({.listen = {"[::1]:0"}});
  server.AddEcho("echo.test");
  RawAssociation association(Here(server), "::1");
  ASSERT_TRUE(association.ok());
  EXPECT_EQ(association.reply().substr(0, 20), "\x05\0\0\x04"s + std::string(15, '\0') + "\x01");
  ASSERT_TRUE(association.Send("echo.test", 53, ""));
  EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 53));
}

TEST(UdpTest, ReachesRealAddresses) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    TestServer server;
    RawUdp origin(address);
    RawUdp stranger(address);
    const uint16_t port = origin.local().port();
    server.AddName("real.test", address);
    RawAssociation association(Here(server));
    ASSERT_TRUE(association.Send(address, port, "by address"));
    EXPECT_EQ(origin.Receive().bytes, "by address");
    ASSERT_TRUE(association.Send("real.test", port, "by name"));
    const RawDatagram asked = origin.Receive();
    EXPECT_EQ(asked.bytes, "by name");

    // Both names of it are answered from the same socket, and whoever answers is told to the client.
    const Endpoint relay = Endpoint::FromIp(origin.local().ip(), asked.from.port());
    ASSERT_TRUE(origin.Send(relay, "answer"));
    EXPECT_EQ(association.Receive(), RawUdpHeader(address, port) + "answer");
    ASSERT_TRUE(stranger.Send(relay, "unasked"));
    EXPECT_EQ(association.Receive(), RawUdpHeader(address, stranger.local().port()) + "unasked");
  }
}

TEST(UdpTest, AnswersAsTheOriginWould) {
  TestServer server;
  server.AddPage("web.test", "hello\n");
  server.AddDiscard("discard.test");
  server.AddRefused("refused.test");
  RawAssociation association(Here(server));
  for (const char* silent : {"discard.test", "refused.test", "unknown.test"}) {
    ASSERT_TRUE(association.Send(silent, 80, "?"));
  }
  // The relay answers in order: nothing of the others has come before this.
  ASSERT_TRUE(association.Send("web.test", 80, "anything"));
  EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 80) + "hello\n");
  EXPECT_FALSE(association.socket().HasInput());
  EXPECT_EQ(server.requests()[0].datagrams.size(), 4U);
}

TEST(UdpTest, ListensToNobodyButItsClient) {
  TestServer server;
  server.AddEcho("echo.test");
  RawAssociation association(Here(server));
  const std::string datagram = RawUdpHeader("echo.test", 7) + "x";
  RawUdp other_address("127.0.0.2");
  RawUdp other_port;
  ASSERT_TRUE(other_address.Send(association.relay(), datagram));
  ASSERT_TRUE(association.Send("echo.test", 7, "first"));
  ASSERT_TRUE(other_port.Send(association.relay(), datagram));
  ASSERT_TRUE(association.Send("echo.test", 7, "second"));
  EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 7) + "first");
  EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 7) + "second");
  EXPECT_FALSE(association.socket().HasInput());
  EXPECT_FALSE(other_address.HasInput());
  EXPECT_FALSE(other_port.HasInput());
  EXPECT_EQ(server.requests()[0].ignored_datagrams, 2U);
  EXPECT_EQ(server.requests()[0].datagrams_from_client, 2U);
}

TEST(UdpTest, IgnoresWhatHasNoHeader) {
  TestServer server;
  server.AddEcho("*");
  RawAssociation association(Here(server));
  const std::string good = RawUdpHeader("echo.test", 7);
  const std::string table[] = {
      "",
      good.substr(0, 4),
      good.substr(0, good.size() - 1),
      RawUdpHeader("192.0.2.1", 7).substr(0, 9),
      RawUdpHeader("2001:db8::1", 7).substr(0, 21),
      std::string(good).replace(2, 1, "\x01") + "fragment",
      std::string(good).replace(3, 1, "\x02") + "address type",
  };
  for (const std::string& bad : table) ASSERT_TRUE(association.socket().Send(association.relay(), bad));
  ASSERT_TRUE(association.Send("echo.test", 7, "good"));
  EXPECT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 7) + "good");
  EXPECT_EQ(server.requests()[0].ignored_datagrams, std::size(table));
  EXPECT_EQ(server.requests()[0].datagrams.size(), 1U);
}

TEST(UdpTest, EndsWithItsControlConnection) {
  TestServer server;
  server.AddEcho("echo.test");
  RawAssociation association(Here(server));
  ASSERT_TRUE(association.Send("echo.test", 7, "x"));
  EXPECT_NE(association.Receive(), "");
  EXPECT_FALSE(server.requests()[0].finished);
  association.control().ShutdownWrite();
  EXPECT_EQ(association.control().ReadToEnd(), "");
  EXPECT_EQ(association.control().error(), 0);
  ASSERT_TRUE(server.WaitForFinished(1));
  const RequestRecord record = server.requests()[0];
  EXPECT_EQ(record.outcome, "associated");
  EXPECT_EQ(record.datagrams.size(), 1U);
  // The port is free again.
  const RawUdp taken("127.0.0.1", association.relay().port());
  EXPECT_EQ(taken.local(), association.relay());
}

TEST(UdpTest, AssociationsAreApart) {
  TestServer server;
  server.AddEcho("echo.test");
  RawAssociation one(Here(server));
  RawAssociation other(Here(server));
  EXPECT_NE(one.relay(), other.relay());
  ASSERT_TRUE(one.Send("echo.test", 7, "one"));
  ASSERT_TRUE(other.Send("echo.test", 7, "other"));
  EXPECT_EQ(one.Receive(), RawUdpHeader(kMadeUp, 7) + "one");
  EXPECT_EQ(other.Receive(), RawUdpHeader(kMadeUp, 7) + "other");
  EXPECT_EQ(server.requests()[0].datagrams[0].head, "one");
  EXPECT_EQ(server.requests()[1].datagrams[0].head, "other");
}

TEST(UdpTest, KeepsTheFirstThousandOnRecord) {
  TestServer server;
  server.AddEcho("echo.test");
  RawAssociation association(Here(server));
  constexpr int kBatches = 11;
  constexpr int kBatch = 100;  // more than one readiness takes
  for (int batch = 0; batch < kBatches; ++batch) {
    const auto payload = [batch](int i) { return std::to_string(batch * kBatch + i); };
    for (int i = 0; i < kBatch; ++i) ASSERT_TRUE(association.Send("echo.test", 7, payload(i)));
    for (int i = 0; i < kBatch; ++i) {
      ASSERT_EQ(association.Receive(), RawUdpHeader(kMadeUp, 7) + payload(i));
    }
  }
  const RequestRecord record = server.requests()[0];
  EXPECT_EQ(record.datagrams_from_client, 1100U);
  EXPECT_EQ(record.datagrams_to_client, 1100U);
  ASSERT_EQ(record.datagrams.size(), 1000U);
  EXPECT_EQ(record.datagrams[999].head, "999");
}

TEST(UdpTest, KeepsTheHeadOfALargeDatagram) {
  TestServer server;
  server.AddEcho("192.0.2.1");
  RawAssociation association(Here(server));
  const std::string payload(65507 - 10, 'x');  // the largest there is
  ASSERT_TRUE(association.Send("192.0.2.1", 7, payload));
  EXPECT_EQ(association.Receive(), RawUdpHeader("192.0.2.1", 7) + payload);
  EXPECT_EQ(server.requests()[0].datagrams[0].size, payload.size());
  EXPECT_EQ(server.requests()[0].datagrams[0].head, std::string(kDatagramHeadSize, 'x'));
}

TEST(UdpTest, IsRefusedWhereItIsNotOffered) {
  TestServer server;
  server.SetUdp(false);
  RawAssociation refused(Here(server));
  EXPECT_EQ(refused.reply(), "\x05\x07\0\x01\0\0\0\0\0\0"s);
  EXPECT_EQ(server.requests()[0].outcome, "refused");
  EXPECT_EQ(server.requests()[0].reply_code, 7);
  server.SetUdp(true);
  EXPECT_TRUE(RawAssociation(Here(server)).ok());
}

}  // namespace
}  // namespace socksify::testserver
