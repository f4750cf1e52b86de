// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/socks5_client.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/protocol/socks5_fixture.h"

namespace socksify {
namespace {

TEST(Socks5ClientTest, ConnectsWithoutAuthentication) {
  ExpectDone(Starter(kAnonymous), kMethodNone + Reply(0), kGreetingNone + kRequest, kBound);
}

TEST(Socks5ClientTest, ConnectsWithUsernameAndPassword) {
  const std::string replies = kMethodUsername + kAccepted + Reply(0);
  ExpectDone(Starter(kAlice), replies, kGreetingUsername + kCredentials + kRequest, kBound);
  ExpectDone(Starter(kBoth), replies, kGreetingBoth + kCredentials + kRequest, kBound);
}

TEST(Socks5ClientTest, KeepsTheCredentialsWhenTheProxyWantsNone) {
  ExpectDone(Starter(kBoth), kMethodNone + Reply(0), kGreetingBoth + kRequest, kBound);
}

TEST(Socks5ClientTest, ToleratesVersionFiveInTheCredentialsStatus) {
  ExpectDone(Starter(kAlice), kMethodUsername + Bytes({5, 0}) + Reply(0),
             kGreetingUsername + kCredentials + kRequest, kBound);
}

TEST(Socks5ClientTest, SendsEveryTypeOfDestination) {
  const std::string longest(255, 'n');
  const struct {
    Endpoint destination;
    std::string address;
  } kCases[] = {
      {Host("10.1.2.3", 8080), Bytes({1, 10, 1, 2, 3, 0x1f, 0x90})},
      {Host("2001:db8::7", 53), Bytes({4, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 53})},
      {Host(longest, 65535), Bytes({3, 255}) + longest + Bytes({255, 255})},
  };
  for (const auto& test : kCases) {
    ExpectDone([&] { return Started(kAnonymous, test.destination); }, kMethodNone + Reply(0),
               kGreetingNone + Bytes({5, 1, 0}) + test.address, kBound);
  }
}

TEST(Socks5ClientTest, TakesEveryTypeOfBoundAddress) {
  const std::string longest(255, 'b');
  const struct {
    std::string address;
    Endpoint bound;
  } kCases[] = {
      {Bytes({1, 10, 1, 2, 3, 0x1f, 0x90}), Host("10.1.2.3", 8080)},
      {Bytes({1, 0, 0, 0, 0, 0, 0}), Endpoint()},
      {Bytes({4, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 53}), Host("2001:db8::7", 53)},
      {Bytes({3, 0, 1, 2}), Endpoint::FromIp(IpAddress(), 0x0102)},
      {Bytes({3, 1}) + "b" + Bytes({0, 1}), Host("b", 1)},
      {Bytes({3, 3, 'a', 0, 'c', 0, 1}), Endpoint::FromIp(IpAddress(), 1)},
      {Bytes({3, 255}) + longest + Bytes({0, 1}), Host(longest, 1)},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.bound.ToString());
    const std::string reply = Bytes({5, 0, 0x77, /* RSV is ignored */}) + test.address;
    ExpectDone(Starter(kAnonymous), kMethodNone + reply, kGreetingNone + kRequest, test.bound);
  }
}

TEST(Socks5ClientTest, EveryReplyCodeHasItsMeaning) {
  const struct {
    Fault fault;
    int error;
    const char* reason;
  } kKnown[] = {
      {Fault::kServer, ECONNREFUSED, "general SOCKS server failure"},
      {Fault::kDestination, EACCES, "connection not allowed by the proxy's ruleset"},
      {Fault::kDestination, ENETUNREACH, "network unreachable"},
      {Fault::kDestination, EHOSTUNREACH, "host unreachable"},
      {Fault::kDestination, ECONNREFUSED, "connection refused"},
      {Fault::kDestination, ETIMEDOUT, "TTL expired"},
      {Fault::kServer, EOPNOTSUPP, "command not supported by the proxy"},
      {Fault::kServer, EAFNOSUPPORT, "address type not supported by the proxy"},
  };
  for (int code = 1; code < 256; ++code) {
    SCOPED_TRACE(code);
    const std::string stream = kMethodNone + Reply(code);
    if (code <= 8) {
      const auto& known = kKnown[code - 1];
      ExpectRefused(Starter(kAnonymous), stream, known.fault, known.error, code, known.reason);
    } else {
      ExpectRefused(Starter(kAnonymous), stream, Fault::kServer, ECONNREFUSED, code,
                    "refused with an unknown reply code");
    }
  }
}

TEST(Socks5ClientTest, CredentialsMayHaveTheirFullLength) {
  const std::string username(255, 'u');
  const std::string password(255, 'p');
  const Socks5Auth auth = {
      .offer_none = false, .offer_username = true, .username = username, .password = password};
  const std::string message = Bytes({1, 255}) + username + Bytes({255}) + password;
  ExpectDone(Starter(auth), kMethodUsername + kAccepted + Reply(0), kGreetingUsername + message + kRequest,
             kBound);
}

TEST(Socks5ClientTest, AnEmptyPasswordIsSentAsSuch) {
  const Socks5Auth auth = {.offer_none = false, .offer_username = true, .username = "bob", .password = {}};
  ExpectDone(Starter(auth), kMethodUsername + kAccepted + Reply(0),
             kGreetingUsername + Bytes({1, 3, 'b', 'o', 'b', 0}) + kRequest, kBound);
}

TEST(Socks5ClientTest, DoesNotOfferAnEmptyUsername) {
  const Socks5Auth auth = {.offer_none = true, .offer_username = true, .username = {}, .password = "x"};
  ExpectDone(Starter(auth), kMethodNone + Reply(0), kGreetingNone + kRequest, kBound);
}

TEST(Socks5ClientTest, RefusesAtOnceWhatCannotBeOffered) {
  const std::string too_long(256, 'x');
  const struct {
    Socks5Auth auth;
    const char* reason;
  } kCases[] = {
      {{.offer_none = false, .offer_username = false, .username = "alice", .password = "x"},
       "no authentication method to offer; set a username or allow method none"},
      {{.offer_none = false, .offer_username = true, .username = {}, .password = "x"},
       "no authentication method to offer; set a username or allow method none"},
      {{.offer_none = true, .offer_username = true, .username = too_long, .password = "x"},
       "the SOCKS5 username is longer than 255 bytes"},
      {{.offer_none = false, .offer_username = true, .username = "alice", .password = too_long},
       "the SOCKS5 password is longer than 255 bytes"},
  };
  for (const auto& test : kCases) {
    Socks5Client client = Started(test.auth);
    const Outcome outcome = Drive(client, kMethodNone + Reply(0), kWhole);
    EXPECT_EQ(outcome.state, HandshakeState::kFailed);
    EXPECT_EQ(outcome.sent, "");
    EXPECT_EQ(outcome.consumed, 0U);
    ExpectFailure(outcome.failure, Fault::kServer, EACCES, -1, test.reason);
  }
}

TEST(Socks5ClientTest, ForgetsTheCredentialsOnceSent) {
  const InCleanMemory<Socks5Client> memory([&] { return Started(kAlice); });
  Socks5Client& client = *memory;
  EXPECT_TRUE(Remembers(client, kPassword));
  client.OutputSent(client.output().size());
  client.Input(AsBytes(kMethodUsername));
  client.OutputSent(client.output().size() - 1);
  EXPECT_TRUE(Remembers(client, kPassword.substr(1)));
  client.OutputSent(1);
  EXPECT_EQ(client.state(), HandshakeState::kRead);
  EXPECT_FALSE(Remembers(client, "sesame"));
  EXPECT_FALSE(Remembers(client, "alice"));
}

TEST(Socks5ClientTest, ForgetsTheCredentialsThatAreNotWanted) {
  const InCleanMemory<Socks5Client> memory([&] { return Started(kBoth); });
  Socks5Client& client = *memory;
  client.OutputSent(client.output().size());
  EXPECT_TRUE(Remembers(client, kPassword));
  client.Input(AsBytes(kMethodNone));
  EXPECT_EQ(client.state(), HandshakeState::kWrite);
  EXPECT_FALSE(Remembers(client, "sesame"));
}

TEST(Socks5ClientTest, ForgetsTheCredentialsWhenItFails) {
  for (const std::string& stream : {std::string(), std::string("H"), Bytes({5, 255}), Bytes({5, 1})}) {
    const InCleanMemory<Socks5Client> memory([&] { return Started(kAlice); });
    Socks5Client& client = *memory;
    Drive(client, stream, kWhole);
    EXPECT_EQ(client.state(), HandshakeState::kFailed);
    EXPECT_FALSE(Remembers(client, "sesame"));
    EXPECT_FALSE(Remembers(client, "alice"));
  }
}

TEST(Socks5ClientTest, ForgetsTheCredentialsOfAnAbandonedStart) {
  const InCleanMemory<Socks5Client> memory([&] { return Started(kAlice); });
  Socks5Client& client = *memory;
  client.Start(Host("web.test", 80), kAnonymous);
  EXPECT_FALSE(Remembers(client, "sesame"));
  const Outcome outcome = Drive(client, kMethodNone + Reply(0), kWhole);
  EXPECT_EQ(outcome.sent, kGreetingNone + kRequest);
}

TEST(Socks5ClientTest, AsksForAUdpRelay) {
  Socks5Client client;
  client.Start(Endpoint(), kAnonymous, Socks5Command::kUdpAssociate);
  const Outcome outcome = Drive(client, kMethodNone + Reply(0), kWhole);
  EXPECT_EQ(outcome.sent, kGreetingNone + Bytes({5, 3, 0, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(client.state(), HandshakeState::kDone);
}

TEST(Socks5ClientTest, OwnsACopyOfTheCredentials) {
  std::string username = "alice";
  std::string password(kPassword);
  Socks5Client client =
      Started({.offer_none = false, .offer_username = true, .username = username, .password = password});
  username.assign(username.size(), '#');
  password.assign(password.size(), '#');
  const Outcome outcome = Drive(client, kMethodUsername + kAccepted + Reply(0), kWhole);
  EXPECT_EQ(outcome.sent, kGreetingUsername + kCredentials + kRequest);
}

TEST(Socks5ClientTest, ACopyGoesOnByItself) {
  const InCleanMemory<Socks5Client> memory([&] { return Started(kAlice); });
  Socks5Client& client = *memory;
  client.OutputSent(client.output().size());
  Socks5Client copy = client;
  const Outcome outcome = Drive(copy, kMethodUsername + kAccepted + Reply(0), kWhole);
  EXPECT_EQ(outcome.state, HandshakeState::kDone);
  EXPECT_EQ(outcome.sent, kCredentials + kRequest);
  EXPECT_EQ(client.state(), HandshakeState::kRead);
  EXPECT_EQ(client.input_needed(), 2U);
  EXPECT_TRUE(Remembers(client, kPassword));
}

}  // namespace
}  // namespace socksify
