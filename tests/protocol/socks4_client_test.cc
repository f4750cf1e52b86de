// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/socks4_client.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/protocol/scripted_socket.h"

namespace socksify {
namespace {

const Endpoint kAddress = Endpoint::FromIp(IpAddress::V4(0x0a010203), 8080);
const Endpoint kBound = Endpoint::FromIp(IpAddress::V4(0xc0a80001), 0x1234);

Endpoint Host(std::string_view host, uint16_t port) {
  return Endpoint::FromHost(host, port).value();
}

Socks4Client Started(const Endpoint& destination, Socks4Dialect dialect = Socks4Dialect::kSocks4,
                     std::string_view user_id = "joe") {
  Socks4Client client;
  client.Start(destination, dialect, user_id);
  return client;
}

// VN, CD, DSTPORT, DSTIP
std::string Reply(int code, int version = 0) {
  return Bytes({version, code, 0x12, 0x34, 192, 168, 0, 1});
}

std::string RequestTo(int a, int b, int c, int d, int port) {
  return Bytes({4, 1, port >> 8, port & 0xff, a, b, c, d});
}

TEST(Socks4ClientTest, ConnectsToAnAddress) {
  const std::string request = RequestTo(10, 1, 2, 3, 8080) + "joe" + '\0';
  for (const Socks4Dialect dialect : {Socks4Dialect::kSocks4, Socks4Dialect::kSocks4a}) {
    ExpectDone([&] { return Started(kAddress, dialect); }, Reply(90), request, kBound);
  }
}

TEST(Socks4ClientTest, SendsNamesByTheExtension) {
  const std::string request = RequestTo(0, 0, 0, 1, 80) + "joe" + '\0' + "web.test" + '\0';
  ExpectDone([] { return Started(Host("web.test", 80), Socks4Dialect::kSocks4a); }, Reply(90), request,
             kBound);
}

TEST(Socks4ClientTest, UserIdMayBeEmpty) {
  ExpectDone([] { return Started(kAddress, Socks4Dialect::kSocks4, ""); }, Reply(90),
             RequestTo(10, 1, 2, 3, 8080) + '\0', kBound);
}

TEST(Socks4ClientTest, TakesTheLongestNameAndUserId) {
  const std::string name(255, 'n');
  const std::string user_id(255, 'u');
  const std::string request = RequestTo(0, 0, 0, 1, 65535) + user_id + '\0' + name + '\0';
  ExpectDone([&] { return Started(Host(name, 65535), Socks4Dialect::kSocks4a, user_id); }, Reply(90), request,
             kBound);
}

TEST(Socks4ClientTest, ToleratesVersionFourInTheReply) {
  ExpectDone([] { return Started(kAddress); }, Reply(90, 4), RequestTo(10, 1, 2, 3, 8080) + "joe" + '\0',
             kBound);
}

TEST(Socks4ClientTest, RefusesAtOnceWhatTheProtocolCannotSay) {
  constexpr auto kPlain = Socks4Dialect::kSocks4;
  constexpr auto kNames = Socks4Dialect::kSocks4a;
  const struct {
    Endpoint destination;
    Socks4Dialect dialect;
    std::string user_id;
    int error;
    const char* reason;
  } kCases[] = {
      {Host("web.test", 80), kPlain, "", EAFNOSUPPORT,
       "SOCKS4 carries addresses only; use socks4a or socks5 to send host names"},
      {Host("::1", 80), kPlain, "", EAFNOSUPPORT,
       "SOCKS4 carries IPv4 only; use socks5 for IPv6 destinations"},
      {Host("2001:db8::1", 80), kNames, "", EAFNOSUPPORT,
       "SOCKS4 carries IPv4 only; use socks5 for IPv6 destinations"},
      {Host("0.0.0.1", 80), kPlain, "", ENETUNREACH,
       "SOCKS4 cannot carry the addresses 0.0.0.1 to 0.0.0.255"},
      {Host("0.0.0.255", 80), kNames, "", ENETUNREACH,
       "SOCKS4 cannot carry the addresses 0.0.0.1 to 0.0.0.255"},
      {kAddress, kPlain, std::string(256, 'u'), EACCES, "the SOCKS4 user id is longer than 255 bytes"},
      {kAddress, kPlain, std::string("a\0b", 3), EACCES, "the SOCKS4 user id contains a NUL byte"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.reason);
    Socks4Client client = Started(test.destination, test.dialect, test.user_id);
    const Outcome outcome = Drive(client, Reply(90), kWhole);
    EXPECT_EQ(outcome.state, HandshakeState::kFailed);
    EXPECT_EQ(outcome.sent, "");
    EXPECT_EQ(outcome.consumed, 0U);
    ExpectFailure(outcome.failure, Fault::kServer, test.error, -1, test.reason);
  }
}

TEST(Socks4ClientTest, AddressesNextToTheReservedOnesAreCarried) {
  for (const std::string_view host : {"0.0.0.0", "0.0.1.0"}) {
    EXPECT_EQ(Started(Host(host, 80)).state(), HandshakeState::kWrite) << host;
  }
}

TEST(Socks4ClientTest, EveryReplyCodeHasItsMeaning) {
  for (int code = 0; code < 256; ++code) {
    SCOPED_TRACE(code);
    const auto start = [] { return Started(kAddress); };
    switch (code) {
      case 90: break;
      case 91:
        ExpectRefused(start, Reply(code), Fault::kDestination, ECONNREFUSED, code,
                      "request rejected or failed");
        break;
      case 92:
        ExpectRefused(start, Reply(code), Fault::kServer, EACCES, code,
                      "request rejected: the proxy cannot reach identd on this host");
        break;
      case 93:
        ExpectRefused(start, Reply(code), Fault::kServer, EACCES, code,
                      "request rejected: identd reports a different user id");
        break;
      default:
        ExpectRefused(start, Reply(code), Fault::kServer, ECONNABORTED, -1,
                      "the reply has a code that SOCKS4 does not know");
    }
  }
}

TEST(Socks4ClientTest, RefusalCountsThoughTheServerClosesEarly) {
  for (size_t size = 2; size < 8; ++size) {
    ExpectRefused([] { return Started(kAddress); }, Reply(91).substr(0, size), Fault::kDestination,
                  ECONNREFUSED, 91, "request rejected or failed");
  }
}

TEST(Socks4ClientTest, RejectsReplyWithWrongVersion) {
  for (const int version : {1, 3, 5, 72, 255}) {
    ExpectRefused([] { return Started(kAddress); }, Reply(90, version), Fault::kServer, ECONNABORTED, -1,
                  "the reply does not begin with version 0; is this a SOCKS4 proxy?");
  }
}

TEST(Socks4ClientTest, FailsWhereverTheReplyEnds) {
  for (size_t size = 0; size < 8; ++size) {
    ExpectTruncated([] { return Started(kAddress); }, Reply(90).substr(0, size), size);
  }
}

TEST(Socks4ClientTest, FailsWhenTheStreamEndsWhileSending) {
  Socks4Client client = Started(kAddress);
  client.OutputSent(3);
  client.InputClosed();
  ASSERT_EQ(client.state(), HandshakeState::kFailed);
  EXPECT_TRUE(client.output().empty());
  ExpectFailure(client.failure(), Fault::kServer, ECONNABORTED, -1,
                "the proxy closed the connection without a reply");
}

TEST(Socks4ClientTest, NothingChangesAfterTheEnd) {
  Socks4Client done = Started(kAddress);
  Drive(done, Reply(90), kWhole);
  done.Input(AsBytes(Reply(91)));
  done.OutputSent(1);
  done.InputClosed();
  EXPECT_EQ(done.state(), HandshakeState::kDone);
  EXPECT_EQ(done.bound(), kBound);
  EXPECT_EQ(done.input_needed(), 0U);

  Socks4Client failed = Started(kAddress);
  Drive(failed, Reply(93), kWhole);
  failed.Input(AsBytes(Reply(90)));
  failed.OutputSent(1);
  failed.InputClosed();
  ASSERT_EQ(failed.state(), HandshakeState::kFailed);
  EXPECT_EQ(failed.failure().reply_code, 93);
}

TEST(Socks4ClientTest, BytesOutOfTurnAreIgnored) {
  Socks4Client client = Started(kAddress);
  client.Input(AsBytes(Reply(91)));
  EXPECT_EQ(client.state(), HandshakeState::kWrite);
  client.OutputSent(1000);
  EXPECT_EQ(client.state(), HandshakeState::kRead);
  client.Input({});
  client.Input(AsBytes(Reply(90) + "application"));
  EXPECT_EQ(client.state(), HandshakeState::kDone);
  EXPECT_EQ(client.bound(), kBound);
}

TEST(Socks4ClientTest, ACopyGoesOnByItself) {
  Socks4Client client = Started(kAddress);
  client.OutputSent(client.output().size());
  client.Input(AsBytes(Reply(90).substr(0, 5)));
  Socks4Client copy = client;
  copy.Input(AsBytes(Reply(90).substr(5)));
  EXPECT_EQ(copy.state(), HandshakeState::kDone);
  EXPECT_EQ(copy.bound(), kBound);
  EXPECT_EQ(client.state(), HandshakeState::kRead);
  EXPECT_EQ(client.input_needed(), 3U);
}

TEST(Socks4ClientTest, StartsAnew) {
  Socks4Client client = Started(kAddress);
  Drive(client, Reply(93), kWhole);
  client.Start(Host("10.9.8.7", 22), Socks4Dialect::kSocks4, "");
  const Outcome outcome = Drive(client, Reply(90), kWhole);
  EXPECT_EQ(outcome.state, HandshakeState::kDone);
  EXPECT_EQ(outcome.sent, RequestTo(10, 9, 8, 7, 22) + '\0');
}

TEST(Socks4ClientTest, AlwaysEndsOnNoise) {
  constexpr uint8_t kLikely[] = {0, 4, 90, 90, 91};
  const auto start = [] { return Started(kAddress); };
  const int successes = CountSuccessesOnNoise(start, kLikely, 20'000);
  EXPECT_GT(successes, 0);
  EXPECT_LT(successes, 20'000);
}

}  // namespace
}  // namespace socksify
