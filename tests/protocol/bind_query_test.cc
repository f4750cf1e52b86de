// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/bind_query.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/protocol/scripted_socket.h"

namespace socksify {
namespace {

// What Drive() asks of a machine, and this one does not have.
class Query : public BindQuery {
 public:
  const Endpoint& bound() const { return peer(); }
};

const Endpoint kFarEnd = Endpoint::FromIp(IpAddress::V4(0xc0a80001), 0x1234);
const Endpoint kPeer = Endpoint::FromIp(IpAddress::V4(0x0a000009), 80);

auto Asking(BindQuery::Version version, const Endpoint& far_end = kFarEnd) {
  return [version, far_end] {
    Query query;
    query.Start(version, far_end);
    return query;
  };
}

const auto kBySocks4 = Asking(BindQuery::Version::kSocks4);
const auto kBySocks5 = Asking(BindQuery::Version::kSocks5);
const std::string kSocks4Question = Bytes({4, 2, 0x12, 0x34, 192, 168, 0, 1, 0});
const std::string kSocks5Question = Bytes({5, 2, 0, 1, 192, 168, 0, 1, 0x12, 0x34});
const std::string kSocks4Answer = Bytes({0, 90, 0, 80, 10, 0, 0, 9});
const std::string kSocks5Answer = Bytes({5, 0, 0, 1, 10, 0, 0, 9, 0, 80});

TEST(BindQueryTest, TheRequestNamesTheBroadcastAddress) {
  EXPECT_EQ(BindExtensionRequest(2121).ToString(), "255.255.255.255:2121");
}

TEST(BindQueryTest, LearnsThePeerOfAForwardedConnection) {
  ExpectDone(kBySocks4, kSocks4Answer, kSocks4Question, kPeer);
  ExpectDone(kBySocks5, kSocks5Answer, kSocks5Question, kPeer);
  Query query = kBySocks5();
  Drive(query, kSocks5Answer, kWhole);
  EXPECT_TRUE(query.is_forwarded());
}

TEST(BindQueryTest, TakesDantesSocks4Answer) {
  ExpectDone(kBySocks4, Bytes({0, 0, 0, 80, 10, 0, 0, 9}), kSocks4Question, kPeer);
}

TEST(BindQueryTest, TellsConnectionsThatTheProxyDidNotMake) {
  ExpectDone(kBySocks5, Bytes({5, 0, 0, 1, 0, 0, 0, 0, 0, 0}), kSocks5Question, Endpoint());
  Query query = kBySocks4();
  Drive(query, Bytes({0, 90, 0, 0, 0, 0, 0, 0}), kWhole);
  EXPECT_FALSE(query.is_forwarded());
}

TEST(BindQueryTest, AsksOneAfterAnother) {
  Query query = kBySocks5();
  Drive(query, kSocks5Answer, kWhole);
  query.Start(BindQuery::Version::kSocks5, kPeer);
  const Outcome outcome = Drive(query, Bytes({5, 0, 0, 1, 0, 0, 0, 0, 0, 0}), kWhole);
  EXPECT_EQ(outcome.sent, Bytes({5, 2, 0, 1, 10, 0, 0, 9, 0, 80}));
  EXPECT_FALSE(query.is_forwarded());
}

TEST(BindQueryTest, AsksAboutIpv4Only) {
  const Endpoint mapped = Endpoint::FromIp(kFarEnd.ip().Mapped(), kFarEnd.port());
  ExpectDone(Asking(BindQuery::Version::kSocks5, mapped), kSocks5Answer, kSocks5Question, kPeer);
  for (const char* host : {"::1", "web.test"}) {
    SCOPED_TRACE(host);
    ExpectRefused(Asking(BindQuery::Version::kSocks5, Endpoint::FromHost(host, 80).value()), "",
                  Fault::kCaller, EAFNOSUPPORT, -1, "the bind extension knows IPv4 addresses only");
  }
}

TEST(BindQueryTest, RefusesWhatIsNoAnswer) {
  const struct {
    BindQuery::Version version;
    std::string answer;
    int reply_code;
    const char* reason;
  } kCases[] = {
      {BindQuery::Version::kSocks5, Bytes({0}), -1,
       "the reply about a forwarded connection begins with a wrong version"},
      {BindQuery::Version::kSocks4, Bytes({5}), -1,
       "the reply about a forwarded connection begins with a wrong version"},
      {BindQuery::Version::kSocks5, Bytes({5, 1}), 1, "the proxy does not say whose connection it forwarded"},
      {BindQuery::Version::kSocks4, Bytes({0, 91}), 91,
       "the proxy does not say whose connection it forwarded"},
      {BindQuery::Version::kSocks5, Bytes({5, 0, 0, 4}), -1,
       "the reply about a forwarded connection has no IPv4 address"},
      {BindQuery::Version::kSocks5, Bytes({5, 0, 0, 3}), -1,
       "the reply about a forwarded connection has no IPv4 address"},
  };
  for (const auto& bad : kCases) {
    SCOPED_TRACE(bad.answer.size());
    ExpectRefused(Asking(bad.version), bad.answer, Fault::kServer, ECONNABORTED, bad.reply_code, bad.reason);
  }
}

TEST(BindQueryTest, EndsWhenTheAnswerIsCutShort) {
  for (size_t size = 0; size < kSocks4Answer.size(); ++size) {
    ExpectTruncated(kBySocks4, kSocks4Answer.substr(0, size), size);
  }
  for (size_t size = 0; size < kSocks5Answer.size(); ++size) {
    ExpectTruncated(kBySocks5, kSocks5Answer.substr(0, size), size);
  }
}

}  // namespace
}  // namespace socksify
