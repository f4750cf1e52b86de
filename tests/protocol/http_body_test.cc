// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/protocol/scripted_socket.h"

namespace socksify {
namespace {

// Feeds `stream` in pieces of at most `chunk` bytes, and of least_missing() at most if `is_plain`.
std::string Skip(HttpBodySkipper body, std::string_view stream, size_t chunk, bool is_plain) {
  std::string_view rest = stream;
  while (!body.is_done() && !body.is_broken() && !rest.empty()) {
    EXPECT_GT(body.least_missing(), 0U);
    size_t count = std::min(chunk, rest.size());
    if (is_plain) count = std::min(count, body.least_missing());
    const size_t taken = body.Take(AsBytes(rest.substr(0, count)));
    EXPECT_GT(taken, 0U);
    EXPECT_TRUE(taken == count || body.is_done() || body.is_broken());
    rest.remove_prefix(taken);
  }
  if (body.is_broken()) return "broken";
  if (!body.is_done()) return "more";
  EXPECT_EQ(body.least_missing(), 0U);
  EXPECT_EQ(body.Take(AsBytes("x")), 0U);
  return "done, left " + std::to_string(rest.size());
}

void ExpectSkipped(const HttpBodySkipper& body, std::string_view stream, std::string_view outcome) {
  for (const size_t chunk : {size_t{1}, size_t{2}, size_t{3}, size_t{1'000'000}}) {
    for (const bool is_plain : {true, false}) {
      SCOPED_TRACE(testing::Message() << "chunk " << chunk << (is_plain ? ", plain" : ""));
      EXPECT_EQ(Skip(body, stream, chunk, is_plain), outcome);
    }
  }
}

TEST(HttpBodyTest, SkipsAKnownLength) {
  ExpectSkipped(HttpBodySkipper(), "", "done, left 0");
  ExpectSkipped(HttpBodySkipper::OfLength(0), "HTTP", "done, left 4");
  ExpectSkipped(HttpBodySkipper::OfLength(5), "helloHTTP", "done, left 4");
  ExpectSkipped(HttpBodySkipper::OfLength(5), "hell", "more");
  ExpectSkipped(HttpBodySkipper::OfLength(65536), std::string(65536, 'x') + "H", "done, left 1");
}

TEST(HttpBodyTest, SkipsChunks) {
  const struct {
    const char* stream;
    const char* outcome;
  } kCases[] = {
      {"0\r\n\r\nHTTP", "done, left 4"},
      {"0\n\nHTTP", "done, left 4"},
      {"00000000000000000000\r\n\r\nHTTP", "done, left 4"},
      {"5\r\nhello\r\n0\r\n\r\nHTTP", "done, left 4"},
      {"5\nhello\n0\n\nHTTP", "done, left 4"},
      {"1\r\n\n\r\n2\r\n\r\n\r\n0\r\n\r\nHTTP", "done, left 4"},
      {"a\r\n0123456789\r\nF\r\n0123456789abcde\r\n010\r\n0123456789abcdef\r\n0\r\n\r\nHTTP", "done, left 4"},
      {"5;name=\"a;b\"\r\nhello\r\n0 ; x\r\n\r\nHTTP", "done, left 4"},
      {"5\t\r\nhello\r\n0\r\nTrailer: x\r\nAnother:\r\n\r\nHTTP", "done, left 4"},
      {"0\nTrailer: x\n\nHTTP", "done, left 4"},
      {"0\r\n\rx\r\n\r\nHTTP", "done, left 4"},
      {"", "more"},
      {"5", "more"},
      {"5\r\nhello\r\n0\r\n", "more"},
      {"\r\n", "broken"},
      {"x\r\n", "broken"},
      {";\r\n", "broken"},
      {"-1\r\n", "broken"},
      {"5x\r\nhello\r\n", "broken"},
      {"5\rhello\r\n", "broken"},
      {"5\r\nhellos\r\n", "broken"},
      {"5\r\nhello\rs\n", "broken"},
      {"5\r\nhello\r\n\r\n", "broken"},
      {"10001\r\n", "broken"},
      {"100000000000000000005\r\nhello\r\n", "broken"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.stream);
    ExpectSkipped(HttpBodySkipper::Chunked(), test.stream, test.outcome);
  }
}

TEST(HttpBodyTest, BoundsChunksWithAllThatFramesThem) {
  std::string stream;
  while (stream.size() < HttpBodySkipper::kMaxSize) stream += "1;" + std::string(50, 'x') + "\r\n1\r\n";
  ExpectSkipped(HttpBodySkipper::Chunked(), stream, "broken");
  ExpectSkipped(HttpBodySkipper::Chunked(), "0\r\n" + std::string(HttpBodySkipper::kMaxSize, 't'), "broken");
  // The last byte that may come is the last one of the body.
  const std::string longest = "fff0\r\n" + std::string(0xfff0, 'x') + "\r\n0\r\n";
  const size_t left = HttpBodySkipper::kMaxSize - longest.size();
  ExpectSkipped(HttpBodySkipper::Chunked(), longest + std::string(left - 4, 't') + "\r\n\r\n",
                "done, left 0");
  ExpectSkipped(HttpBodySkipper::Chunked(), longest + std::string(left - 3, 't') + "\r\n\r\n", "broken");
}

TEST(HttpBodyTest, NeedsNoPeekingForAKnownLength) {
  EXPECT_FALSE(HttpBodySkipper::OfLength(7).is_chunked());
  EXPECT_EQ(HttpBodySkipper::OfLength(7).least_missing(), 7U);
  EXPECT_TRUE(HttpBodySkipper::Chunked().is_chunked());
  HttpBodySkipper chunked = HttpBodySkipper::Chunked();
  EXPECT_EQ(chunked.Take(AsBytes("10\r\n")), 4U);
  EXPECT_EQ(chunked.least_missing(), 16U);
}

}  // namespace
}  // namespace socksify
