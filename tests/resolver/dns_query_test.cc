// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>

#include "resolver/dns_message.h"
#include "tests/resolver/dns_bytes.h"

namespace socksify {
namespace {

// id 0x1234, RD, one question and `additionals` records behind it.
DnsBytes Header(uint8_t additionals = 0) {
  return Wire("1234 0100 0001 0000 0000 00") + DnsBytes{additionals};
}
DnsBytes Question() {
  return Wire("03'www'04'test'00 0001 0001");
}
// 4096 bytes, version 0, DO, no options.
DnsBytes Opt() {
  return Wire("00 0029 1000 00 00 8000 0000");
}

TEST(DnsQueryTest, ReadsHeaderAndQuestion) {
  const DnsBytes message = Wire("abcd 0130 0001 0000 0000 0000 03'wWw'04'test'00 001c 0001");
  const DnsReading reading = ReadDnsQuery(message);
  ASSERT_EQ(reading.kind, DnsReading::kQuery);
  const DnsQuery& query = reading.query;
  EXPECT_EQ(query.id, 0xabcd);
  EXPECT_EQ(query.flags, 0x0130);
  EXPECT_EQ(query.name, "wWw.test");
  EXPECT_EQ(query.type, DnsType::kAaaa);
  EXPECT_EQ(query.record_class, kDnsClassIn);
  EXPECT_EQ(query.question.data(), message.data() + 12);
  EXPECT_EQ(Hex(query.question), Hex(Wire("03'wWw'04'test'00 001c 0001")));
  EXPECT_FALSE(query.has_edns);
  EXPECT_EQ(query.edns_udp_size, 512);
  EXPECT_EQ(query.edns_version, 0);
  EXPECT_FALSE(query.wants_dnssec);
}

TEST(DnsQueryTest, ReadsNamesAsTheyAreSent) {
  const struct {
    const char* wire;
    std::optional<std::string> name;
  } kCases[] = {
      {"00", ""},
      {"01'a'00", "a"},
      {"01'a'01'b'01'c'00", "a.b.c"},
      {"03'WwW'04'TEST'00", "WwW.TEST"},
      {"04'_sip'04'_tcp'00", "_sip._tcp"},
      {"05'm'c3bc'ns'04'test'00", "m\xc3\xbcns.test"},
      {"01ff 01'a'00", "\xff.a"},
      {"03'a b'00", "a b"},
      {"03'a\\b'00", "a\\b"},
      {"02'*a'0109 00", "*a.\t"},
      // No text stands for these.
      {"03'a.b'04'test'00", std::nullopt},
      {"01'.'00", std::nullopt},
      {"04'www.'04'test'00", std::nullopt},
      {"03'a'00'b'04'test'00", std::nullopt},
      {"0100 00", std::nullopt},
      {"04'test'03'x'00'y'02'zz'00", std::nullopt},
  };
  for (const auto& test : kCases) {
    const DnsBytes message = Header() + Wire(test.wire) + Wire("0001 0001");
    const DnsReading reading = ReadDnsQuery(message);
    ASSERT_EQ(reading.kind, DnsReading::kQuery) << test.wire;
    EXPECT_EQ(reading.query.name, test.name) << test.wire;
    EXPECT_EQ(Hex(reading.query.question), Hex(Wire(test.wire) + Wire("0001 0001"))) << test.wire;
  }
}

TEST(DnsQueryTest, ReadsTheLongestLabelAndName) {
  const std::string label(63, 'a');
  for (const std::string& name : {label, label + '.' + label, LongestName()}) {
    const DnsBytes message = Header() + WireName(name) + Wire("0001 0001");
    const DnsReading reading = ReadDnsQuery(message);
    ASSERT_EQ(reading.kind, DnsReading::kQuery) << name;
    EXPECT_EQ(reading.query.name, name);
  }
  EXPECT_EQ(WireName(LongestName()).size(), 255);
}

TEST(DnsQueryTest, RefusesNamesThatAreTooLong) {
  const std::string longest = LongestName();
  for (const std::string& name : {std::string(64, 'a'), longest + 'y', longest + ".z", "z." + longest}) {
    const DnsBytes message = Header() + WireName(name) + Wire("0001 0001");
    EXPECT_EQ(ReadDnsQuery(message).kind, DnsReading::kMalformed) << name;
  }
}

TEST(DnsQueryTest, ReadsEdns) {
  const struct {
    const char* opt;
    uint16_t udp_size;
    bool wants_dnssec;
  } kCases[] = {
      {"00 0029 04d0 00000000 0000", 1232, false},
      {"00 0029 04d0 00008000 0000", 1232, true},
      {"00 0029 ffff 00007fff 0000", 65'535, false},  // flags that nobody has given a meaning
      {"00 0029 0200 00000000 0000", 512, false},
      {"00 0029 01ff 00000000 0000", 512, false},
      {"00 0029 0000 00000000 0000", 512, false},
      {"00 0029 04d0 ff000000 0000", 1232, false},  // an extended rcode means nothing in a query
      {"00 0029 04d0 00000000 000c 000a 0008 1122334455667788", 1232, false},
      {"00 0029 04d0 00000000 000b 0003 0000 ffff 0003 010203", 1232, false},
  };
  for (const auto& test : kCases) {
    const DnsBytes message = Header(1) + Question() + Wire(test.opt);
    const DnsReading reading = ReadDnsQuery(message);
    ASSERT_EQ(reading.kind, DnsReading::kQuery) << test.opt;
    EXPECT_TRUE(reading.query.has_edns) << test.opt;
    EXPECT_EQ(reading.query.edns_udp_size, test.udp_size) << test.opt;
    EXPECT_EQ(reading.query.edns_version, 0) << test.opt;
    EXPECT_EQ(reading.query.wants_dnssec, test.wants_dnssec) << test.opt;
  }
}

TEST(DnsQueryTest, ReadsQueriesWithRecords) {
  const struct {
    const char* what;
    const char* wire;
    bool has_edns;
  } kCases[] = {
      {"IXFR: a SOA in the authority section",
       "1234 0000 0001 0000 0001 0000 04'test'00 00fb 0001"
       "c00c 0006 0001 00000000 0016 0000 00000001 00000002 00000003 00000004 00000005",
       false},
      {"a record in each section",
       "1234 0100 0001 0001 0001 0001 01'a'00 0001 0001"
       "c00c 0001 0001 00000000 0004 01020304"
       "01'b'c00c 0010 0001 00000000 0000"
       "00 0010 0001 00000000 0001 ff",
       false},
      {"OPT before TSIG",
       "1234 0100 0001 0000 0000 0002 01'a'00 0001 0001"
       "00 0029 0200 00000000 0000"
       "01'k'00 00fa 00ff 00000000 0002 abcd",
       true},
      {"a record before OPT",
       "1234 0100 0001 0000 0000 0002 01'a'00 0001 0001"
       "01'k'00 0010 0001 00000000 0002 0141"
       "00 0029 0200 00000000 0000",
       true},
      {"bytes behind the last record", "1234 0100 0001 0000 0000 0000 01'a'00 0001 0001 ffffff", false},
      {"an OPT that is not counted",
       "1234 0100 0001 0000 0000 0000 01'a'00 0001 0001 00 0029 0200 00000000 0000", false},
      {"TC, AA, Z and an rcode in a query", "1234 076f 0001 0000 0000 0000 01'a'00 0001 0001", false},
  };
  for (const auto& test : kCases) {
    const DnsBytes message = Wire(test.wire);
    const DnsReading reading = ReadDnsQuery(message);
    EXPECT_EQ(reading.kind, DnsReading::kQuery) << test.what;
    EXPECT_EQ(reading.query.has_edns, test.has_edns) << test.what;
  }
}

TEST(DnsQueryTest, TellsMalformedQueries) {
  const struct {
    const char* what;
    const char* wire;
  } kCases[] = {
      {"no question", "1234 0100 0000 0000 0000 0000"},
      {"no question, but OPT with a cookie",
       "1234 0100 0000 0000 0000 0001 00 0029 0200 00000000 000c 000a 0008 1122334455667788"},
      {"two questions", "1234 0100 0002 0000 0000 0000 01'a'00 0001 0001 01'b'00 0001 0001"},
      {"two questions, one there", "1234 0100 0002 0000 0000 0000 01'a'00 0001 0001"},
      {"a pointer as the name", "1234 0100 0001 0000 0000 0000 c00c 0001 0001"},
      {"a pointer into the header", "1234 0100 0001 0000 0000 0000 c000 0001 0001"},
      {"a pointer behind a label", "1234 0100 0001 0000 0000 0000 01'a'c00c 0001 0001"},
      {"a label of the kind 01", "1234 0100 0001 0000 0000 0000 40 00 0001 0001"},
      {"a label of the kind 10", "1234 0100 0001 0000 0000 0000 80 00 0001 0001"},
      {"a label beyond the end", "1234 0100 0001 0000 0000 0000 05'abcd'"},
      {"no last label", "1234 0100 0001 0000 0000 0000 01'a'"},
      {"no type", "1234 0100 0001 0000 0000 0000 01'a'00"},
      {"half a class", "1234 0100 0001 0000 0000 0000 01'a'00 0001 00"},
      {"a counted answer that is not there", "1234 0100 0001 0001 0000 0000 01'a'00 0001 0001"},
      {"an answer cut short",
       "1234 0100 0001 0001 0000 0000 01'a'00 0001 0001 c00c 0001 0001 00000000 0004 010203"},
      {"65,535 records of each kind", "1234 0100 0001 ffff ffff ffff 01'a'00 0001 0001"},
      {"a record with a pointer forwards",
       "1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 c020 0010 0001 00000000 0000"},
      {"a record with a pointer to itself",
       "1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 c013 0010 0001 00000000 0000"},
      {"a record with a pointer into the header",
       "1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 c00b 0010 0001 00000000 0000"},
      {"a record with half a pointer", "1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 c0"},
      {"a record with a label of the kind 10",
       "1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 80 00 0010 0001 00000000 0000"},
      {"two OPT",
       "1234 0100 0001 0000 0000 0002 01'a'00 0001 0001"
       "00 0029 0200 00000000 0000 00 0029 0200 00000000 0000"},
      {"OPT among the answers", "1234 0100 0001 0001 0000 0000 01'a'00 0001 0001 00 0029 0200 00000000 0000"},
      {"OPT in the authority section",
       "1234 0100 0001 0000 0001 0000 01'a'00 0001 0001 00 0029 0200 00000000 0000"},
      {"OPT with a name", "1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 01'o'00 0029 0200 00000000 0000"},
      {"OPT with a pointer", "1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 c00e 0029 0200 00000000 0000"},
      {"OPT cut short", "1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 00 0029 0200 00000000 00"},
      {"half an option", "1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 00 0029 0200 00000000 0003 000a00"},
      {"an option beyond the record",
       "1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 00 0029 0200 00000000 0006 000a 0003 1122 33"},
  };
  for (const auto& test : kCases) {
    const DnsBytes message = Wire(test.wire);
    const DnsReading reading = ReadDnsQuery(message);
    EXPECT_EQ(reading.kind, DnsReading::kMalformed) << test.what;
    EXPECT_EQ(reading.query.id, 0x1234) << test.what;
    EXPECT_EQ(reading.query.flags, 0x0100) << test.what;
  }
}

TEST(DnsQueryTest, TellsWhatItDoesNotSupport) {
  for (unsigned opcode = 1; opcode < 16; ++opcode) {
    DnsBytes message = Header() + Question();
    message[2] = static_cast<uint8_t>(opcode << 3);
    EXPECT_EQ(ReadDnsQuery(message).kind, DnsReading::kUnsupported) << opcode;
  }
  // Another opcode's sections are its own business.
  EXPECT_EQ(ReadDnsQuery(Wire("1234 2800 0007 0000 0000 0000 ff")).kind, DnsReading::kUnsupported);
  const DnsBytes version_1 = Header(1) + Question() + Wire("00 0029 0200 00018000 0000");
  const DnsReading reading = ReadDnsQuery(version_1);
  EXPECT_EQ(reading.kind, DnsReading::kUnsupported);
  EXPECT_EQ(reading.query.edns_version, 1);
}

TEST(DnsQueryTest, TellsWhatIsNoQuery) {
  EXPECT_EQ(ReadDnsQuery({}).kind, DnsReading::kNotAQuery);
  const DnsBytes header = Header();
  for (size_t size = 0; size < header.size(); ++size) {
    EXPECT_EQ(ReadDnsQuery(std::span(header).first(size)).kind, DnsReading::kNotAQuery) << size;
  }
  EXPECT_EQ(ReadDnsQuery(Wire("1234 8180 0001 0000 0000 0000 01'a'00 0001 0001")).kind,
            DnsReading::kNotAQuery);
  EXPECT_EQ(ReadDnsQuery(Wire("1234 a800 0000 0000 0000 0000")).kind, DnsReading::kNotAQuery);
}

TEST(DnsQueryTest, EveryPrefixOfAQueryIsMalformed) {
  const DnsBytes message = Header(1) + Question() + Opt();
  ASSERT_EQ(ReadDnsQuery(message).kind, DnsReading::kQuery);
  for (size_t size = 12; size < message.size(); ++size) {
    // A copy of this size, so that a sanitizer sees every read past it.
    const DnsBytes prefix(message.begin(), message.begin() + size);
    EXPECT_EQ(ReadDnsQuery(prefix).kind, DnsReading::kMalformed) << size;
  }
}

TEST(DnsQueryTest, WritesQueries) {
  std::array<uint8_t, 512> out{};
  const struct {
    const char* name;
    uint16_t type;
    uint16_t udp_size;
    const char* wire;
  } kCases[] = {
      {"www.test", DnsType::kA, 0, "beef 0100 0001 0000 0000 0000 03'www'04'test'00 0001 0001"},
      {"www.test.", DnsType::kA, 0, "beef 0100 0001 0000 0000 0000 03'www'04'test'00 0001 0001"},
      {"WWW.test", DnsType::kHttps, 1232,
       "beef 0100 0001 0000 0000 0001 03'WWW'04'test'00 0041 0001 00 0029 04d0 00000000 0000"},
      {"", DnsType::kNs, 0, "beef 0100 0001 0000 0000 0000 00 0002 0001"},
      {".", DnsType::kNs, 0, "beef 0100 0001 0000 0000 0000 00 0002 0001"},
      {"m\xc3\xbcns.a\\b", DnsType::kA, 0, "beef 0100 0001 0000 0000 0000 05'm'c3bc'ns'03'a\\b'00 0001 0001"},
  };
  for (const auto& test : kCases) {
    const size_t size = WriteDnsQuery(0xbeef, test.name, test.type, kDnsClassIn, test.udp_size, out);
    EXPECT_EQ(Hex(std::span(out).first(size)), Hex(Wire(test.wire))) << test.name;
    for (size_t room = 0; room < size; ++room) {
      DnsBytes small(room);
      EXPECT_EQ(WriteDnsQuery(0xbeef, test.name, test.type, kDnsClassIn, test.udp_size, small), 0) << room;
    }
  }
}

TEST(DnsQueryTest, WritesNoNameThatCannotBeSent) {
  std::array<uint8_t, 1024> out{};
  const std::string longest = LongestName();
  for (const std::string& name :
       {std::string(".."), std::string(".a"), std::string("a..b"), std::string("a.."), std::string("a\0b", 3),
        std::string(64, 'a'), "a." + std::string(64, 'a'), std::string(64, 'a') + ".a", longest + 'y',
        longest + ".z", std::string(4096, 'a')}) {
    EXPECT_EQ(WriteDnsQuery(1, name, DnsType::kA, kDnsClassIn, 0, out), 0) << name;
  }
}

TEST(DnsQueryTest, ReadsWhatItWrites) {
  std::array<uint8_t, 512> out{};
  for (const std::string& name : {std::string(), std::string("a"), std::string("A.b.C"), std::string(63, 'l'),
                                  LongestName(), std::string("\xff\x01 .\\")}) {
    const size_t size = WriteDnsQuery(77, name, DnsType::kTxt, kDnsClassAny, 4096, out);
    ASSERT_NE(size, 0) << name;
    const DnsReading reading = ReadDnsQuery(std::span(out).first(size));
    ASSERT_EQ(reading.kind, DnsReading::kQuery) << name;
    EXPECT_EQ(reading.query.name, name);
    EXPECT_EQ(reading.query.id, 77);
    EXPECT_EQ(reading.query.type, DnsType::kTxt);
    EXPECT_EQ(reading.query.record_class, kDnsClassAny);
    EXPECT_EQ(reading.query.edns_udp_size, 4096);
  }
}

}  // namespace
}  // namespace socksify
