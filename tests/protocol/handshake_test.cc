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
  EXPECT_EQ(handshake.state(), HandshakeState::kFailed);
  EXPECT_TRUE(handshake.output().empty());
  EXPECT_EQ(handshake.input_needed(), 0U);
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
