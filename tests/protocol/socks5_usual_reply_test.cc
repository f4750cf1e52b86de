// SPDX-License-Identifier: BSD-2-Clause
// Replies that are expected to have at least the size of most: fewer reads, and what is noticed when one is
// shorter.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/protocol/socks5_fixture.h"

namespace socksify {
namespace {

Socks5Auth Usual(Socks5Auth auth, bool is_pipelined = false) {
  auth.expects_usual_reply = true;
  auth.pipelined = is_pipelined;
  return auth;
}

Socks5Client AfterRequest(Socks5Command command = Socks5Command::kConnect) {
  Socks5Client client;
  client.Start(Host("web.test", 80), Usual(kAnonymous), command);
  client.OutputSent(client.output().size());
  EXPECT_EQ(client.input_needed(), 2U);
  client.Input(AsBytes(kMethodNone));
  client.OutputSent(client.output().size());
  return client;
}

const std::string kEmptyName = Bytes({5, 0, 0, 3, 0, 1, 2});

TEST(Socks5UsualReplyTest, IsAskedForAtOnce) {
  EXPECT_EQ(AfterRequest().input_needed(), 10U);
  EXPECT_EQ(AfterRequest(Socks5Command::kBind).input_needed(), 7U);
  EXPECT_EQ(AfterRequest(Socks5Command::kUdpAssociate).input_needed(), 7U);
  for (const auto& [auth, needed] : {std::pair(kAnonymous, 2U + 10U), std::pair(kAlice, 2U + 2U + 10U)}) {
    Socks5Client client = Started(Usual(auth, true));
    client.OutputSent(client.output().size());
    EXPECT_EQ(client.input_needed(), needed);
  }
}

TEST(Socks5UsualReplyTest, NothingBehindItIsTaken) {
  const std::string longest(255, 'b');
  const std::string v6 = Bytes({5, 0, 0, 4, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 53});
  const std::string name = Bytes({5, 0, 0, 3, 3}) + "abc" + Bytes({0, 1});
  for (const bool is_pipelined : {false, true}) {
    const std::string greeted = kGreetingNone + kRequest;
    const auto starter = Starter(Usual(kAnonymous, is_pipelined));
    ExpectDone(starter, kMethodNone + Reply(0), greeted, kBound);
    ExpectDone(starter, kMethodNone + v6, greeted, Host("2001:db8::7", 53));
    ExpectDone(starter, kMethodNone + name, greeted, Host("abc", 1));
    ExpectDone(starter, kMethodNone + Bytes({5, 0, 0, 3, 255}) + longest + Bytes({0, 1}), greeted,
               Host(longest, 1));
  }
}

TEST(Socks5UsualReplyTest, AShorterOneAloneIsAReply) {
  for (const bool is_pipelined : {false, true}) {
    for (const size_t chunk : kChunkSizes) {
      Socks5Client client = Started(Usual(kAnonymous, is_pipelined));
      const Outcome outcome = Drive(client, kMethodNone + kEmptyName, chunk);
      EXPECT_EQ(outcome.state, HandshakeState::kDone) << chunk;
      EXPECT_EQ(client.reply_size(), 7U);
    }
  }
}

TEST(Socks5UsualReplyTest, AByteThatIsTakenTooManyIsNoticed) {
  for (const bool is_pipelined : {false, true}) {
    for (const std::string& trailing : {std::string("S"), std::string("SSH-2.0")}) {
      Socks5Client client = Started(Usual(kAnonymous, is_pipelined));
      const Outcome outcome = Drive(client, kMethodNone + kEmptyName + trailing, kWhole);
      EXPECT_EQ(outcome.state, HandshakeState::kFailed);
      EXPECT_TRUE(client.has_overrun());
      ExpectFailure(outcome.failure, Fault::kServer, ECONNABORTED, -1,
                    "the proxy's reply is shorter than its replies before");
    }
  }
}

// By then it has told its size.
TEST(Socks5UsualReplyTest, NothingIsTakenTooManyOfAShorterOneThatComesInPieces) {
  Socks5Client client = AfterRequest();
  client.Input(AsBytes(kEmptyName.substr(0, 5)));
  EXPECT_EQ(client.input_needed(), 2U);
  client.Input(AsBytes(kEmptyName.substr(5) + "SSH"));
  EXPECT_EQ(client.state(), HandshakeState::kDone);
  EXPECT_FALSE(client.has_overrun());
}

TEST(Socks5UsualReplyTest, ARefusalIsOneWhateverFollows) {
  ExpectRefused(Starter(Usual(kAnonymous)), kMethodNone + Bytes({5, 5, 0, 3, 0, 0, 0}), Fault::kDestination,
                ECONNREFUSED, 5, "connection refused");
  ExpectTruncated(Starter(Usual(kAnonymous)), kMethodNone + Bytes({5, 0, 0}), 3);
}

TEST(Socks5UsualReplyTest, TheSizeIsThatOfTheReplyToAConnect) {
  Socks5Client client = Started();
  Drive(client, kMethodNone + Reply(0), kWhole);
  EXPECT_EQ(client.reply_size(), 10U);
  client.Start(Host("web.test", 80), kAnonymous, Socks5Command::kUdpAssociate);
  Drive(client, kMethodNone + Reply(0), kWhole);
  EXPECT_EQ(client.reply_size(), 0U);
}

}  // namespace
}  // namespace socksify
