// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <string>

#include "resolver/dns_message.h"

namespace socksify {
namespace {

constexpr const char* kV6 = "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa";

TEST(DnsReverseTest, ReadsAddresses) {
  const struct {
    std::string name;
    const char* address;
  } kCases[] = {
      {"1.0.0.127.in-addr.arpa", "127.0.0.1"},
      {"4.3.2.1.in-addr.arpa", "1.2.3.4"},
      {"0.0.18.198.in-addr.arpa.", "198.18.0.0"},
      {"255.255.255.255.IN-ADDR.ARPA", "255.255.255.255"},
      {"0.0.0.0.In-Addr.Arpa", "0.0.0.0"},
      {kV6, "4321:0:1:2:3:4:567:89ab"},  // the example of RFC 3596 section 2.5
      {std::string(kV6) + '.', "4321:0:1:2:3:4:567:89ab"},
      {"B.A.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.IP6.ARPA", "4321:0:1:2:3:4:567:89ab"},
  };
  for (const auto& test : kCases) {
    const auto address = AddressOfReverseName(test.name);
    ASSERT_TRUE(address) << test.name;
    EXPECT_EQ(address->ToString(), test.address) << test.name;
  }
}

TEST(DnsReverseTest, RefusesOtherNames) {
  const std::string v6 = kV6;
  for (const std::string& name : {
           std::string(),
           std::string("."),
           std::string("arpa"),
           std::string("in-addr.arpa"),
           std::string(".in-addr.arpa"),
           std::string("127.in-addr.arpa"),
           std::string("0.0.127.in-addr.arpa"),
           std::string("5.4.3.2.1.in-addr.arpa"),
           std::string("4.3.2.1in-addr.arpa"),
           std::string("4.3.2.1.xin-addr.arpa"),
           std::string("4.3.2.1.x.in-addr.arpa"),
           std::string("4.3.2.1.in-addr.arpa.test"),
           std::string("4.3.2.1.in-addr.arpa.."),
           std::string("4.3.2.256.in-addr.arpa"),
           std::string("4.3.2.99999999999.in-addr.arpa"),
           std::string("4.3.2.-1.in-addr.arpa"),
           std::string("4.3.2.+1.in-addr.arpa"),
           std::string("4.3.2.01.in-addr.arpa"),
           std::string("00.3.2.1.in-addr.arpa"),
           std::string("4.3..1.in-addr.arpa"),
           std::string(".4.3.2.1.in-addr.arpa"),
           std::string("4.3.2.a.in-addr.arpa"),
           std::string("4.3.2.1.ip6.arpa"),
           std::string("64/26.2.0.192.in-addr.arpa"),  // a delegation (RFC 2317), no address
           std::string("b._dns-sd._udp.0.0.0.127.in-addr.arpa"),
           std::string("ip6.arpa"),
           v6.substr(2),
           "0." + v6,
           'g' + v6.substr(1),
           "0b" + v6.substr(1),
           "bb" + v6.substr(1),
           "bx" + v6.substr(1),
           '.' + v6.substr(1),
           v6 + ".test",
           std::string("4.3.2.1.in-addr.\0arpa", 21),
       }) {
    EXPECT_FALSE(AddressOfReverseName(name)) << name;
  }
}

}  // namespace
}  // namespace socksify
