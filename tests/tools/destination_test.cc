// SPDX-License-Identifier: BSD-2-Clause
#include "tools/destination.h"

#include <gtest/gtest.h>

namespace socksify {
namespace {

std::optional<uint16_t> ServicePort(const std::string& name, const char* transport) {
  if (name == "http" && std::string_view(transport) == "tcp") return 80;
  if (name == "domain") return 53;
  return std::nullopt;
}

TEST(DestinationTest, ReadsEveryForm) {
  struct {
    std::string_view text;
    std::string_view endpoint;
    Transport transport;
  } const cases[] = {
      {"web.test:80", "web.test:80", Transport::kTcp},
      {"web.test:http", "web.test:80", Transport::kTcp},
      {"web.test:443/tcp", "web.test:443", Transport::kTcp},
      {"10.0.0.1:domain/udp", "10.0.0.1:53", Transport::kUdp},
      {"[2001:db8::1]:65535", "[2001:db8::1]:65535", Transport::kTcp},
      {"[::ffff:10.0.0.1]:1", "10.0.0.1:1", Transport::kTcp},
  };
  for (const auto& c : cases) {
    const auto destination = ParseDestination(c.text, &ServicePort);
    ASSERT_TRUE(destination.has_value()) << c.text << ": " << destination.error();
    EXPECT_EQ(destination->endpoint.ToString(), c.endpoint);
    EXPECT_EQ(destination->transport, c.transport) << c.text;
  }
}

TEST(DestinationTest, SaysWhatItExpected) {
  const std::string form = "expected HOST:PORT or HOST:PORT/udp, found ";
  const std::string port = "expected a port from 1 to 65535 or the name of a service, found ";
  const std::pair<std::string, std::string> cases[] = {
      {"web.test", form + "'web.test'"},
      {"", form + "''"},
      {":80", form + "':80'"},
      {"web.test:", port + "''"},
      {"web.test:0", port + "'0'"},
      {"web.test:65536", port + "'65536'"},
      {"web.test:-1", port + "'-1'"},
      {"web.test:80x", port + "'80x'"},
      {"web.test:http/udp", port + "'http'"},
      {"web.test:80/sctp", "expected tcp or udp behind the '/', found 'sctp'"},
      {"::1:80", "expected an IPv6 address in brackets, such as [::1]:80, found '::1:80'"},
      {"[web.test]:80", "expected a host name or an address, found '[web.test]'"},
  };
  for (const auto& [text, message] : cases) {
    const auto destination = ParseDestination(text, &ServicePort);
    ASSERT_FALSE(destination.has_value()) << text;
    EXPECT_EQ(destination.error(), message);
  }
}

}  // namespace
}  // namespace socksify
