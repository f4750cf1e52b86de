// SPDX-License-Identifier: BSD-2-Clause
// Dante's bind extension: many peers of one BIND, each brought to the client's own listening socket.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

#include "tests/server/raw_bind.h"
#include "tests/server/tcp_sockets.h"
#include "tests/server/test_server.h"
#include "tests/server/wire.h"

namespace socksify::testserver {
namespace {

using namespace std::string_literals;

Endpoint Here(const TestServer& server) {
  return server.endpoints().front();
}

// A listening socket and a BIND that brings peers to it.
struct Forwarding {
  explicit Forwarding(TestServer* server, int version = 5)
      : bind((server->SetScript("bind.forward=wanted"), Here(*server)), kBindExtensionAddress,
             listener.port(), version) {}

  RawListener listener;
  RawBind bind;
};

TEST(BindExtensionTest, BringsEveryPeerToTheClient) {
  for (const int version : {4, 5}) {
    TestServer server;
    Forwarding forwarding(&server, version);
    RawBind& bind = forwarding.bind;
    EXPECT_EQ(bind.reply(), RawReply(bind.bound(), version));
    RawClient first(bind.bound());
    RawClient first_here = forwarding.listener.Accept();
    RawClient second(bind.bound());
    RawClient second_here = forwarding.listener.Accept();
    EXPECT_EQ(PeerAddressOf(first_here.fd()).ip(), Here(server).ip());
    EXPECT_EQ(server.requests()[0].outcome, "accepted");
    EXPECT_EQ(server.requests()[0].peers.size(), 2U);

    // In any order, and both at a time.
    ASSERT_TRUE(bind.control().Send(RawQuery(PeerAddressOf(second_here.fd()), version) +
                                    RawQuery(PeerAddressOf(first_here.fd()), version)));
    const size_t size = bind.reply().size();
    EXPECT_EQ(bind.control().Read(size), RawReply(LocalAddressOf(second.fd()), version));
    EXPECT_EQ(bind.control().Read(size), RawReply(LocalAddressOf(first.fd()), version));
    ASSERT_TRUE(first.Send("from the first"));
    ASSERT_TRUE(second.Send("from the second"));
    EXPECT_EQ(first_here.Read(14), "from the first");
    EXPECT_EQ(second_here.Read(15), "from the second");
    ASSERT_TRUE(first_here.Send("hello"));
    EXPECT_EQ(first.Read(5), "hello");
  }
}

TEST(BindExtensionTest, RelaysOnlyWhatWasAskedAbout) {
  TestServer server;
  Forwarding forwarding(&server);
  RawClient asked(forwarding.bind.bound());
  RawClient asked_here = forwarding.listener.Accept();
  RawClient other(forwarding.bind.bound());
  RawClient other_here = forwarding.listener.Accept();
  ASSERT_TRUE(other.Send("other"));
  ASSERT_TRUE(asked.Send("asked"));
  ASSERT_TRUE(forwarding.bind.control().Send(RawQuery(PeerAddressOf(asked_here.fd()))));
  EXPECT_EQ(asked_here.Read(5), "asked");
  std::string nothing(1, '\0');
  EXPECT_EQ(recv(other_here.fd(), nothing.data(), nothing.size(), MSG_DONTWAIT), -1);
  ASSERT_TRUE(forwarding.bind.control().Send(RawQuery(PeerAddressOf(other_here.fd()))));
  EXPECT_EQ(other_here.Read(5), "other");
}

TEST(BindExtensionTest, SaysWhatIsNotItsOwn) {
  TestServer server;
  Forwarding forwarding(&server);
  RawClient local(Endpoint::FromIp(Here(server).ip(), forwarding.listener.port()));
  RawClient local_here = forwarding.listener.Accept();
  ASSERT_TRUE(forwarding.bind.control().Send(RawQuery(PeerAddressOf(local_here.fd()))));
  EXPECT_EQ(forwarding.bind.control().Read(10), RawReply(Endpoint()));
}

TEST(BindExtensionTest, OutlivesTheControlConnectionWhereItRelays) {
  TestServer server;
  Forwarding forwarding(&server);
  RawClient kept(forwarding.bind.bound());
  RawClient kept_here = forwarding.listener.Accept();
  RawClient dropped(forwarding.bind.bound());
  RawClient dropped_here = forwarding.listener.Accept();
  ASSERT_TRUE(forwarding.bind.control().Send(RawQuery(PeerAddressOf(kept_here.fd()))));
  ASSERT_EQ(forwarding.bind.control().Read(10).size(), 10U);
  forwarding.bind.control().ShutdownWrite();
  EXPECT_EQ(forwarding.bind.control().ReadToEnd(), "");
  EXPECT_EQ(dropped.ReadToEnd(), "");
  EXPECT_EQ(dropped_here.ReadToEnd(), "");
  EXPECT_FALSE(RawClient(forwarding.bind.bound()).connected());
  EXPECT_FALSE(server.requests()[0].finished);

  const std::string data(3 << 20, 'x');
  ASSERT_TRUE(kept.Send("hello"));
  kept.ShutdownWrite();
  EXPECT_EQ(kept_here.ReadToEnd(), "hello");
  // More than all buffers on the way take before anybody reads.
  std::string got;
  size_t sent = 0;
  while (sent < data.size()) {
    const ssize_t count =
        send(kept_here.fd(), data.data() + sent, data.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) sent += count;
    if (count < 0) got += kept.ReadSegment();
  }
  kept_here.ShutdownWrite();
  got += kept.ReadToEnd();
  EXPECT_EQ(got, data);
  ASSERT_TRUE(server.WaitForFinished(1));
  EXPECT_EQ(server.requests()[0].bytes_to_client, 5U);
  EXPECT_EQ(server.requests()[0].bytes_from_client, data.size());
}

TEST(BindExtensionTest, StopEndsWhatIsRelayed) {
  TestServer server;
  Forwarding forwarding(&server);
  RawClient peer(forwarding.bind.bound());
  RawClient here = forwarding.listener.Accept();
  ASSERT_TRUE(forwarding.bind.control().Send(RawQuery(PeerAddressOf(here.fd()))));
  forwarding.bind.control().ShutdownWrite();
  EXPECT_EQ(forwarding.bind.control().ReadToEnd(), RawReply(LocalAddressOf(peer.fd())));
  EXPECT_FALSE(server.requests()[0].finished);
  server.Stop();
  EXPECT_EQ(here.ReadToEnd(), "");
  EXPECT_EQ(peer.ReadToEnd(), "");
  EXPECT_TRUE(server.requests()[0].finished);
  EXPECT_EQ(server.requests()[0].outcome, "accepted");
}

TEST(BindExtensionTest, ConnectsToThePortOfTheControlConnection) {
  TestServer server;
  // Bound before it connects: a port that connect(2) chooses may be somebody else's as well.
  const IpAddress here_ip = Here(server).ip();
  RawBind bind(RawClient(StartConnecting(Here(server), &here_ip)), kBindExtensionAddress, 9);
  ASSERT_NE(bind.bound().port(), 0);
  const int on = 1;
  setsockopt(bind.control().fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  RawListener listener(LocalAddressOf(bind.control().fd()).port());
  ASSERT_NE(listener.port(), 0);
  RawClient peer(bind.bound());
  RawClient here = listener.Accept();
  ASSERT_TRUE(bind.control().Send(RawQuery(PeerAddressOf(here.fd()))));
  EXPECT_EQ(bind.control().Read(10), RawReply(LocalAddressOf(peer.fd())));
}

TEST(BindExtensionTest, EndsWhereNobodyListens) {
  TestServer server;
  RawBind bind(Here(server), kBindExtensionAddress, 9);
  RawClient peer(bind.bound());
  EXPECT_EQ(bind.control().ReadToEnd(), "");
  EXPECT_EQ(peer.ReadToEnd(), "");
  ASSERT_TRUE(server.WaitForFinished(1));
}

TEST(BindExtensionTest, EndsOnMalformedQueries) {
  struct Case {
    std::string query;
    const char* outcome;
  };
  const Case table[] = {
      {"\x04", "malformed: request of another version than 5"},
      {Socks5Request("127.0.0.1", 80), "malformed: a query that is no BIND"},
      {"\x05\x02\0\x02\x01"s, "malformed: unknown address type"},
  };
  for (const Case& one : table) {
    TestServer server;
    Forwarding forwarding(&server);
    ASSERT_TRUE(forwarding.bind.control().Send(one.query));
    EXPECT_EQ(forwarding.bind.control().ReadToEnd(), "");
    EXPECT_EQ(server.requests()[0].outcome, one.outcome);
  }
}

TEST(BindExtensionTest, MisbehavesByScript) {
  TestServer server;
  server.SetScript("bind.query=0");
  RawBind debian(Here(server), kBindExtensionAddress);
  ASSERT_TRUE(debian.control().Send(RawQuery(debian.bound())));
  EXPECT_EQ(debian.control().ReadToEnd(), "");

  server.SetScript("second.bound=[2001:db8::1]:80");
  RawBind bent(Here(server), kBindExtensionAddress);
  ASSERT_TRUE(bent.control().Send(RawQuery(bent.bound())));
  EXPECT_EQ(bent.control().Read(22), "\x05\0\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50"s);

  server.SetScript("bind.drop=1");
  RawBind dropped(Here(server), kBindExtensionAddress);
  RawClient peer(dropped.bound());
  EXPECT_EQ(dropped.control().ReadToEnd(), "");

  server.SetScript("bind.extension=0");
  RawBind plain(Here(server), kBindExtensionAddress);
  RawClient plain_peer(plain.bound());
  EXPECT_EQ(plain.control().Read(10), RawReply(LocalAddressOf(plain_peer.fd())));
}

}  // namespace
}  // namespace socksify::testserver
