// SPDX-License-Identifier: BSD-2-Clause
// Proxies that stop early, lie, or speak something else.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/protocol/http_fixture.h"

namespace socksify {
namespace {

constexpr std::string_view kNoReply = "the proxy closed the connection without a reply";
constexpr std::string_view kHalfReply = "the proxy closed the connection in the middle of a reply";
const std::string kDigestField = "Proxy-Authenticate: Digest realm=r, nonce=n\r\n";

TEST(HttpHostileReplyTest, FailsWhereverTheHeaderEnds) {
  for (const std::string& stream : {kEstablished, std::string("HTTP/1.0 200\nVia: x\n\n"),
                                    "HTTP/1.1 100\r\n\r\n" + kEstablished, Challenge(kDigestField)}) {
    for (size_t size = 0; size < stream.size(); ++size) {
      for (const HttpReading& reading : kHttpReadings) {
        SCOPED_TRACE(testing::Message() << size << " bytes of " << stream);
        HttpConnectClient client = StartedHttp(kHttpAliceDigest);
        const HttpOutcome outcome = DriveHttp(client, {stream.substr(0, size)}, reading);
        EXPECT_EQ(outcome.state, HandshakeState::kFailed);
        EXPECT_EQ(outcome.leftover.back(), "");
        ExpectFailure(outcome.failure, Fault::kServer, ECONNABORTED, -1, size == 0 ? kNoReply : kHalfReply);
      }
    }
  }
}

TEST(HttpHostileReplyTest, ANewConnectionThatSaysNothingIsTheEnd) {
  ExpectHttpRefused(kHttpAliceDigest, {Challenge(kDigestField), "SSH-2.0"}, Fault::kServer, ECONNABORTED, -1,
                    "the proxy does not speak HTTP");
  HttpConnectClient client = StartedHttp(kHttpAliceDigest);
  HttpOutcome outcome = DriveHttp(client, {Challenge(kDigestField), ""}, {});
  ExpectFailure(outcome.failure, Fault::kServer, ECONNABORTED, -1, kNoReply);
  // Nor is the promise to keep a connection broken twice.
  client = StartedHttp(kHttpAliceDigest);
  outcome = DriveHttp(client, {Challenge(kDigestField + "Content-Length: 0\r\n"), ""}, {});
  ExpectFailure(outcome.failure, Fault::kServer, ECONNABORTED, -1, kNoReply);
  client = StartedHttp(kHttpAliceDigest);
  outcome = DriveHttp(client, {Challenge(kDigestField + "Transfer-Encoding: chunked\r\n", "x"), ""}, {});
  ExpectFailure(outcome.failure, Fault::kServer, ECONNABORTED, -1, kNoReply);
  // Once the proxy has begun to speak, it has kept the connection.
  client = StartedHttp(kHttpAliceDigest);
  outcome = DriveHttp(client, {Challenge(kDigestField + "Content-Length: 0\r\n") + "H"}, {});
  ExpectFailure(outcome.failure, Fault::kServer, ECONNABORTED, -1, kHalfReply);
}

TEST(HttpHostileReplyTest, FailsWhenTheStreamEndsWhileTheRequestIsSent) {
  const InCleanMemory<HttpConnectClient> memory([&] { return StartedHttp(kHttpAlice); });
  HttpConnectClient& client = *memory;
  client.OutputSent(7);
  client.InputClosed();
  ASSERT_EQ(client.state(), HandshakeState::kFailed);
  EXPECT_TRUE(client.output().empty());
  EXPECT_FALSE(Remembers(client, "YWxpY2U6"));
  EXPECT_FALSE(Remembers(client, "sesame"));
  ExpectFailure(client.failure(), Fault::kServer, ECONNABORTED, -1, kNoReply);
}

TEST(HttpHostileReplyTest, RejectsWhatIsNoHttp) {
  for (const std::string& stream : {std::string("SSH-2.0-OpenSSH_9.2\r\n"), Bytes({5, 0}), Bytes({5, 255}),
                                    Bytes({0, 90, 0, 0, 0, 0, 0, 0}), std::string("220 mail.test ESMTP\r\n"),
                                    std::string("HTTP/2.0 200 OK\r\n\r\n"), std::string("<html>")}) {
    ExpectViolation(stream, "the proxy does not speak HTTP");
  }
}

TEST(HttpHostileReplyTest, RejectsAHeaderWithoutEnd) {
  ExpectViolation("HTTP/1.1 200 OK\r\n" + std::string(16 * 1024, 'x'),
                  "the header of the proxy's reply is longer than 16 KiB");
  std::string interim;
  for (int i = 0; i < 1000; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  ExpectViolation(interim, "the header of the proxy's reply is longer than 16 KiB");
}

TEST(HttpHostileReplyTest, RejectsAnotherProtocolThatNobodyAskedFor) {
  ExpectViolation("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
                  "the proxy changes the protocol without being asked");
}

TEST(HttpHostileReplyTest, AChallengeInAReasonPhraseIsNone) {
  ExpectDenied(kHttpAliceDigest, {"HTTP/1.1 407 " + kDigestField + "\r\n"},
               "the proxy asks for an authentication method that is not allowed or not known");
  ExpectDenied(kHttpAliceDigest, {"HTTP/1.1 407\r\n " + kDigestField + "\r\n"},
               "the proxy asks for an authentication method that is not allowed or not known");
}

// An interim response, or the challenge before, must not answer for the present one.
TEST(HttpHostileReplyTest, AChallengeCountsOnlyForItsOwnResponse) {
  ExpectDenied(kHttpAliceDigest, {"HTTP/1.1 100 Go on\r\n" + kDigestField + "\r\n" + Challenge("")},
               "the proxy asks for an authentication method that is not allowed or not known");
  const std::string stale = "Proxy-Authenticate: Digest realm=r, nonce=n, stale=true\r\n";
  ExpectDenied(kHttpAliceDigest, {Challenge(stale), Challenge("")},
               "the proxy rejected the username and password");
}

// After a body that could not be read away as well.
TEST(HttpHostileReplyTest, ASecondChallengeIsNoSuccess) {
  const std::string broken = Challenge(kDigestField + "Transfer-Encoding: chunked\r\n", "x");
  ExpectDenied(kHttpAliceDigest, {broken, broken}, "the proxy rejected the username and password");
}

TEST(HttpHostileReplyTest, NothingOfAChallengeEndsALine) {
  HttpConnectClient client = StartedHttp(kHttpAliceDigest);
  const HttpOutcome outcome =
      DriveHttp(client,
                {Challenge("Proxy-Authenticate: Digest realm=\"a\r\n b\", nonce=n, opaque=\"\t\\\xff\"\r\n"),
                 kEstablished},
                {});
  EXPECT_EQ(outcome.state, HandshakeState::kDone);
  EXPECT_TRUE(outcome.sent[1].contains("realm=\"a b\", ")) << outcome.sent[1];
  EXPECT_TRUE(outcome.sent[1].ends_with("opaque=\"\t\\\xff\"\r\n\r\n")) << outcome.sent[1];
}

TEST(HttpHostileReplyTest, NothingChangesAfterTheEnd) {
  HttpConnectClient done = StartedHttp(kHttpAnonymous);
  DriveHttp(done, {kEstablished}, {});
  HttpConnectClient failed = StartedHttp(kHttpAnonymous);
  DriveHttp(failed, {"HTTP/1.1 403 "}, {});
  for (HttpConnectClient* const client : {&done, &failed}) {
    const HandshakeState state = client->state();
    client->Input(AsBytes("HTTP/1.1 502 "));
    client->OutputSent(1);
    client->InputClosed();
    client->Reconnected();
    EXPECT_EQ(client->state(), state);
    EXPECT_TRUE(client->output().empty());
    EXPECT_EQ(client->input_needed(), 0U);
    EXPECT_FALSE(client->wants_peek());
    EXPECT_EQ(client->OwnBytes(AsBytes("x")), 0U);
  }
  EXPECT_EQ(done.state(), HandshakeState::kDone);
  EXPECT_EQ(failed.failure().reply_code, 403);
}

TEST(HttpHostileReplyTest, BytesOutOfTurnAreIgnored) {
  HttpConnectClient client = StartedHttp(kHttpAliceDigest);
  client.Input(AsBytes("HTTP/1.1 403 "));
  client.Reconnected();
  EXPECT_EQ(client.state(), HandshakeState::kWrite);
  client.OutputSent(1000);
  client.Input({});
  // Beyond the body nothing is taken: the answer has not been sent.
  client.Input(AsBytes(Challenge(kDigestField + "Content-Length: 2\r\n", "ab") + "HTTP/1.1 403 "));
  EXPECT_EQ(client.state(), HandshakeState::kWrite);
  client.OutputSent(1000);
  client.Input(AsBytes(kEstablished + "HTTP/1.1 403 "));
  EXPECT_EQ(client.state(), HandshakeState::kDone);
}

// The same ending, whatever way the bytes come in, for every cut of a whole dialogue.
TEST(HttpHostileReplyTest, EveryCutOfADialogueIsTheSame) {
  const std::string challenge =
      Challenge(kDigestField + "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n");
  const std::string stream = challenge + kEstablished;
  for (size_t first = 1; first < challenge.size(); ++first) {
    HttpConnectClient client = StartedHttp(kHttpAliceDigest);
    client.OutputSent(1000);
    client.Input(AsBytes(std::string_view(stream).substr(0, first)));
    ASSERT_EQ(client.state(), HandshakeState::kRead) << first;
    EXPECT_LE(client.input_needed(), challenge.size() - first) << first;
    EXPECT_LE(client.OwnBytes(AsBytes(std::string_view(stream).substr(first))), challenge.size() - first);
    client.Input(AsBytes(std::string_view(challenge).substr(first)));
    ASSERT_EQ(client.state(), HandshakeState::kWrite) << first;
  }
}

TEST(HttpHostileReplyTest, AlwaysEndsOnNoise) {
  const std::string kPieces[] = {"HTTP/1.1 ",
                                 "200",
                                 "407",
                                 "100",
                                 " ",
                                 "\r\n",
                                 "\n",
                                 "\r",
                                 kDigestField,
                                 "Content-Length: 3\r\n",
                                 "Transfer-Encoding: chunked\r\n",
                                 "0",
                                 "3",
                                 "abc",
                                 "Connection: close\r\n",
                                 "Proxy-Authenticate: ",
                                 "Digest ",
                                 "Basic",
                                 "realm=",
                                 "nonce=\"",
                                 "\"",
                                 ",",
                                 "stale=true",
                                 "HTTP/1.1 200 OK\r\n\r\n",
                                 Challenge(kDigestField + "Content-Length: 0\r\n")};
  constexpr int kRounds = 20'000;
  int successes = 0;
  std::mt19937 random(20240229);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::string> streams(3);
    for (std::string& stream : streams) {
      if (random() % 2 == 0) stream = "HTTP/1.1 407 ";
      for (int i = 0; i < 12; ++i) stream += kPieces[random() % std::size(kPieces)];
    }
    HttpConnectClient client = StartedHttp(round % 2 == 0 ? kHttpAlice : kHttpAliceDigest);
    const HttpOutcome outcome =
        DriveHttp(client, streams, kHttpReadings[random() % std::size(kHttpReadings)]);
    successes += outcome.state == HandshakeState::kDone ? 1 : 0;
  }
  EXPECT_GT(successes, 0);
  EXPECT_LT(successes, kRounds);
}

}  // namespace
}  // namespace socksify
