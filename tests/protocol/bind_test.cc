// SPDX-License-Identifier: BSD-2-Clause
// BIND through Handshake, for every protocol that has it: both replies, and nothing that follows them.
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/expected_peer.h"
#include "protocol/handshake.h"
#include "tests/protocol/scripted_socket.h"

namespace socksify {
namespace {

Endpoint At(std::string_view address, uint16_t port) {
  return Endpoint::FromIp(IpAddress::Parse(address).value(), port);
}

struct Dialect {
  const char* name;
  std::function<Handshake()> start;
  std::string request;  // all that the client sends
  std::string before;   // the proxy's bytes in front of the first reply
  std::function<std::string(int code, int last_octet)> reply;  // 10.0.0.LAST:4660
  int granted;
};

Handshake StartedSocks4(Socks4Dialect dialect, const Endpoint& destination) {
  Handshake handshake;
  handshake.StartSocks4(destination, dialect, "joe", Socks4Command::kBind);
  return handshake;
}

std::string Socks4Reply(int code, int last_octet) {
  return Bytes({0, code, 0x12, 0x34, 10, 0, 0, last_octet});
}

std::vector<Dialect> Dialects() {
  return {
      {"socks4", [] { return StartedSocks4(Socks4Dialect::kSocks4, At("10.0.0.7", 21)); },
       Bytes({4, 2, 0, 21, 10, 0, 0, 7}) + "joe" + Bytes({0}), "", &Socks4Reply, 90},
      {"socks4a", [] { return StartedSocks4(Socks4Dialect::kSocks4a, *Endpoint::FromName("ftp.test", 0)); },
       Bytes({4, 2, 0, 0, 0, 0, 0, 1}) + "joe" + Bytes({0}) + "ftp.test" + Bytes({0}), "", &Socks4Reply, 90},
      {"socks5",
       [] {
         Handshake handshake;
         handshake.StartSocks5(At("10.0.0.7", 21), {}, Socks5Command::kBind);
         return handshake;
       },
       Bytes({5, 1, 0, 5, 2, 0, 1, 10, 0, 0, 7, 0, 21}), Bytes({5, 0}),
       [](int code, int last_octet) { return Bytes({5, code, 0, 1, 10, 0, 0, last_octet, 0x12, 0x34}); }, 0}};
}

// The machine after the first reply: the proxy listens at 10.0.0.1:4660.
Handshake Listening(const Dialect& dialect) {
  Handshake handshake = dialect.start();
  EXPECT_EQ(Drive(handshake, dialect.before + dialect.reply(dialect.granted, 1), kWhole).state,
            HandshakeState::kDone);
  return handshake;
}

std::function<Handshake()> AwaitingPeer(const Dialect& dialect,
                                        std::optional<IpAddress> expected = std::nullopt) {
  return [dialect, expected] {
    Handshake handshake = Listening(dialect);
    handshake.AwaitPeer(expected);
    return handshake;
  };
}

TEST(BindTest, SaysBindAndTellsWhereThePeerIsToConnect) {
  for (const Dialect& dialect : Dialects()) {
    SCOPED_TRACE(dialect.name);
    // ExpectDone appends the second reply's first bytes, too: they stay.
    ExpectDone(dialect.start, dialect.before + dialect.reply(dialect.granted, 1), dialect.request,
               At("10.0.0.1", 4660));
  }
}

TEST(BindTest, TakesNothingOfTheSecondReplyBeforeItIsAskedFor) {
  for (const Dialect& dialect : Dialects()) {
    SCOPED_TRACE(dialect.name);
    Handshake handshake = Listening(dialect);
    handshake.Input(AsBytes(dialect.reply(dialect.granted, 9)));
    handshake.InputClosed();
    EXPECT_EQ(handshake.state(), HandshakeState::kDone);
    EXPECT_EQ(handshake.input_needed(), 0U);
    EXPECT_EQ(handshake.peer(), Endpoint());
  }
}

TEST(BindTest, TheSecondReplyTellsThePeerAndNothingBehindItIsTaken) {
  for (const Dialect& dialect : Dialects()) {
    SCOPED_TRACE(dialect.name);
    const std::string reply = dialect.reply(dialect.granted, 9);
    ExpectDone(AwaitingPeer(dialect), reply, "", At("10.0.0.1", 4660));
    Handshake handshake = AwaitingPeer(dialect)();
    Drive(handshake, reply + "220 ready\r\n", 3);
    EXPECT_EQ(handshake.peer().ToString(), "10.0.0.9:4660");
    EXPECT_EQ(handshake.bound().ToString(), "10.0.0.1:4660");
  }
}

TEST(BindTest, AwaitsThePeerOnce) {
  for (const Dialect& dialect : Dialects()) {
    SCOPED_TRACE(dialect.name);
    Handshake handshake = AwaitingPeer(dialect)();
    Drive(handshake, dialect.reply(dialect.granted, 9), kWhole);
    handshake.AwaitPeer(std::nullopt);
    EXPECT_EQ(handshake.state(), HandshakeState::kDone);
  }
}

TEST(BindTest, OtherCommandsAwaitNoPeer) {
  Handshake socks4;
  socks4.StartSocks4(At("10.0.0.7", 21), Socks4Dialect::kSocks4, "");
  Drive(socks4, Socks4Reply(90, 1), kWhole);
  Handshake socks5;
  socks5.StartSocks5(At("10.0.0.7", 21), {}, Socks5Command::kUdpAssociate);
  Drive(socks5, Bytes({5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80}), kWhole);
  Handshake idle;
  for (Handshake* handshake : {&socks4, &socks5, &idle}) {
    const HandshakeState before = handshake->state();
    handshake->AwaitPeer(std::nullopt);
    EXPECT_EQ(handshake->state(), before);
    EXPECT_EQ(handshake->peer(), Endpoint());
  }
}

TEST(BindTest, DoesNotAwaitAPeerBeforeTheFirstReply) {
  for (const Dialect& dialect : Dialects()) {
    SCOPED_TRACE(dialect.name);
    const auto hasty = [&] {
      Handshake handshake = dialect.start();
      handshake.AwaitPeer(std::nullopt);
      return handshake;
    };
    ExpectDone(hasty, dialect.before + dialect.reply(dialect.granted, 1), dialect.request,
               At("10.0.0.1", 4660));
  }
}

TEST(BindTest, EndsWhenEitherReplyIsCutShort) {
  for (const Dialect& dialect : Dialects()) {
    SCOPED_TRACE(dialect.name);
    const std::string reply = dialect.reply(dialect.granted, 9);
    for (size_t size = 0; size < reply.size(); ++size) {
      ExpectTruncated(dialect.start, dialect.before + reply.substr(0, size), size);
      if (size != 0) ExpectTruncated(AwaitingPeer(dialect), reply.substr(0, size), size);
    }
  }
}

TEST(BindTest, EndsWhenTheProxyGoesAwayBetweenTheReplies) {
  for (const Dialect& dialect : Dialects()) {
    SCOPED_TRACE(dialect.name);
    Handshake handshake = AwaitingPeer(dialect)();
    handshake.InputClosed();
    EXPECT_EQ(handshake.state(), HandshakeState::kFailed);
    ExpectFailure(handshake.failure(), Fault::kServer, ECONNABORTED, -1,
                  "the proxy closed the connection before a peer connected");
  }
}

TEST(BindTest, ARefusalInEitherReplyIsTheAnswer) {
  const struct {
    size_t dialect;
    int code;
    Fault fault;
    int error;
    const char* reason;
  } kCases[] = {
      {0, 91, Fault::kDestination, ECONNREFUSED, "request rejected or failed"},
      {0, 92, Fault::kServer, EACCES, "request rejected: the proxy cannot reach identd on this host"},
      {1, 93, Fault::kServer, EACCES, "request rejected: identd reports a different user id"},
      {2, 1, Fault::kServer, ECONNREFUSED, "general SOCKS server failure"},
      {2, 2, Fault::kDestination, EACCES, "connection not allowed by the proxy's ruleset"},
      {2, 3, Fault::kDestination, ENETUNREACH, "network unreachable"},
      {2, 4, Fault::kDestination, EHOSTUNREACH, "host unreachable"},
      {2, 5, Fault::kDestination, ECONNREFUSED, "connection refused"},
      {2, 6, Fault::kDestination, ETIMEDOUT, "TTL expired"},
      {2, 7, Fault::kServer, EOPNOTSUPP, "command not supported by the proxy"},
      {2, 8, Fault::kServer, EAFNOSUPPORT, "address type not supported by the proxy"},
      {2, 99, Fault::kServer, ECONNREFUSED, "refused with an unknown reply code"},
  };
  const std::vector<Dialect> dialects = Dialects();
  for (const auto& refusal : kCases) {
    const Dialect& dialect = dialects[refusal.dialect];
    SCOPED_TRACE(testing::Message() << dialect.name << " code " << refusal.code);
    const std::string reply = dialect.reply(refusal.code, 9);
    ExpectRefused(dialect.start, dialect.before + reply, refusal.fault, refusal.error, refusal.code,
                  refusal.reason);
    ExpectRefused(AwaitingPeer(dialect), reply, refusal.fault, refusal.error, refusal.code, refusal.reason);
    // Some servers close the connection right behind the code.
    ExpectRefused(AwaitingPeer(dialect), reply.substr(0, 2), refusal.fault, refusal.error, refusal.code,
                  refusal.reason);
  }
}

TEST(BindTest, TheSecondReplyIsCheckedLikeTheFirst) {
  const std::vector<Dialect> dialects = Dialects();
  ExpectRefused(AwaitingPeer(dialects[0]), "HTTP/1.1", Fault::kServer, ECONNABORTED, -1,
                "the reply does not begin with version 0; is this a SOCKS4 proxy?");
  ExpectRefused(AwaitingPeer(dialects[0]), Bytes({0, 7}), Fault::kServer, ECONNABORTED, -1,
                "the reply has a code that SOCKS4 does not know");
  ExpectRefused(AwaitingPeer(dialects[2]), Bytes({4}), Fault::kServer, ECONNABORTED, -1,
                "the reply to the request does not begin with version 5");
  ExpectRefused(AwaitingPeer(dialects[2]), Bytes({5, 0, 0, 2}), Fault::kServer, ECONNABORTED, -1,
                "the reply has an address type that SOCKS5 does not know");
}

TEST(BindTest, Socks5PeersHaveAddressesOfEveryType) {
  const Dialect dialect = Dialects()[2];
  const std::string head = Bytes({5, 0, 0});
  const struct {
    std::string reply;
    const char* peer;
  } kCases[] = {
      {head + Bytes({4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80}), "[2001:db8::1]:80"},
      {head + Bytes({3, 8}) + "web.test" + Bytes({0, 80}), "web.test:80"},
      {head + Bytes({3, 0, 0, 80}), "0.0.0.0:80"},
  };
  for (const auto& expected : kCases) {
    SCOPED_TRACE(expected.peer);
    ExpectDone(AwaitingPeer(dialect), expected.reply, "", At("10.0.0.1", 4660));
    Handshake handshake = AwaitingPeer(dialect)();
    Drive(handshake, expected.reply, 1);
    EXPECT_EQ(handshake.peer().ToString(), expected.peer);
  }
}

TEST(BindTest, AnExpectedPeerIsToldByItsAddress) {
  for (const Dialect& dialect : Dialects()) {
    for (const char* expected : {"10.0.0.9", "::ffff:10.0.0.9", "0.0.0.0", "::"}) {
      SCOPED_TRACE(testing::Message() << dialect.name << " expects " << expected);
      ExpectDone(AwaitingPeer(dialect, IpAddress::Parse(expected)), dialect.reply(dialect.granted, 9), "",
                 At("10.0.0.1", 4660));
    }
    for (const char* expected : {"10.0.0.8", "2001:db8::1", "::ffff:10.0.0.8"}) {
      SCOPED_TRACE(testing::Message() << dialect.name << " expects " << expected);
      ExpectRefused(AwaitingPeer(dialect, IpAddress::Parse(expected)), dialect.reply(dialect.granted, 9),
                    Fault::kDestination, EACCES, -1,
                    "a peer of another address than the expected one connected");
    }
  }
}

TEST(BindTest, Socks4MayLeaveThePeerOutAndSocks5MayNot) {
  const std::vector<Dialect> dialects = Dialects();
  const auto expected = IpAddress::Parse("10.0.0.9");
  ExpectDone(AwaitingPeer(dialects[0], expected), Bytes({0, 90, 0, 0, 0, 0, 0, 0}), "", At("10.0.0.1", 4660));
  ExpectRefused(AwaitingPeer(dialects[2], expected), Bytes({5, 0, 0, 1, 0, 0, 0, 0, 0, 0}),
                Fault::kDestination, EACCES, -1, "a peer of another address than the expected one connected");
}

TEST(BindTest, ANamedPeerIsNobodyInParticular) {
  const Endpoint named = *Endpoint::FromName("web.test", 80);
  EXPECT_TRUE(IsExpectedPeer(std::nullopt, named));
  EXPECT_FALSE(IsExpectedPeer(IpAddress::Parse("10.0.0.9"), named));
}

TEST(BindTest, CarriesCredentialsAndForgetsThem) {
  const auto start = [] {
    Handshake handshake;
    handshake.StartSocks5(
        Endpoint(),
        {.offer_none = false, .offer_username = true, .username = "al", .password = "open sesame"},
        Socks5Command::kBind);
    return handshake;
  };
  const std::string replies = Bytes({5, 2, 1, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0x12, 0x34});
  ExpectDone(
      start, replies,
      Bytes({5, 1, 2, 1, 2}) + "al" + Bytes({11}) + "open sesame" + Bytes({5, 2, 0, 1, 0, 0, 0, 0, 0, 0}),
      At("10.0.0.1", 4660));
  const InCleanMemory<Handshake> memory([&] { return start(); });
  Handshake& handshake = *memory;
  Drive(handshake, replies, kWhole);
  EXPECT_FALSE(Remembers(handshake, "open sesame"));
}

}  // namespace
}  // namespace socksify
