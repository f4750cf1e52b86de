// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_response.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/protocol/scripted_socket.h"

namespace socksify {
namespace {

using Progress = HttpResponseReader::Progress;

// What became of `stream`, given whole: status or violation, and how much of it was taken.
std::string Read(std::string_view stream) {
  HttpResponseReader response;
  HttpChallenges challenges;
  const size_t taken = response.Take(AsBytes(stream), &challenges);
  const std::string left = ", left " + std::to_string(stream.size() - taken);
  switch (response.progress()) {
    case Progress::kReading: return "reading" + left;
    case Progress::kComplete: return "complete " + std::to_string(response.status()) + left;
    case Progress::kRefused: return "refused " + std::to_string(response.status());
    case Progress::kViolation: break;
  }
  return response.violation();
}

TEST(HttpResponseTest, ReadsToTheBlankLine) {
  const struct {
    const char* stream;
    const char* outcome;
  } kCases[] = {
      {"HTTP/1.1 200 Connection established\r\n\r\nSSH", "complete 200, left 3"},
      {"HTTP/1.0 200 OK\r\n\r\nSSH", "complete 200, left 3"},
      {"HTTP/1.9 200 OK\r\n\r\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 200 \r\n\r\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 200\r\n\r\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 200\n\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 200\r\n\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 200\n\r\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 200 OK\nVia: a\nVia: b\n\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 200 OK\r\nVia: a\r\n b\r\n\tc\r\n\r\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 200 OK\r\n \r\n\r\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 200 OK\r\n\r \r\n\r\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 200 OK\r\nA: b\r\r\n\r\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nSSH",
       "complete 200, left 3"},
      {"HTTP/1.1 204 No Content\r\n\r\n", "complete 204, left 0"},
      {"HTTP/1.1 299 ?\r\n\r\n\r\n", "complete 299, left 2"},
      {"HTTP/1.1 407 Who?\r\nA: b\r\n\r\nbody", "complete 407, left 4"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 102\n\nHTTP/1.1 103\r\nLink: x\r\n\r\nHTTP/1.0 200\n\nSSH", "complete 200, left 3"},
      {"HTTP/1.1 100 Continue\r\n\r\n", "reading, left 0"},
      {"HTTP/1.1 200 OK\r\n", "reading, left 0"},
      {"HTTP/1.1 200 OK\r\n\r", "reading, left 0"},
  };
  for (const auto& test : kCases) EXPECT_EQ(Read(test.stream), test.outcome) << test.stream;
}

TEST(HttpResponseTest, ARefusalIsTheAnswerAsSoonAsItsStatusIsThere) {
  for (int status = 300; status < 1000; ++status) {
    if (status == 407) continue;
    for (const char* const behind : {" ", "\r", "\n"}) {
      EXPECT_EQ(Read("HTTP/1.1 " + std::to_string(status) + behind), "refused " + std::to_string(status));
    }
  }
}

TEST(HttpResponseTest, RejectsWhatIsNoHttp) {
  const std::string kCases[] = {
      "SSH-2.0-OpenSSH_9.2\r\n",
      Bytes({5, 0}),
      Bytes({0, 90}),
      "\r\n",
      "\n",
      "http/1.1 200 OK\r\n",
      "HTTP/2 200\r\n",
      "HTTP/2.0 200\r\n",
      "HTTP/0.9 200",
      "HTTP/1,1 200 ",
      "HTTP/1.x 200 ",
      "HTTP/1.10 200 ",
      "HTTP/1.1  200 ",
      "HTTP/1.1\t200 ",
      "HTTP/1.1 2000 ",
      "HTTP/1.1 20 ",
      "HTTP/1.1 099 ",
      "HTTP/1.1 -20 ",
      "HTTP/1.1 200OK",
      "HTTP/1.1 200\t",
      "HTTP/1.1 100\n\nSSH-2.0-",
      "HTTP/1.1 100\n\n\r\n",
      "ICY 200 OK\r\n",
      " HTTP/1.1 200 ",
  };
  for (const std::string& stream : kCases) EXPECT_EQ(Read(stream), "the proxy does not speak HTTP") << stream;
}

TEST(HttpResponseTest, RejectsAnotherProtocolThatNobodyAskedFor) {
  EXPECT_EQ(Read("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            "the proxy changes the protocol without being asked");
}

TEST(HttpResponseTest, BoundsTheHeader) {
  const std::string status = "HTTP/1.1 200 OK\r\n";
  const size_t room = HttpResponseReader::kMaxHeadSize - status.size() - 4;
  EXPECT_EQ(Read(status + std::string(room, 'x') + "\r\n\r\n"), "complete 200, left 0");
  EXPECT_EQ(Read(status + std::string(room + 1, 'x') + "\r\n\r\n"),
            "the header of the proxy's reply is longer than 16 KiB");
  std::string interim;
  while (interim.size() <= HttpResponseReader::kMaxHeadSize) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(Read(interim + status + "\r\n"), "the header of the proxy's reply is longer than 16 KiB");
}

// Whatever has come, what is called missing must fit into the shortest way to go on, and what is called own
// must be what Take takes.
TEST(HttpResponseTest, NeverCountsAByteBehindTheBlankLine) {
  const std::string kStreams[] = {
      "HTTP/1.1 200\n\n",
      "HTTP/1.1 200 OK\r\nVia: a\r\n b\r\n\r\n",
      "HTTP/1.1 100\n\nHTTP/1.1 200\n\n",
      "HTTP/1.0 407 Who?\nContent-Length: 4\n\n",
      "HTTP/1.1 200 OK\r\n\r \r\r\n\n",
  };
  for (const std::string& stream : kStreams) {
    for (size_t cut = 0; cut < stream.size(); ++cut) {
      SCOPED_TRACE(testing::Message() << "cut " << cut << " of '" << stream << "'");
      HttpResponseReader response;
      HttpChallenges challenges;
      ASSERT_EQ(response.Take(AsBytes(std::string_view(stream).substr(0, cut)), &challenges), cut);
      ASSERT_EQ(response.progress(), Progress::kReading);
      const std::string rest = stream.substr(cut);
      EXPECT_GT(response.least_missing(), 0U);
      EXPECT_LE(response.least_missing(), rest.size());
      // To the end of this header, which may be an interim one.
      const std::string followed = rest + "\nHTTP/1.1 200\n\n";
      const size_t own = response.OwnBytes(AsBytes(followed));
      EXPECT_LE(own, rest.size());
      EXPECT_GE(own, 1U);
      EXPECT_EQ(followed[own - 1], '\n');
      for (size_t size = 0; size <= followed.size(); ++size) {
        EXPECT_EQ(response.OwnBytes(AsBytes(std::string_view(followed).substr(0, size))),
                  std::min(size, own));
      }
      EXPECT_EQ(response.Take(AsBytes(followed), &challenges), rest.size());
      EXPECT_EQ(response.progress(), Progress::kComplete);
      EXPECT_EQ(response.least_missing(), 0U);
    }
  }
}

TEST(HttpResponseTest, MissesTwoBytesInALineAndOneAtItsStart) {
  HttpResponseReader response;
  HttpChallenges challenges;
  EXPECT_EQ(response.least_missing(), 14U);
  const struct {
    const char* bytes;
    size_t missing;
  } kSteps[] = {
      {"HTTP", 10}, {"/1.1 20", 3}, {"0", 2}, {" OK", 2}, {"\r", 2}, {"\n", 1}, {"V", 2},
      {"\n", 1},    {"\r", 1},      {"x", 2}, {"\n", 1},  {"\r", 1}, {"\n", 0},
  };
  for (const auto& step : kSteps) {
    response.Take(AsBytes(step.bytes), &challenges);
    EXPECT_EQ(response.least_missing(), step.missing);
  }
}

// What can be read away behind a 407: its length, "chunked", or nothing.
std::string Body(std::string_view fields, std::string_view version = "1.1") {
  HttpResponseReader response;
  HttpChallenges challenges;
  const std::string stream =
      "HTTP/" + std::string(version) + " 407 Content-Length: 9\r\n" + std::string(fields) + "\r\n";
  EXPECT_EQ(response.Take(AsBytes(stream), &challenges), stream.size());
  EXPECT_EQ(response.progress(), Progress::kComplete);
  const auto body = response.ReusableBody();
  if (!body.has_value()) return "none";
  return body->is_chunked() ? "chunked" : std::to_string(body->least_missing());
}

TEST(HttpResponseTest, KnowsWhatFollowsAChallenge) {
  const std::string long_value(HttpResponseReader::kMaxLineSize, 'x');
  const struct {
    std::string fields;
    const char* body;
  } kCases[] = {
      {"", "none"},
      {"Content-Length: 0\r\n", "0"},
      {"content-length:17\r\n", "17"},
      {"CONTENT-LENGTH: \t 17 \t\r\n", "17"},
      {"Content-Length:\r\n 17\r\n", "17"},
      {"Content-Length: 17\nConnection: keep-alive\n", "17"},
      {"Content-Length: 17\r\nContent-Length: 17\r\n", "17"},
      {"Content-Length: 65536\r\n", "65536"},
      {"Transfer-Encoding: Chunked\r\n", "chunked"},
      {"X: " + long_value + "\r\nContent-Length: 17\r\n", "17"},
      {"Connection: x, closed\r\nContent-Length: 17\r\n", "17"},
      // The connection ends, or its end is the body's.
      {"Content-Length: 17\r\nConnection: close\r\n", "none"},
      {"Content-Length: 17\r\nConnection: x , CLOSE, y\r\n", "none"},
      {"Content-Length: 17\r\nProxy-Connection: close\r\n", "none"},
      {"Content-Length: 17\r\nConnection: " + long_value + "\r\n", "none"},
      // Not to be trusted.
      {"Content-Length: 65537\r\n", "none"},
      {"Content-Length: 4294967313\r\n", "none"},
      {"Content-Length: 17\r\nContent-Length: 18\r\n", "none"},
      {"Content-Length: 17, 17\r\n", "none"},
      {"Content-Length: -1\r\n", "none"},
      {"Content-Length: +1\r\n", "none"},
      {"Content-Length: 0x1\r\n", "none"},
      {"Content-Length:\r\n", "none"},
      {"Content-Length : 17\r\n", "none"},
      {" Content-Length: 17\r\n", "none"},
      {"Content-Length: 17" + std::string(HttpResponseReader::kMaxLineSize, ' ') + "1\r\n", "none"},
      {"Content-Length: 17\r\nTransfer-Encoding: chunked\r\n", "none"},
      {"Transfer-Encoding: gzip, chunked\r\n", "none"},
      {"Transfer-Encoding: identity\r\n", "none"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "none"},
  };
  for (const auto& test : kCases) EXPECT_EQ(Body(test.fields), test.body) << test.fields;
  EXPECT_EQ(Body("Content-Length: 17\r\n", "1.0"), "none");
  EXPECT_EQ(Body("Content-Length: 17\r\nConnection: keep-alive\r\n", "1.0"), "none");
}

// The nonce of the challenge that was found, or what else is known.
std::string Nonce(std::string_view fields) {
  HttpResponseReader response;
  HttpChallenges challenges;
  const std::string stream = "HTTP/1.1 407\r\n" + std::string(fields) + "\r\n";
  EXPECT_EQ(response.Take(AsBytes(stream), &challenges), stream.size());
  if (challenges.is_too_long) return "too long";
  if (challenges.has_digest) return std::string(challenges.digest.nonce());
  return challenges.has_basic ? "basic" : "none";
}

TEST(HttpResponseTest, CollectsChallenges) {
  const std::string edge(HttpResponseReader::kMaxLineSize - 62, ' ');
  const struct {
    std::string fields;
    const char* nonce;
  } kCases[] = {
      {"", "none"},
      {"Proxy-Authenticate: Digest realm=r, nonce=n\r\n", "n"},
      {"PROXY-authenticate:Digest realm=r, nonce=n\r\n", "n"},
      {"Proxy-Authenticate: Digest realm=r,\r\n nonce=n\r\n", "n"},
      {"Proxy-Authenticate: Digest realm=\"a\r\n\tb\",\n nonce=n\n", "n"},
      {"Proxy-Authenticate:\r\n \r\n Digest realm=r, nonce=n\r\nVia: x\r\n", "n"},
      {"Proxy-Authenticate: Basic\r\nA: b\r\nProxy-Authenticate: Digest realm=r, nonce=n\r\n", "n"},
      {"WWW-Authenticate: Digest realm=r, nonce=n\r\n", "none"},
      {"Proxy-Authenticate : Digest realm=r, nonce=n\r\n", "none"},
      {"Proxy-Authenticate\r\n", "none"},
      {"Proxy-Authenticate: Digest realm=r, nonce=\"x\ry\"\r\n", "none"},
      // The longest line that is kept, and one that is not.
      {"Proxy-Authenticate: Digest realm=r, nonce=n" + edge + ", " + "stale=false, a=b\r\n", "n"},
      {"Proxy-Authenticate: Digest realm=r, nonce=n" + edge + ", " + "stale=false, a=bc\r\n", "too long"},
  };
  for (const auto& test : kCases) EXPECT_EQ(Nonce(test.fields), test.nonce) << test.fields;
}

}  // namespace
}  // namespace socksify
