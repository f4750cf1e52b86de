// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/host_name.h"

#include <gtest/gtest.h>

#include <string>

namespace socksify {
namespace {

using std::string_literals::operator""s;

const std::string kLabel(63, 'a');
const std::string kLongest = kLabel + "." + kLabel + "." + kLabel + "." + std::string(61, 'b');

TEST(HostNameTest, TakesWhatGlibcAsksFor) {
  ASSERT_EQ(kLongest.size(), kMaxHostNameSize);
  for (const std::string& name :
       {"a"s, "web.test"s, "web.test."s, "WEB.Test"s, kLabel + ".test", kLongest, kLongest + ".",
        "_sip._tcp.test"s, "a-.test"s, "a.-b.test"s, "1a"s, "1.2.3.4.a"s, "web.1"s, "xn--bcher-kva.test"s}) {
    EXPECT_TRUE(IsHostName(name)) << name;
  }
}

TEST(HostNameTest, RefusesWhatGlibcRefuses) {
  for (const std::string& name : {""s,
                                  "."s,
                                  ".."s,
                                  "web.test.."s,
                                  "a..b"s,
                                  ".web.test"s,
                                  kLabel + "a.test",
                                  kLongest + "b",
                                  kLongest + "b.",
                                  std::string(254, 'a'),
                                  std::string(255, 'a'),
                                  std::string(1000, 'a'),
                                  "-a.test"s,
                                  "a b.test"s,
                                  " a.test"s,
                                  "a.test "s,
                                  "a\tb.test"s,
                                  "a\nb.test"s,
                                  "a\rb.test"s,
                                  "a\x1b[31m.test"s,
                                  "a\x7f.test"s,
                                  "a\0b.test"s,
                                  "\0"s,
                                  "a/b.test"s,
                                  "*.test"s,
                                  "a@b.test"s,
                                  "a:1.test"s,
                                  "a\"b.test"s,
                                  "a\\b.test"s,
                                  "a%b.test"s,
                                  "123456789012"s,
                                  "99999999999"s,
                                  "256.1.1.1"s,
                                  "1.2.3.4.5"s}) {
    EXPECT_FALSE(IsHostName(name)) << name;
  }
}

TEST(HostNameTest, BytesPastAsciiAreTheProxysAffair) {
  EXPECT_TRUE(
      IsHostName("b\xc3\xbc"
                 "cher.test"));
  EXPECT_TRUE(IsHostName("\xff\x80.test"));
}

// To the proxy it would be an address, which rules for names let pass.
TEST(HostNameTest, AnAddressIsNoName) {
  for (const char* name :
       {"10.0.0.1", "10.0.0.1.", "127.1", "127.1.", "0x7f000001", "0x7f000001.", "0x7f.1.", "1."}) {
    EXPECT_FALSE(IsHostName(name)) << name;
  }
}

}  // namespace
}  // namespace socksify
