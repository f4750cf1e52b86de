// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <string>

#include "resolver/dns_message.h"
#include "tests/resolver/dns_bytes.h"

namespace socksify {
namespace {

constexpr const char* kQuery = "1234 0100 0001 0000 0000 0000 03'wWw'04'test'00 000f 0001";
constexpr const char* kEdnsQuery =
    "1234 0100 0001 0000 0000 0001 03'wWw'04'test'00 000f 0001 00 0029 1000 00008000 0000";
// An MX record and the address of what it names.
constexpr const char* kResponse =
    "1234 8580 0001 0001 0000 0001 03'www'04'TEST'00 000f 0001"
    "c00c 000f 0001 0000003c 0006 000a 01'm'c00c"
    "01'm'c00c 0001 0001 0000003c 0004 0a000001";

TEST(DnsFitTest, LeavesWhatFits) {
  const DnsBytes query = Wire(kQuery);
  const DnsBytes whole = Wire(kResponse);
  for (const size_t limit : {whole.size(), whole.size() + 1, size_t{65'535}}) {
    DnsBytes response = whole;
    EXPECT_EQ(FitDnsResponse(ReadDnsQuery(query).query, response, limit), whole.size());
    EXPECT_EQ(Hex(response), Hex(whole));
  }
}

TEST(DnsFitTest, TruncatesWhatDoesNotFit) {
  const struct {
    const char* query;
    const char* truncated;
  } kCases[] = {
      {kQuery, "1234 8780 0001 0000 0000 0000 03'wWw'04'test'00 000f 0001"},
      {kEdnsQuery, "1234 8780 0001 0000 0000 0001 03'wWw'04'test'00 000f 0001 00 0029 04d0 00008000 0000"},
  };
  for (const auto& test : kCases) {
    const DnsBytes query = Wire(test.query);
    const DnsBytes expected = Wire(test.truncated);
    const DnsBytes whole = Wire(kResponse);
    for (size_t limit = 0; limit < whole.size(); ++limit) {
      DnsBytes response = whole;
      const size_t size = FitDnsResponse(ReadDnsQuery(query).query, response, limit);
      ASSERT_EQ(size, limit < expected.size() ? 0 : expected.size()) << limit;
      EXPECT_EQ(Hex(std::span(response).first(size)), size == 0 ? "" : Hex(expected)) << limit;
    }
  }
}

TEST(DnsFitTest, TakesErrorsWithoutAQuestion) {
  const DnsBytes query = Wire(kQuery);
  for (const char* wire :
       {"1234 8181 0000 0000 0000 0000", "1234 8182 0000 0000 0000 0000", "1234 8184 0000 0000 0000 0000",
        "1234 8185 0000 0000 0000 0000", "1234 8181 0000 0000 0000 0001 00 0029 0200 00000000 0000"}) {
    DnsBytes response = Wire(wire);
    EXPECT_EQ(FitDnsResponse(ReadDnsQuery(query).query, response, 512), response.size()) << wire;
  }
}

TEST(DnsFitTest, RefusesWhatIsNoResponseToTheQuery) {
  const DnsBytes query = Wire(kQuery);
  const struct {
    const char* what;
    const char* wire;
  } kCases[] = {
      {"nothing", ""},
      {"short of a header", "1234 8180 0001 0000 0000 00"},
      {"a query", kQuery},
      {"another id", "1235 8180 0001 0000 0000 0000 03'www'04'test'00 000f 0001"},
      {"another opcode", "1234 a180 0001 0000 0000 0000 03'www'04'test'00 000f 0001"},
      {"another name", "1234 8180 0001 0000 0000 0000 03'wwx'04'test'00 000f 0001"},
      {"a shorter name", "1234 8180 0001 0000 0000 0000 04'test'00 000f 0001"},
      {"labels elsewhere", "1234 8180 0001 0000 0000 0000 04'www'04'test'00 000f 0001"},
      {"another type", "1234 8180 0001 0000 0000 0000 03'www'04'test'00 0001 0001"},
      {"a type that differs by the bit of case", "1234 8180 0001 0000 0000 0000 03'www'04'test'00 002f 0001"},
      {"another class", "1234 8180 0001 0000 0000 0000 03'www'04'test'00 000f 0003"},
      {"a question cut short", "1234 8180 0001 0000 0000 0000 03'www'04'test'00 000f 00"},
      {"two questions",
       "1234 8180 0002 0000 0000 0000 03'www'04'test'00 000f 0001 03'www'04'test'00 000f 0001"},
      {"no question, no error", "1234 8180 0000 0000 0000 0000"},
      {"no question, NXDOMAIN", "1234 8183 0000 0000 0000 0000"},
      {"no question, but an answer",
       "1234 8182 0000 0001 0000 0000 03'www'04'test'00 0001 0001 00000000 0004 01020304"},
  };
  for (const auto& test : kCases) {
    DnsBytes response = Wire(test.wire);
    EXPECT_EQ(FitDnsResponse(ReadDnsQuery(query).query, response, 512), 0) << test.what;
    EXPECT_EQ(Hex(response), Hex(Wire(test.wire))) << test.what;
  }
}

TEST(DnsFitTest, TypeAndClassKeepTheirCase) {
  // 0x41 and 0x61 are a letter in two cases, and two types.
  const DnsBytes query = Wire("1234 0100 0001 0000 0000 0000 01'a'00 0041 0001");
  DnsBytes other = Wire("1234 8180 0001 0000 0000 0000 01'A'00 0061 0001");
  EXPECT_EQ(FitDnsResponse(ReadDnsQuery(query).query, other, 512), 0);
  DnsBytes same = Wire("1234 8180 0001 0000 0000 0000 01'A'00 0041 0001");
  EXPECT_EQ(FitDnsResponse(ReadDnsQuery(query).query, same, 512), same.size());
}

TEST(DnsFitTest, NothingAnswersAQueryWithoutAQuestion) {
  const DnsBytes query = Wire("1234 0100 0000 0000 0000 0000");
  for (const char* wire :
       {"1234 8181 0000 0000 0000 0000", "1234 8181 0000 0000 0000 0001 00 0029 0200 00000000 0000"}) {
    DnsBytes response = Wire(wire);
    EXPECT_EQ(FitDnsResponse(ReadDnsQuery(query).query, response, 12), 0) << wire;
  }
}

TEST(DnsSummaryTest, ReadsTheHeader) {
  const struct {
    const char* wire;
    uint8_t rcode;
    uint16_t answers;
  } kCases[] = {
      {"1234 8180 0001 0000 0000 0000", 0, 0},          {"1234 8183 0001 0000 0001 0000", 3, 0},
      {"1234 8585 0000 0000 0000 0000", 5, 0},          {"1234 8180 0001 0102 0304 0506", 0, 0x0102},
      {"1234 818f 0001 ffff 0000 0000 ff", 15, 0xffff},
  };
  for (const auto& test : kCases) {
    const auto summary = SummarizeDnsResponse(Wire(test.wire));
    ASSERT_TRUE(summary) << test.wire;
    EXPECT_EQ(static_cast<uint8_t>(summary->rcode), test.rcode) << test.wire;
    EXPECT_EQ(summary->answers, test.answers) << test.wire;
  }
  EXPECT_FALSE(SummarizeDnsResponse({}));
  EXPECT_FALSE(SummarizeDnsResponse(Wire("1234 8180 0001 0001 0000 00")));
  EXPECT_FALSE(SummarizeDnsResponse(Wire("1234 0180 0001 0001 0000 0000")));
}

}  // namespace
}  // namespace socksify
