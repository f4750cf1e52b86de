// SPDX-License-Identifier: BSD-2-Clause
#include "base/endpoint.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <type_traits>

namespace socksify {
namespace {

static_assert(std::is_trivially_copyable_v<Endpoint>, "it may live in shared memory");

TEST(EndpointTest, DefaultIsNowhere) {
  EXPECT_FALSE(Endpoint().is_name());
  EXPECT_EQ(Endpoint().ToString(), "0.0.0.0:0");
}

TEST(EndpointTest, ReadsHosts) {
  const struct {
    std::string_view host;
    bool is_name;
    std::string_view text;
  } kCases[] = {
      {"10.0.0.1", false, "10.0.0.1:80"},
      {"::1", false, "[::1]:80"},
      {"[::1]", false, "[::1]:80"},
      {"fe80::1%2", false, "[fe80::1%2]:80"},
      {"web.test", true, "web.test:80"},
      {"WEB.test.", true, "WEB.test.:80"},
      {"1.2.3", true, "1.2.3:80"},
      {"300.1.1.1", true, "300.1.1.1:80"},
      {"[", true, "[:80"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.host);
    const std::optional<Endpoint> endpoint = Endpoint::FromHost(test.host, 80);
    ASSERT_TRUE(endpoint.has_value());
    EXPECT_EQ(endpoint->is_name(), test.is_name);
    EXPECT_EQ(endpoint->name(), test.is_name ? test.host : "");
    EXPECT_EQ(endpoint->port(), 80);
    EXPECT_EQ(endpoint->ToString(), test.text);
  }
}

TEST(EndpointTest, RejectsWhatIsNoHost) {
  for (const std::string_view host : {"", "[]", "[10.0.0.1]", "[web.test]", "[::1%eth0]"}) {
    EXPECT_FALSE(Endpoint::FromHost(host, 80).has_value()) << host;
  }
}

TEST(EndpointTest, NamesHaveAtMost255BytesAndNoNul) {
  const std::string longest(255, 'n');
  ASSERT_TRUE(Endpoint::FromName(longest, 1).has_value());
  EXPECT_EQ(Endpoint::FromName(longest, 1)->name(), longest);
  EXPECT_FALSE(Endpoint::FromName(longest + 'n', 1).has_value());
  EXPECT_FALSE(Endpoint::FromName("", 1).has_value());
  EXPECT_FALSE(Endpoint::FromName(std::string_view("a\0b", 3), 1).has_value());
}

TEST(EndpointTest, FromNameLooksForNoAddress) {
  const Endpoint endpoint = Endpoint::FromName("10.0.0.1", 80).value();
  EXPECT_TRUE(endpoint.is_name());
  EXPECT_EQ(endpoint.ip(), IpAddress());
  EXPECT_NE(endpoint, Endpoint::FromHost("10.0.0.1", 80).value());
}

TEST(EndpointTest, HostIsWrittenWithoutBrackets) {
  EXPECT_EQ(Endpoint::FromHost("[2001:db8::1]", 80)->HostToString(), "2001:db8::1");
  EXPECT_EQ(Endpoint::FromHost("10.0.0.1", 80)->HostToString(), "10.0.0.1");
  EXPECT_EQ(Endpoint::FromHost("web.test", 80)->HostToString(), "web.test");
}

TEST(EndpointTest, EqualityTakesEveryPart) {
  const Endpoint web = Endpoint::FromHost("web.test", 80).value();
  EXPECT_EQ(web, Endpoint::FromName("web.test", 80).value());
  EXPECT_NE(web, Endpoint::FromName("web.test", 81).value());
  EXPECT_NE(web, Endpoint::FromName("web.tes", 80).value());
  EXPECT_NE(web, Endpoint::FromName("Web.test", 80).value());
  EXPECT_NE(Endpoint::FromHost("10.0.0.1", 80).value(), Endpoint::FromHost("10.0.0.2", 80).value());
  Endpoint moved = web;
  moved.set_port(81);
  EXPECT_EQ(moved, Endpoint::FromName("web.test", 81).value());
}

}  // namespace
}  // namespace socksify
