// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "resolver/dns_message.h"
#include "tests/resolver/dns_bytes.h"

namespace socksify {
namespace {

constexpr const char* kQuestion = "03'wWw'04'test'00 0001 0001";

// A query together with the bytes that its question points into.
struct Asked {
  explicit Asked(DnsBytes bytes) : message(std::move(bytes)), reading(ReadDnsQuery(message)) {}
  const DnsQuery& query() const { return reading.query; }

  DnsBytes message;
  DnsReading reading;
};

Asked AskPlain(const char* flags = "0100") {
  return Asked(Wire("1234") + Wire(flags) + Wire("0001 0000 0000 0000") + Wire(kQuestion));
}

Asked AskWithEdns(const char* edns_flags = "8000") {
  return Asked(Wire("1234 0100 0001 0000 0000 0001") + Wire(kQuestion) + Wire("00 0029 1000 0000") +
               Wire(edns_flags) + Wire("0000"));
}

std::string Answer(const DnsQuery& query, DnsRcode rcode, std::span<const DnsRecord> answers,
                   size_t limit = 512) {
  std::array<uint8_t, 1024> out{};
  return Hex(std::span(out).first(WriteDnsResponse(query, rcode, answers, limit, out)));
}

TEST(DnsResponseTest, WritesAddresses) {
  const IpAddress v4 = *IpAddress::Parse("198.18.0.7");
  const IpAddress other_v4 = *IpAddress::Parse("198.18.0.8");
  const IpAddress v6 = *IpAddress::Parse("100::1:2");
  const DnsRecord records[] = {{.type = DnsType::kA, .ttl = 1, .address = &v4},
                               {.type = DnsType::kA, .ttl = 0xfffefdfc, .address = &other_v4},
                               {.type = DnsType::kAaaa, .ttl = 0, .address = &v6}};
  const Asked asked = AskPlain();
  EXPECT_EQ(Answer(asked.query(), DnsRcode::kNoError, records),
            Hex(Wire("1234 8180 0001 0003 0000 0000") + Wire(kQuestion) +
                Wire("c00c 0001 0001 00000001 0004 c6120007"
                     "c00c 0001 0001 fffefdfc 0004 c6120008"
                     "c00c 001c 0001 00000000 0010 0100 0000 0000 0000 0000 0000 0001 0002")));
}

TEST(DnsResponseTest, WritesNames) {
  const DnsRecord records[] = {{.type = DnsType::kPtr, .ttl = 2, .name = "web.Test"},
                               {.type = DnsType::kCname, .ttl = 2, .name = "a."},
                               {.type = DnsType::kNs, .ttl = 2, .name = ""}};
  const Asked asked = AskPlain();
  EXPECT_EQ(Answer(asked.query(), DnsRcode::kNoError, records),
            Hex(Wire("1234 8180 0001 0003 0000 0000") + Wire(kQuestion) +
                Wire("c00c 000c 0001 00000002 000a 03'web'04'Test'00"
                     "c00c 0005 0001 00000002 0003 01'a'00"
                     "c00c 0002 0001 00000002 0001 00")));
}

TEST(DnsResponseTest, WritesAnswersWithoutRecords) {
  const Asked asked = AskPlain();
  for (const DnsRcode rcode : {DnsRcode::kNoError, DnsRcode::kFormErr, DnsRcode::kServFail,
                               DnsRcode::kNxDomain, DnsRcode::kNotImp, DnsRcode::kRefused}) {
    DnsBytes expected = Wire("1234 8180 0001 0000 0000 0000") + Wire(kQuestion);
    expected[3] |= static_cast<uint8_t>(rcode);
    EXPECT_EQ(Answer(asked.query(), rcode, {}), Hex(expected));
  }
}

TEST(DnsResponseTest, CopiesRecursionDesiredAndCheckingDisabledAlone) {
  const struct {
    const char* query;
    const char* response;
  } kCases[] = {{"0000", "8080"}, {"0100", "8180"}, {"0010", "8090"},
                {"0110", "8190"}, {"0120", "8180"}, {"07ff", "8190"}};
  for (const auto& test : kCases) {
    const Asked asked = AskPlain(test.query);
    ASSERT_EQ(asked.reading.kind, DnsReading::kQuery);
    EXPECT_EQ(Answer(asked.query(), DnsRcode::kNoError, {}),
              Hex(Wire("1234") + Wire(test.response) + Wire("0001 0000 0000 0000") + Wire(kQuestion)));
  }
}

TEST(DnsResponseTest, AnswersEdnsWithEdns) {
  const struct {
    const char* query;
    const char* response;
  } kCases[] = {{"0000", "0000"}, {"8000", "8000"}, {"7fff", "0000"}, {"ffff", "8000"}};
  for (const auto& test : kCases) {
    const Asked asked = AskWithEdns(test.query);
    ASSERT_EQ(asked.reading.kind, DnsReading::kQuery);
    EXPECT_EQ(Answer(asked.query(), DnsRcode::kNxDomain, {}),
              Hex(Wire("1234 8183 0001 0000 0000 0001") + Wire(kQuestion) + Wire("00 0029 04d0 0000") +
                  Wire(test.response) + Wire("0000")));
  }
}

TEST(DnsResponseTest, EchoesQuestionsThatHaveNoName) {
  const Asked asked(Wire("1234 0100 0001 0000 0000 0000 03'a.b'02 00ff 00 0001 0001"));
  ASSERT_FALSE(asked.query().name);
  EXPECT_EQ(Answer(asked.query(), DnsRcode::kNxDomain, {}),
            Hex(Wire("1234 8183 0001 0000 0000 0000 03'a.b'02 00ff 00 0001 0001")));
}

TEST(DnsResponseTest, TruncatesWhatDoesNotFit) {
  const IpAddress v4 = *IpAddress::Parse("198.18.0.7");
  const std::vector<DnsRecord> records(40, {.type = DnsType::kA, .ttl = 1, .address = &v4});
  const DnsBytes plain = Wire("1234 8380 0001 0000 0000 0000") + Wire(kQuestion);
  const DnsBytes edns =
      Wire("1234 8380 0001 0000 0000 0001") + Wire(kQuestion) + Wire("00 0029 04d0 0000 8000 0000");
  const Asked asked_plain = AskPlain();
  const Asked asked_with_edns = AskWithEdns();
  const size_t whole = plain.size() + 40 * 16;
  for (const size_t limit : {plain.size(), size_t{512}, whole - 1}) {
    EXPECT_EQ(Answer(asked_plain.query(), DnsRcode::kNoError, records, limit), Hex(plain)) << limit;
  }
  EXPECT_EQ(Answer(asked_plain.query(), DnsRcode::kNoError, records, whole).size(), 3 * whole);
  EXPECT_EQ(Answer(asked_plain.query(), DnsRcode::kNoError, records, plain.size() - 1), "");
  EXPECT_EQ(Answer(asked_with_edns.query(), DnsRcode::kNoError, records, edns.size()), Hex(edns));
  EXPECT_EQ(Answer(asked_with_edns.query(), DnsRcode::kNoError, records, edns.size() - 1), "");
}

TEST(DnsResponseTest, WritesNothingBehindTheBufferOrTheLimit) {
  const IpAddress v4 = *IpAddress::Parse("198.18.0.7");
  const DnsRecord records[] = {{.type = DnsType::kA, .ttl = 1, .address = &v4}};
  const Asked asked = AskWithEdns();
  const size_t truncated = 12 + 14 + 11;
  const size_t whole = truncated + 16;
  for (size_t room = 0; room < whole + 4; ++room) {
    DnsBytes small(room);
    const size_t expected = room >= whole ? whole : room >= truncated ? truncated : 0;
    EXPECT_EQ(WriteDnsResponse(asked.query(), DnsRcode::kNoError, records, 512, small), expected) << room;
    DnsBytes large(512, 0xee);
    const size_t size = WriteDnsResponse(asked.query(), DnsRcode::kNoError, records, room, large);
    EXPECT_EQ(size, expected) << room;
    EXPECT_EQ(Hex(std::span(large).subspan(room)), Hex(DnsBytes(512 - room, 0xee))) << room;
  }
}

TEST(DnsResponseTest, AMessageHasAtMost65535Bytes) {
  const IpAddress v4 = *IpAddress::Parse("198.18.0.7");
  DnsBytes out(80'000);
  const Asked asked = AskPlain();
  // 26 bytes in front of records of 16.
  std::vector<DnsRecord> records(4094, {.type = DnsType::kA, .ttl = 1, .address = &v4});
  EXPECT_EQ(WriteDnsResponse(asked.query(), DnsRcode::kNoError, records, out.size(), out), 26 + 4094 * 16);
  EXPECT_EQ(Hex(std::span(out).subspan(6, 2)), "0f fe ");
  records.push_back(records[0]);
  EXPECT_EQ(WriteDnsResponse(asked.query(), DnsRcode::kNoError, records, out.size(), out), 26);
}

TEST(DnsResponseTest, FailsForRecordsThatCannotBeWritten) {
  const IpAddress v4 = *IpAddress::Parse("198.18.0.7");
  const IpAddress v6 = *IpAddress::Parse("100::1:2");
  const std::string long_label(64, 'a');
  const std::string long_name = LongestName() + 'y';
  const DnsRecord kBad[] = {
      {.type = DnsType::kA},
      {.type = DnsType::kA, .address = &v6},
      {.type = DnsType::kAaaa, .address = &v4},
      {.type = DnsType::kPtr, .name = "a..b"},
      {.type = DnsType::kPtr, .name = {"a\0b", 3}},
      {.type = DnsType::kPtr, .name = long_label},
      {.type = DnsType::kCname, .name = long_name},
      {.type = DnsType::kMx, .name = "mail.test"},
      {.type = DnsType::kTxt, .address = &v4},
  };
  const Asked asked = AskPlain();
  for (const DnsRecord& bad : kBad) {
    const DnsRecord records[] = {{.type = DnsType::kA, .address = &v4}, bad};
    EXPECT_EQ(Answer(asked.query(), DnsRcode::kNoError, records),
              Hex(Wire("1234 8182 0001 0000 0000 0000") + Wire(kQuestion)))
        << bad.type << bad.name;
  }
}

TEST(DnsResponseTest, MayBeWrittenOverTheQuery) {
  const IpAddress v4 = *IpAddress::Parse("198.18.0.7");
  const DnsRecord records[] = {{.type = DnsType::kA, .ttl = 1, .address = &v4}};
  Asked asked = AskWithEdns();
  const std::string expected = Answer(asked.query(), DnsRcode::kNoError, records);
  std::array<uint8_t, 512> buffer{};
  std::ranges::copy(asked.message, buffer.begin());
  const DnsReading reading = ReadDnsQuery(std::span(buffer).first(asked.message.size()));
  const size_t size = WriteDnsResponse(reading.query, DnsRcode::kNoError, records, buffer.size(), buffer);
  EXPECT_EQ(Hex(std::span(buffer).first(size)), expected);
}

TEST(DnsRefusalTest, RefusesWithTheFittingRcode) {
  const struct {
    const char* what;
    const char* message;
    const char* refusal;
  } kCases[] = {
      {"no question", "1234 0110 0000 0000 0000 0000", "1234 8191 0000 0000 0000 0000"},
      {"cut short", "1234 0020 0001 0000 0000 0000 03'ww'", "1234 8081 0000 0000 0000 0000"},
      {"two OPT",
       "1234 0100 0001 0000 0000 0002 01'a'00 0001 0001"
       "00 0029 0200 00010000 0000 00 0029 0200 00010000 0000",
       "1234 8181 0000 0000 0000 0000"},
      {"IQUERY", "1234 0800 0000 0001 0000 0000", "1234 8884 0000 0000 0000 0000"},
      {"UPDATE", "1234 2900 0001 0000 0000 0000 04'test'00 0006 0001", "1234 a984 0000 0000 0000 0000"},
      {"EDNS version 1", "1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 00 0029 0200 00018000 0000",
       "1234 8180 0001 0000 0000 0001 01'a'00 0001 0001 00 0029 04d0 01008000 0000"},
      {"EDNS version 255", "1234 0000 0001 0000 0000 0001 01'A'00 0001 0001 00 0029 0200 00ff0000 0000",
       "1234 8080 0001 0000 0000 0001 01'A'00 0001 0001 00 0029 04d0 01000000 0000"},
      {"a query", "1234 0100 0001 0000 0000 0000 01'a'00 0001 0001", ""},
      {"a response", "1234 8100 0001 0000 0000 0000 01'a'00 0001 0001", ""},
      {"too short", "1234 0100 0000 0000 0000 00", ""},
  };
  for (const auto& test : kCases) {
    const DnsBytes message = Wire(test.message);
    const DnsBytes expected = Wire(test.refusal);
    const DnsReading reading = ReadDnsQuery(message);
    std::array<uint8_t, 512> out{};
    const size_t size = WriteDnsRefusal(reading, message, out);
    EXPECT_EQ(Hex(std::span(out).first(size)), Hex(expected)) << test.what;
    for (size_t room = 0; room < size; ++room) {
      DnsBytes small(room);
      EXPECT_EQ(WriteDnsRefusal(reading, message, small), 0) << test.what;
    }
    // Over the query itself.
    DnsBytes buffer = message;
    buffer.resize(512);
    const DnsReading over = ReadDnsQuery(std::span(buffer).first(message.size()));
    const size_t over_size = WriteDnsRefusal(over, std::span(buffer).first(message.size()), buffer);
    EXPECT_EQ(Hex(std::span(buffer).first(over_size)), Hex(expected)) << test.what;
  }
}

}  // namespace
}  // namespace socksify
