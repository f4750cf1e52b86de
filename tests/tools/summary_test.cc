// SPDX-License-Identifier: BSD-2-Clause
#include "tools/summary.h"

#include <gtest/gtest.h>

namespace socksify {
namespace {

constexpr char kTrace[] =
    R"({"pid":1,"event":"connect","destination":"a:80","rule":"f:1","path":"socks5 h:1","socket":7,"ms":3.0,"outcome":"ok"}
{"pid":1,"event":"connect","destination":"a:80","rule":"f:1","path":"socks5 h:1","socket":8,"ms":1.0,"outcome":"ok"}
{"pid":1,"event":"connect","destination":"b:80","rule":"f:1","path":"socks5 h:1 then http i:2","socket":9,"ms":10.0,"outcome":"ok"}
{"pid":1,"event":"connect","destination":"c:80","rule":"f:1","path":"socks5 h:1","ms":99.0,"outcome":"ECONNREFUSED"}
{"pid":1,"event":"connect","destination":"d:80","rule":"f:2","path":"direct","ms":0.1,"outcome":"in progress"}
{"pid":1,"event":"connect","destination":"e:80","ms":0.0,"outcome":"ENETUNREACH"}
{"pid":1,"event":"resolve","name":"a","outcome":"fake"}
{"pid":1,"event":"close","socket":7,"sent":1,"received":10}
{"pid":2,"event":"close","socket":7,"sent":100,"received":1000}
{"pid":1,"event":"close","socket":9,"sent":5,"received":6}
{"pid":1,"event":"close","socket":4711,"sent":5,"received":6}
)";

TEST(SummaryTest, CountsByRouteAndServer) {
  EXPECT_EQ(ToText(Summarize(kTrace)),
            "route      connections  failures  bytes sent  received  median ms  worst ms\n"
            "f:1                  4         1         105      1006        3.0      10.0\n"
            "(no rule)            1         1           -         -          -         -\n"
            "f:2                  1         0           -         -          -         -\n"
            "\n"
            "server      connections  failures  bytes sent  received  median ms  worst ms\n"
            "socks5 h:1            4         1         105      1006        3.0      10.0\n"
            "http i:2              1         0           5         6       10.0      10.0\n");
}

TEST(SummaryTest, JsonHasTheSame) {
  EXPECT_EQ(ToJson(Summarize(kTrace)),
            R"x({"routes":[{"route":"f:1","connections":4,"failures":1,"sent":105,"received":1006,)x"
            R"x("median_ms":3.0,"worst_ms":10.0},)x"
            R"x({"route":"(no rule)","connections":1,"failures":1,"sent":null,"received":null,)x"
            R"x("median_ms":null,"worst_ms":null},)x"
            R"x({"route":"f:2","connections":1,"failures":0,"sent":null,"received":null,)x"
            R"x("median_ms":null,"worst_ms":null}],)x"
            R"x("servers":[{"server":"socks5 h:1","connections":4,"failures":1,"sent":105,"received":1006,)x"
            R"x("median_ms":3.0,"worst_ms":10.0},)x"
            R"x({"server":"http i:2","connections":1,"failures":0,"sent":5,"received":6,)x"
            R"x("median_ms":10.0,"worst_ms":10.0}],"bad_lines":0})x"
            "\n");
}

// Each failed try is its server's, and the last of a series is not counted again with its connection.
TEST(SummaryTest, TrialsAreTheirServers) {
  const Summary summary = Summarize(
      R"({"pid":1,"event":"trial","destination":"a:1","server":"socks5 h:1","outcome":"ETIMEDOUT","goes_on":true}
{"pid":1,"event":"connect","destination":"a:1","rule":"f:1","path":"socks5 i:1","ms":5.0,"outcome":"ok"}
{"pid":1,"event":"trial","destination":"a:1","server":"socks5 h:1","outcome":"ETIMEDOUT","goes_on":true}
{"pid":1,"event":"trial","destination":"a:1","server":"socks5 i:1","outcome":"ETIMEDOUT","goes_on":false}
{"pid":1,"event":"connect","destination":"a:1","rule":"f:1","path":"socks5 i:1","ms":5.0,"outcome":"ETIMEDOUT"}
{"pid":1,"event":"connect","destination":"a:1","rule":"f:1","path":"socks5 i:1","ms":5.0,"outcome":"EACCES"}
)");
  EXPECT_EQ(ToText(summary),
            "route  connections  failures  bytes sent  received  median ms  worst ms\n"
            "f:1              3         2           -         -        5.0       5.0\n"
            "\n"
            "server      connections  failures  bytes sent  received  median ms  worst ms\n"
            "socks5 i:1            3         2           -         -        5.0       5.0\n"
            "socks5 h:1            2         2           -         -          -         -\n");
}

TEST(SummaryTest, MedianOfAnEvenNumberLiesBetween) {
  std::string trace;
  for (const char* const ms : {"4.0", "1.0", "100.0", "2.0"})
    trace += std::string(R"({"event":"connect","rule":"f:1","outcome":"ok","ms":)") + ms + "}\n";
  const Summary summary = Summarize(trace);
  ASSERT_EQ(summary.routes.size(), 1U);
  EXPECT_EQ(summary.routes[0].median_ms, 3.0);
  EXPECT_EQ(summary.routes[0].worst_ms, 100.0);
}

TEST(SummaryTest, LinesThatAreNoneAreCounted) {
  const struct {
    const char* trace;
    const char* text;
  } kCases[] = {
      {"", "no connections\n"},
      {"{}\n{\"event\":5,\"ms\":\"x\"}\n", "no connections\n"},
      {"nonsense\n", "no connections\n\n1 line is no JSON object and was passed over\n"},
      {"[1]\n{\"event\":\"con\n\n{", "no connections\n\n4 lines are no JSON objects and were passed over\n"},
      {"{\"event\":\"connect\",\"rule\":\"a\\u001b[2J\",\"ms\":\"x\",\"outcome\":\"ok\",\"socket\":null}",
       "route  connections  failures  bytes sent  received  median ms  worst ms\n"
       "a?[2J            1         0           -         -          -         -\n"},
  };
  for (const auto& [trace, text] : kCases) EXPECT_EQ(ToText(Summarize(trace)), text) << trace;
}

}  // namespace
}  // namespace socksify
