// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/handshake.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/protocol/scripted_socket.h"

namespace socksify {
namespace {

const Endpoint kDestination = Endpoint::FromIp(IpAddress::V4(0x0a010203), 8080);
const std::string kSocks4Reply = Bytes({0, 90, 0, 80, 10, 0, 0, 1});
const std::string kSocks5Replies = Bytes({5, 0, 5, 0, 0, 1, 10, 0, 0, 2, 0, 80});

TEST(HandshakeTest, NamesTheProtocols) {
  EXPECT_STREQ(ProtocolName(ProxyProtocol::kSocks4), "socks4");
  EXPECT_STREQ(ProtocolName(ProxyProtocol::kSocks4a), "socks4a");
  EXPECT_STREQ(ProtocolName(ProxyProtocol::kSocks5), "socks5");
  EXPECT_STREQ(ProtocolName(ProxyProtocol::kHttp), "http");
}

TEST(HandshakeTest, IdleReadsAsFailed) {
  Handshake handshake;
  handshake.OutputSent(1);
  handshake.Input(AsBytes("x"));
  handshake.InputClosed();
  handshake.Reconnected();
  EXPECT_EQ(handshake.state(), HandshakeState::kFailed);
  EXPECT_TRUE(handshake.output().empty());
  EXPECT_EQ(handshake.input_needed(), 0U);
  EXPECT_FALSE(handshake.wants_peek());
  EXPECT_EQ(handshake.OwnBytes(AsBytes("x")), 0U);
  EXPECT_EQ(handshake.bound(), Endpoint());
  ExpectFailure(handshake.failure(), Fault::kCaller, EINVAL, -1, "no negotiation was started");
}

TEST(HandshakeTest, SpeaksSocks4) {
  const auto start = [] {
    Handshake handshake;
    handshake.StartSocks4(kDestination, Socks4Dialect::kSocks4, "");
    return handshake;
  };
  ExpectDone(start, kSocks4Reply, Bytes({4, 1, 0x1f, 0x90, 10, 1, 2, 3, 0}),
             Endpoint::FromIp(IpAddress::V4(0x0a000001), 80));
  ExpectTruncated(start, kSocks4Reply.substr(0, 7), 7);
}

TEST(HandshakeTest, SpeaksSocks5) {
  const auto start = [] {
    Handshake handshake;
    handshake.StartSocks5(kDestination, {});
    return handshake;
  };
  ExpectDone(start, kSocks5Replies, Bytes({5, 1, 0, 5, 1, 0, 1, 10, 1, 2, 3, 0x1f, 0x90}),
             Endpoint::FromIp(IpAddress::V4(0x0a000002), 80));
  ExpectRefused(start, Bytes({5, 0, 5, 3}), Fault::kDestination, ENETUNREACH, 3, "network unreachable");
}

TEST(HandshakeTest, SpeaksHttp) {
  const auto start = [] {
    Handshake handshake;
    handshake.StartHttp(kDestination, {});
    return handshake;
  };
  ExpectDone(start, "HTTP/1.1 200 Connection established\r\nVia: proxy\r\n\r\n",
             "CONNECT 10.1.2.3:8080 HTTP/1.1\r\nHost: 10.1.2.3:8080\r\nProxy-Connection: keep-alive\r\n\r\n",
             Endpoint());
  ExpectRefused(start, "HTTP/1.1 504 ", Fault::kDestination, ETIMEDOUT, 504,
                "the proxy refused: 504 Gateway Timeout");
  Handshake handshake = start();
  handshake.OutputSent(handshake.output().size());
  EXPECT_TRUE(handshake.wants_peek());
  EXPECT_EQ(handshake.OwnBytes(AsBytes("HTTP/1.1 200 OK\r\n\r\nSSH-2.0")), 19U);
  handshake.AwaitPeer(std::nullopt);
  EXPECT_EQ(handshake.peer(), Endpoint());
}

TEST(HandshakeTest, SocksHasNoNeedToPeek) {
  Handshake handshake;
  handshake.StartSocks4(kDestination, Socks4Dialect::kSocks4, "");
  handshake.OutputSent(handshake.output().size());
  EXPECT_FALSE(handshake.wants_peek());
  EXPECT_EQ(handshake.OwnBytes(AsBytes(kSocks4Reply.substr(0, 5))), 5U);
  EXPECT_EQ(handshake.OwnBytes(AsBytes(kSocks4Reply + "SSH-2.0")), 8U);
  handshake.Reconnected();
  EXPECT_EQ(handshake.state(), HandshakeState::kRead);
}

TEST(HandshakeTest, AnswersAChallengeOnANewConnection) {
  Handshake handshake;
  handshake.StartHttp(kDestination, {.username = "alice", .password = "x", .basic = false});
  handshake.OutputSent(handshake.output().size());
  handshake.Input(
      AsBytes("HTTP/1.0 407 Who are you?\r\nProxy-Authenticate: Digest realm=r, nonce=n\r\n\r\n"));
  ASSERT_EQ(handshake.state(), HandshakeState::kReconnect);
  EXPECT_TRUE(handshake.output().empty());
  handshake.Reconnected();
  EXPECT_EQ(handshake.state(), HandshakeState::kWrite);
  EXPECT_EQ(Drive(handshake, "HTTP/1.0 200\r\n\r\n", kWhole).state, HandshakeState::kDone);
}

TEST(HandshakeTest, ServesOneNegotiationAfterAnother) {
  Handshake handshake;
  handshake.StartSocks5(kDestination, {});
  EXPECT_EQ(Drive(handshake, Bytes({5, 255}), kWhole).failure.error, EACCES);
  handshake.StartSocks4(kDestination, Socks4Dialect::kSocks4a, "");
  EXPECT_EQ(Drive(handshake, kSocks4Reply, kWhole).state, HandshakeState::kDone);
  handshake.StartSocks5(kDestination, {});
  EXPECT_EQ(Drive(handshake, kSocks5Replies, kWhole).state, HandshakeState::kDone);
}

TEST(HandshakeTest, ACopyGoesOnByItself) {
  Handshake handshake;
  handshake.StartSocks5(kDestination, {});
  handshake.OutputSent(3);
  Handshake copy = handshake;
  EXPECT_EQ(Drive(copy, kSocks5Replies, 1).state, HandshakeState::kDone);
  EXPECT_EQ(handshake.state(), HandshakeState::kRead);
  EXPECT_EQ(handshake.input_needed(), 2U);
}

}  // namespace
}  // namespace socksify
