// SPDX-License-Identifier: BSD-2-Clause
// BIND as it should be: two replies, one peer, and what is on record.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/server/raw_bind.h"
#include "tests/server/tcp_sockets.h"
#include "tests/server/test_server.h"

namespace socksify::testserver {
namespace {

using namespace std::string_literals;

Endpoint Here(const TestServer& server) {
  return server.endpoints().front();
}

TEST(BindTest, TellsWhereItListensAndWhoHasCome) {
  for (const int version : {4, 5}) {
    TestServer server;
    RawBind bind(Here(server), "0.0.0.0", 0, version);
    ASSERT_NE(bind.bound().port(), 0) << version;
    const std::string port{static_cast<char>(bind.bound().port() >> 8),
                           static_cast<char>(bind.bound().port() & 0xff)};
    EXPECT_EQ(bind.reply(),
              version == 4 ? "\0\x5a"s + port + "\x7f\0\0\x01"s : "\x05\0\0\x01\x7f\0\0\x01"s + port);
    RequestRecord record = server.requests()[0];
    EXPECT_EQ(record.command, 2);
    EXPECT_EQ(record.outcome, "bound");
    EXPECT_EQ(record.bound, bind.bound().ToString());
    EXPECT_EQ(record.reply_code, version == 4 ? 90 : 0);
    EXPECT_EQ(record.second_code, -1);

    RawClient peer(bind.bound());
    ASSERT_TRUE(peer.connected());
    const Endpoint from = LocalAddressOf(peer.fd());
    EXPECT_EQ(bind.control().Read(bind.reply().size()), RawReply(from, version));
    record = server.requests()[0];
    EXPECT_EQ(record.outcome, "accepted");
    EXPECT_EQ(record.second_code, version == 4 ? 90 : 0);
    ASSERT_EQ(record.peers.size(), 1U);
    EXPECT_EQ(record.peers[0], from.ToString());
  }
}

TEST(BindTest, RelaysBothWaysToTheEnd) {
  TestServer server;
  RawBind bind(Here(server));
  RawClient peer(bind.bound());
  ASSERT_EQ(bind.control().Read(10).size(), 10U);
  const std::string data(1 << 20, 'x');
  ASSERT_TRUE(bind.control().Send("hello"));
  EXPECT_EQ(peer.Read(5), "hello");
  bind.control().ShutdownWrite();
  EXPECT_EQ(peer.ReadToEnd(), "");
  ASSERT_TRUE(peer.Send(data));
  peer.ShutdownWrite();
  EXPECT_EQ(bind.control().ReadToEnd(), data);
  ASSERT_TRUE(server.WaitForFinished(1));
  EXPECT_EQ(server.requests()[0].bytes_from_client, 5U);
  EXPECT_EQ(server.requests()[0].bytes_to_client, data.size());
}

TEST(BindTest, KeepsWhatTheClientSaysBeforeThePeerHasCome) {
  TestServer server;
  RawBind bind(Here(server));
  ASSERT_TRUE(bind.control().Send("early"));
  RawClient peer(bind.bound());
  EXPECT_EQ(peer.Read(5), "early");
}

TEST(BindTest, TakesOnePeer) {
  TestServer server;
  RawBind bind(Here(server));
  RawClient first(bind.bound());
  ASSERT_EQ(bind.control().Read(10).size(), 10U);
  EXPECT_FALSE(RawClient(bind.bound()).connected());
  ASSERT_TRUE(first.Send("x"));
  EXPECT_EQ(bind.control().Read(1), "x");
}

TEST(BindTest, ListensOnTheListenersAddress) {
  TestServer server({.listen = {"[::1]:0"}});
  RawBind bind(Here(server), "::");
  EXPECT_EQ(bind.bound().HostToString(), "::1");
  RawClient peer(bind.bound());
  EXPECT_EQ(bind.control().Read(22), RawReply(LocalAddressOf(peer.fd())));
}

TEST(BindTest, EndsWithItsControlConnection) {
  TestServer server;
  RawBind bind(Here(server));
  bind.control().ShutdownWrite();
  EXPECT_EQ(bind.control().ReadToEnd(), "");
  EXPECT_EQ(bind.control().error(), 0);
  EXPECT_FALSE(RawClient(bind.bound()).connected());
  ASSERT_TRUE(server.WaitForFinished(1));
  EXPECT_EQ(server.requests()[0].outcome, "bound");
}

TEST(BindTest, IsRefusedWhereItIsNotOffered) {
  TestServer server;
  server.SetBind(false);
  EXPECT_EQ(RawBind(Here(server)).reply(), "\x05\x07\0\x01\0\0\0\0\0\0"s);
  EXPECT_EQ(RawBind(Here(server), "0.0.0.0", 0, 4).reply(), "\0\x5b\0\0\0\0\0\0"s);
  EXPECT_EQ(server.requests()[0].outcome, "refused");
  server.SetBind(true);
  EXPECT_NE(RawBind(Here(server)).bound().port(), 0);
  server.AddRefused("refused.test", 2);
  EXPECT_EQ(RawBind(Here(server), "refused.test").reply(), "\x05\x02\0\x01\0\0\0\0\0\0"s);
}

}  // namespace
}  // namespace socksify::testserver
