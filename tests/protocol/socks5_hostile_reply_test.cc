// SPDX-License-Identifier: BSD-2-Clause
// Proxies that stop early, lie or talk nonsense.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/protocol/socks5_fixture.h"

namespace socksify {
namespace {

TEST(Socks5HostileReplyTest, FailsWhereverTheStreamEnds) {
  const std::string name_reply = Bytes({5, 0, 0, 3, 4}) + "edge" + Bytes({0, 80});
  const std::string v6_reply = Bytes({5, 0, 0, 4}) + std::string(18, '6');
  for (const std::string& reply : {Reply(0), name_reply, v6_reply}) {
    const std::string stream = kMethodUsername + kAccepted + reply;
    for (size_t size = 0; size < stream.size(); ++size) {
      const size_t received = size < 4 ? size % 2 : size - 4;
      ExpectTruncated(Starter(kAlice), stream.substr(0, size), received);
    }
  }
}

TEST(Socks5HostileReplyTest, RefusalCountsThoughTheServerClosesEarly) {
  for (size_t size = 2; size < 10; ++size) {
    ExpectRefused(Starter(kAnonymous), kMethodNone + Reply(4).substr(0, size), Fault::kDestination,
                  EHOSTUNREACH, 4, "host unreachable");
  }
}

TEST(Socks5HostileReplyTest, RefusalCountsWhateverTheAddressType) {
  ExpectRefused(Starter(kAnonymous), kMethodNone + Bytes({5, 5, 0, 0, 0, 0, 0, 0, 0, 0}), Fault::kDestination,
                ECONNREFUSED, 5, "connection refused");
}

TEST(Socks5HostileReplyTest, RejectsMethodReplyWithWrongVersion) {
  for (const std::string& stream :
       {Bytes({0, 0}), Bytes({4, 0}), std::string("HTTP/1.1 400 Bad Request\r\n")}) {
    ExpectRefused(Starter(kBoth), stream, Fault::kServer, ECONNABORTED, -1,
                  "the reply does not begin with version 5; is this a SOCKS5 proxy?");
  }
}

TEST(Socks5HostileReplyTest, NoAcceptableMethodIsARefusalOfAccess) {
  ExpectRefused(Starter(kAnonymous), Bytes({5, 255}), Fault::kServer, EACCES, -1,
                "the proxy accepts no anonymous clients; give a username and a password");
  ExpectRefused(Starter(kAlice), Bytes({5, 255}), Fault::kServer, EACCES, -1,
                "the proxy accepts none of the offered authentication methods");
  ExpectRefused(Starter(kBoth), Bytes({5, 255}), Fault::kServer, EACCES, -1,
                "the proxy accepts none of the offered authentication methods");
}

TEST(Socks5HostileReplyTest, RejectsEveryMethodThatWasNotOffered) {
  const struct {
    Socks5Auth auth;
    bool none;
    bool username;
  } kCases[] = {{kAnonymous, true, false}, {kAlice, false, true}, {kBoth, true, true}};
  for (const auto& test : kCases) {
    for (int method = 0; method < 255; ++method) {
      if ((method == 0 && test.none) || (method == 2 && test.username)) continue;
      SCOPED_TRACE(method);
      ExpectRefused(Starter(test.auth), Bytes({5, method}), Fault::kServer, ECONNABORTED, -1,
                    "the proxy chose an authentication method that was not offered");
    }
  }
}

TEST(Socks5HostileReplyTest, SendsNothingToAProxyThatChoseNoAuthenticationUnasked) {
  Socks5Client client = Started(kAlice);
  const Outcome outcome = Drive(client, kMethodNone + Reply(0), kWhole);
  EXPECT_EQ(outcome.state, HandshakeState::kFailed);
  EXPECT_EQ(outcome.sent, kGreetingUsername);
}

TEST(Socks5HostileReplyTest, EveryStatusButZeroRejectsTheCredentials) {
  for (int status = 1; status < 256; ++status) {
    ExpectRefused(Starter(kAlice), kMethodUsername + Bytes({1, status}), Fault::kServer, EACCES, -1,
                  "the proxy rejected the username and password");
  }
}

TEST(Socks5HostileReplyTest, RejectsCredentialsStatusWithWrongVersion) {
  for (const int version : {0, 2, 4, 6, 255}) {
    ExpectRefused(Starter(kAlice), kMethodUsername + Bytes({version, 0}), Fault::kServer, ECONNABORTED, -1,
                  "the reply to the username and password does not begin with version 1");
  }
}

TEST(Socks5HostileReplyTest, RejectsReplyWithWrongVersion) {
  for (const int version : {0, 1, 4, 255}) {
    ExpectRefused(Starter(kAnonymous), kMethodNone + Bytes({version, 0, 0, 1, 0, 0, 0, 0, 0, 0}),
                  Fault::kServer, ECONNABORTED, -1, "the reply to the request does not begin with version 5");
  }
}

TEST(Socks5HostileReplyTest, RejectsUnknownAddressTypeOfASuccess) {
  for (int type = 0; type < 256; ++type) {
    if (type == 1 || type == 3 || type == 4) continue;
    SCOPED_TRACE(type);
    ExpectRefused(Starter(kAnonymous), kMethodNone + Bytes({5, 0, 0, type, 0, 0, 0, 0, 0, 0}), Fault::kServer,
                  ECONNABORTED, -1, "the reply has an address type that SOCKS5 does not know");
  }
}

TEST(Socks5HostileReplyTest, FailsWhenTheStreamEndsWhileGreeting) {
  const InCleanMemory<Socks5Client> memory([&] { return Started(kAlice); });
  Socks5Client& client = *memory;
  client.OutputSent(1);
  client.InputClosed();
  ASSERT_EQ(client.state(), HandshakeState::kFailed);
  EXPECT_TRUE(client.output().empty());
  EXPECT_FALSE(Remembers(client, "sesame"));
  ExpectFailure(client.failure(), Fault::kServer, ECONNABORTED, -1,
                "the proxy closed the connection without a reply");
}

TEST(Socks5HostileReplyTest, FailsWhenTheStreamEndsWhileSendingCredentials) {
  const InCleanMemory<Socks5Client> memory([&] { return Started(kAlice); });
  Socks5Client& client = *memory;
  client.OutputSent(client.output().size());
  client.Input(AsBytes(kMethodUsername));
  client.OutputSent(3);
  client.InputClosed();
  ASSERT_EQ(client.state(), HandshakeState::kFailed);
  EXPECT_TRUE(client.output().empty());
  EXPECT_FALSE(Remembers(client, "sesame"));
  ExpectFailure(client.failure(), Fault::kServer, ECONNABORTED, -1,
                "the proxy closed the connection without a reply");
}

TEST(Socks5HostileReplyTest, NothingChangesAfterTheEnd) {
  Socks5Client done = Started();
  Drive(done, kMethodNone + Reply(0), kWhole);
  done.Input(AsBytes(Reply(5)));
  done.OutputSent(1);
  done.InputClosed();
  EXPECT_EQ(done.state(), HandshakeState::kDone);
  EXPECT_EQ(done.bound(), kBound);
  EXPECT_EQ(done.input_needed(), 0U);

  Socks5Client failed = Started();
  Drive(failed, kMethodNone + Reply(3), kWhole);
  failed.Input(AsBytes(Reply(0)));
  failed.OutputSent(1);
  failed.InputClosed();
  ASSERT_EQ(failed.state(), HandshakeState::kFailed);
  EXPECT_EQ(failed.failure().reply_code, 3);
}

TEST(Socks5HostileReplyTest, BytesOutOfTurnAreIgnored) {
  Socks5Client client = Started();
  client.Input(AsBytes(Bytes({5, 255})));
  EXPECT_EQ(client.state(), HandshakeState::kWrite);
  client.OutputSent(1000);
  client.Input({});
  client.Input(AsBytes(kMethodNone + Reply(5)));
  EXPECT_EQ(client.state(), HandshakeState::kWrite);
  client.OutputSent(1000);
  client.Input(AsBytes(Reply(0).substr(0, 7)));
  client.Input(AsBytes(Reply(0).substr(7) + "application"));
  EXPECT_EQ(client.state(), HandshakeState::kDone);
  EXPECT_EQ(client.bound(), kBound);
}

TEST(Socks5HostileReplyTest, AlwaysEndsOnNoise) {
  constexpr uint8_t kLikely[] = {5, 5, 0, 0, 0, 1, 2, 3, 4};
  constexpr int kRounds = 20'000;
  for (const Socks5Auth& auth : {kAnonymous, kAlice, kBoth}) {
    const int successes = CountSuccessesOnNoise(Starter(auth), kLikely, kRounds);
    EXPECT_GT(successes, 0);
    EXPECT_LT(successes, kRounds);
  }
}

}  // namespace
}  // namespace socksify
