// SPDX-License-Identifier: BSD-2-Clause
// libc's own reader and writer of DNS messages (resolver(3), <arpa/nameser.h>) against ours.
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <gtest/gtest.h>
#include <resolv.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "resolver/dns_message.h"
#include "tests/resolver/dns_bytes.h"

namespace socksify {
namespace {

// A resolver's state of our own, so that the machine's resolv.conf has no say.
class LibcQuery {
 public:
  LibcQuery() {
    res_ninit(&state_);
    state_.options = RES_INIT | RES_RECURSE;
  }
  ~LibcQuery() { res_nclose(&state_); }
  LibcQuery(const LibcQuery&) = delete;
  LibcQuery& operator=(const LibcQuery&) = delete;

  // `name` has libc's escapes: \. is a dot within a label, \000 a NUL.
  DnsBytes Make(const char* name, int record_class, int type) {
    DnsBytes message(1024);
    const int size = res_nmkquery(&state_, ns_o_query, name, record_class, type, nullptr, 0, nullptr,
                                  message.data(), static_cast<int>(message.size()));
    message.resize(size > 0 ? size : 0);
    return message;
  }

 private:
  struct __res_state state_{};
};

// A message as libc reads it.
struct LibcMessage {
  bool parsed = false;
  ns_msg handle{};

  explicit LibcMessage(std::span<const uint8_t> message) {
    parsed = ns_initparse(message.data(), static_cast<int>(message.size()), &handle) == 0;
  }
  int Flag(ns_flag flag) const { return ns_msg_getflag(handle, flag); }
  int Count(ns_sect section) const { return ns_msg_count(handle, section); }
  std::optional<ns_rr> Record(ns_sect section, int index) {
    ns_rr record{};
    if (ns_parserr(&handle, section, index, &record) != 0) return std::nullopt;
    return record;
  }
  // OWNER TTL TYPE DATA, the type as a number.
  std::string Print(ns_sect section, int index) {
    const std::optional<ns_rr> record = Record(section, index);
    if (!record || ns_rr_class(*record) != ns_c_in) return "?";
    std::array<char, NS_MAXDNAME> text{};
    if (ns_rr_type(*record) == ns_t_a || ns_rr_type(*record) == ns_t_aaaa) {
      const int family = ns_rr_type(*record) == ns_t_a ? AF_INET : AF_INET6;
      if (ns_rr_rdlen(*record) != (family == AF_INET ? NS_INADDRSZ : NS_IN6ADDRSZ)) return "?";
      inet_ntop(family, ns_rr_rdata(*record), text.data(), text.size());
    } else if (ns_name_uncompress(ns_msg_base(handle), ns_msg_end(handle), ns_rr_rdata(*record), text.data(),
                                  text.size()) != ns_rr_rdlen(*record)) {
      return "?";
    }
    return std::string(ns_rr_name(*record)) + ' ' + std::to_string(ns_rr_ttl(*record)) + ' ' +
           std::to_string(ns_rr_type(*record)) + ' ' + text.data();
  }
};

TEST(DnsLibcTest, ReadsWhatLibcWrites) {
  LibcQuery libc;
  const std::string longest = LongestName();
  const std::string longest_label(63, 'l');
  const struct {
    const char* libc_name;
    std::optional<std::string> name;
  } kCases[] = {
      {"www.test", "www.test"},
      {"WwW.TeSt.", "WwW.TeSt"},
      {".", ""},
      {"", ""},
      {"m\xc3\xbcns.test", "m\xc3\xbcns.test"},
      {"a\\\\b.test", "a\\b.test"},
      {"a\\032b\\255.test", "a b\xff.test"},
      {"a\\.b.test", std::nullopt},
      {"a\\000b.test", std::nullopt},
      {"a\\046b.test", std::nullopt},
      {longest.c_str(), longest},
      {longest_label.c_str(), longest_label},
  };
  for (const auto& test : kCases) {
    for (const uint16_t type : {DnsType::kA, DnsType::kAaaa, DnsType::kPtr, DnsType::kHttps, DnsType::kAny}) {
      const DnsBytes message = libc.Make(test.libc_name, ns_c_in, type);
      ASSERT_FALSE(message.empty()) << test.libc_name;
      const DnsReading reading = ReadDnsQuery(message);
      ASSERT_EQ(reading.kind, DnsReading::kQuery) << test.libc_name;
      EXPECT_EQ(reading.query.name, test.name) << test.libc_name;
      EXPECT_EQ(reading.query.type, type) << test.libc_name;
      EXPECT_EQ(reading.query.record_class, kDnsClassIn) << test.libc_name;
      EXPECT_EQ(reading.query.id, message[0] << 8 | message[1]) << test.libc_name;
      EXPECT_EQ(reading.query.flags, 0x0100) << test.libc_name;
    }
  }
}

TEST(DnsLibcTest, WritesTheQueriesThatLibcWrites) {
  LibcQuery libc;
  for (const std::string& name : {std::string("www.test"), std::string("WWW.test."), std::string(),
                                  std::string("m\xc3\xbcns.test"), std::string("_a._tcp.b"), LongestName()}) {
    const DnsBytes theirs = libc.Make(name.c_str(), ns_c_chaos, ns_t_txt);
    ASSERT_FALSE(theirs.empty()) << name;
    DnsBytes ours(512);
    const auto id = static_cast<uint16_t>(theirs[0] << 8 | theirs[1]);
    ours.resize(WriteDnsQuery(id, name, DnsType::kTxt, 3, 0, ours));
    EXPECT_EQ(Hex(ours), Hex(theirs)) << name;
  }
}

TEST(DnsLibcTest, RefusesTheNamesThatLibcRefuses) {
  LibcQuery libc;
  const std::string longest = LongestName();
  DnsBytes out(1024);
  for (const std::string& name : {std::string(64, 'a'), "a." + std::string(64, 'a'), longest + 'y',
                                  longest + ".z", std::string("a..b"), std::string(".a")}) {
    EXPECT_TRUE(libc.Make(name.c_str(), ns_c_in, ns_t_a).empty()) << name;
    EXPECT_EQ(WriteDnsQuery(1, name, DnsType::kA, kDnsClassIn, 0, out), 0) << name;
  }
}

TEST(DnsLibcTest, LibcReadsQueries) {
  DnsBytes message(512);
  message.resize(WriteDnsQuery(0xbeef, "www.test", DnsType::kAaaa, kDnsClassIn, 1232, message));
  LibcMessage libc(message);
  ASSERT_TRUE(libc.parsed);
  EXPECT_EQ(ns_msg_id(libc.handle), 0xbeef);
  EXPECT_EQ(libc.Flag(ns_f_qr), 0);
  EXPECT_EQ(libc.Flag(ns_f_rd), 1);
  ASSERT_EQ(libc.Count(ns_s_qd), 1);
  ASSERT_EQ(libc.Count(ns_s_ar), 1);
  const auto question = libc.Record(ns_s_qd, 0);
  ASSERT_TRUE(question);
  EXPECT_STREQ(ns_rr_name(*question), "www.test");
  EXPECT_EQ(ns_rr_type(*question), ns_t_aaaa);
  EXPECT_EQ(ns_rr_class(*question), ns_c_in);
  const auto opt = libc.Record(ns_s_ar, 0);
  ASSERT_TRUE(opt);
  EXPECT_EQ(ns_rr_type(*opt), ns_t_opt);
  EXPECT_EQ(static_cast<int>(ns_rr_class(*opt)), 1232);
}

TEST(DnsLibcTest, LibcReadsResponses) {
  const DnsBytes query =
      Wire("1234 0110 0001 0000 0000 0001 03'wWw'04'test'00 00ff 0001 00 0029 1000 00008000 0000");
  const DnsReading reading = ReadDnsQuery(query);
  ASSERT_EQ(reading.kind, DnsReading::kQuery);
  const IpAddress v4 = *IpAddress::Parse("198.18.0.7");
  const IpAddress v6 = *IpAddress::Parse("100::1:2");
  const std::string longest = LongestName();
  const DnsRecord records[] = {{.type = DnsType::kA, .ttl = 60, .address = &v4},
                               {.type = DnsType::kAaaa, .ttl = 3600, .address = &v6},
                               {.type = DnsType::kPtr, .ttl = 1, .name = "Host.Test"},
                               {.type = DnsType::kCname, .ttl = 1, .name = "b\\c\xff"},
                               {.type = DnsType::kPtr, .ttl = 1, .name = longest}};
  DnsBytes response(1024);
  response.resize(WriteDnsResponse(reading.query, DnsRcode::kNoError, records, 1024, response));
  LibcMessage libc(response);
  ASSERT_TRUE(libc.parsed);
  EXPECT_EQ(ns_msg_id(libc.handle), 0x1234);
  EXPECT_EQ(libc.Flag(ns_f_qr), 1);
  EXPECT_EQ(libc.Flag(ns_f_opcode), ns_o_query);
  EXPECT_EQ(libc.Flag(ns_f_aa), 0);
  EXPECT_EQ(libc.Flag(ns_f_tc), 0);
  EXPECT_EQ(libc.Flag(ns_f_rd), 1);
  EXPECT_EQ(libc.Flag(ns_f_ra), 1);
  EXPECT_EQ(libc.Flag(ns_f_ad), 0);
  EXPECT_EQ(libc.Flag(ns_f_cd), 1);
  EXPECT_EQ(libc.Flag(ns_f_rcode), ns_r_noerror);
  ASSERT_EQ(libc.Count(ns_s_qd), 1);
  ASSERT_EQ(libc.Count(ns_s_an), 5);
  ASSERT_EQ(libc.Count(ns_s_ns), 0);
  ASSERT_EQ(libc.Count(ns_s_ar), 1);
  EXPECT_EQ(libc.Print(ns_s_an, 0), "wWw.test 60 1 198.18.0.7");
  EXPECT_EQ(libc.Print(ns_s_an, 1), "wWw.test 3600 28 100::1:2");
  EXPECT_EQ(libc.Print(ns_s_an, 2), "wWw.test 1 12 Host.Test");
  EXPECT_EQ(libc.Print(ns_s_an, 3), "wWw.test 1 5 b\\\\c\\255");
  EXPECT_EQ(libc.Print(ns_s_an, 4), "wWw.test 1 12 " + longest);
  const auto opt = libc.Record(ns_s_ar, 0);
  ASSERT_TRUE(opt);
  EXPECT_EQ(ns_rr_type(*opt), ns_t_opt);
  EXPECT_EQ(ns_rr_ttl(*opt), 0x8000);
}

TEST(DnsLibcTest, LibcReadsTruncatedResponsesAndRefusals) {
  const DnsBytes query = Wire("1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 00 0029 1000 00000000 0000");
  const DnsReading reading = ReadDnsQuery(query);
  ASSERT_EQ(reading.kind, DnsReading::kQuery);
  const IpAddress v4 = *IpAddress::Parse("198.18.0.7");
  const std::vector<DnsRecord> records(100, {.type = DnsType::kA, .ttl = 60, .address = &v4});
  DnsBytes truncated(512);
  truncated.resize(WriteDnsResponse(reading.query, DnsRcode::kNoError, records, 512, truncated));
  LibcMessage libc(truncated);
  ASSERT_TRUE(libc.parsed);
  EXPECT_EQ(libc.Flag(ns_f_tc), 1);
  EXPECT_EQ(libc.Count(ns_s_an), 0);
  EXPECT_EQ(libc.Count(ns_s_ar), 1);

  const struct {
    const char* message;
    int rcode;
  } kRefused[] = {
      {"1234 0100 0000 0000 0000 0000", ns_r_formerr},
      {"1234 1000 0000 0000 0000 0000", ns_r_notimpl},
      {"1234 0100 0001 0000 0000 0001 01'a'00 0001 0001 00 0029 1000 00010000 0000", ns_r_noerror},
  };
  for (const auto& test : kRefused) {
    const DnsBytes message = Wire(test.message);
    DnsBytes refusal(512);
    refusal.resize(WriteDnsRefusal(ReadDnsQuery(message), message, refusal));
    LibcMessage libc_refusal(refusal);
    ASSERT_TRUE(libc_refusal.parsed) << test.message;
    EXPECT_EQ(libc_refusal.Flag(ns_f_qr), 1) << test.message;
    EXPECT_EQ(libc_refusal.Flag(ns_f_rcode), test.rcode) << test.message;
  }
}

}  // namespace
}  // namespace socksify
