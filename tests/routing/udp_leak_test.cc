// SPDX-License-Identifier: BSD-2-Clause
// Warnings of datagrams that go direct because the proxies of their route cannot carry them.
#include <gtest/gtest.h>

#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

// "LINE<LINE " for each route that a direct one takes the datagrams of.
std::string LeaksOf(const std::string& text) {
  FakeMachine machine;
  const auto config = machine.LoadText(text);
  if (!config) return FakeMachine::Join(config);
  std::string leaks;
  for (const Diagnostic& warning : config->warnings) {
    constexpr std::string_view kBefore = "UDP to these destinations goes direct, by test.conf:";
    if (!warning.message.starts_with(kBefore)) continue;
    const std::string rest = warning.message.substr(kBefore.size());
    leaks += std::to_string(warning.where.line) + "<" + rest.substr(0, rest.find(':')) + " ";
  }
  return leaks;
}

TEST(UdpLeakTest, SaysWhatGoesPastTheProxyAndHowToMendIt) {
  FakeMachine machine;
  const auto config =
      machine.LoadText("route { to: 10.0.0.0/8 via: http://10.0.0.1:3128 }\nroute { to: 0/0 via: direct }\n");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(
      FakeMachine::Join(config->warnings),
      "test.conf:1:1: warning: UDP to these destinations goes direct, by test.conf:2: the servers of this "
      "route cannot carry it\n"
      "  route { to: 10.0.0.0/8 via: http://10.0.0.1:3128 }\n"
      "  ^\n"
      "  block it: route { from: 0/0 to: .. protocol: udp via: block }; or write 'protocol: tcp' in this "
      "route\n");
}

TEST(UdpLeakTest, WarnsOfClearCasesAlone) {
  const struct {
    const char* text;
    const char* leaks;
  } kCases[] = {
      {"route { to: .a via: socks4://h.test }\nroute { to: 0/0 via: direct }\n", "1<2 "},
      {"route { to: 10.0.0.0/8 via: http://h.test, socks4a://h.test }\nroute { to: .a via: block }\n"
       "route { to: 10.0.0.0/7 via: direct }\n",
       "1<3 "},
      {"route { to: .a via: socks5://h.test then http://h.test }\nroute { to: 0/0 via: direct }\n", "1<2 "},
      {"route { to: .a command: connect udpassociate via: http://h.test }\nroute { to: 0/0 via: direct }\n",
       "1<2 "},
      {"route { to: .a user: 1 via: http://h.test }\nroute { to: 0/0 user: 1 2 via: direct }\n", "1<2 "},
      {"route { to: .a process: x via: http://h.test }\nroute { to: 0/0 via: direct }\n", "1<2 "},
      // The proxies carry it, or it is not for them.
      {"route { to: .a via: h.test }\nroute { to: 0/0 via: direct }\n", ""},
      {"route { to: .a via: http://h.test, socks5://h.test }\nroute { to: 0/0 via: direct }\n", ""},
      {"route { to: .a protocol: tcp via: http://h.test }\nroute { to: 0/0 via: direct }\n", ""},
      {"route { to: .a command: connect via: http://h.test }\nroute { to: 0/0 via: direct }\n", ""},
      {"route { to: .a via: direct }\nroute { to: 0/0 via: direct }\n", ""},
      {"route { to: .a via: http://h.test fallback: direct }\nroute { to: 0/0 via: direct }\n", ""},
      // It goes elsewhere, before or behind.
      {"route { to: .a via: http://h.test }\nroute { to: .a protocol: udp via: block }\n"
       "route { to: 0/0 via: direct }\n",
       ""},
      {"route { to: 0/0 protocol: udp via: h.test }\nroute { to: .a via: http://h.test }\n"
       "route { to: 0/0 via: direct }\n",
       ""},
      {"route { to: 0/0 protocol: udp via: direct }\nroute { to: .a via: http://h.test }\n"
       "route { to: 0/0 via: direct }\n",
       ""},
      {"route { to: .a via: http://h.test }\nroute { to: 0/0 via: direct fallback: h.test }\n", ""},
      {"route { to: .a via: http://h.test }\n", ""},
      // Not all of it goes direct.
      {"route { to: 10.0.0.0/8 via: http://h.test }\nroute { to: 10.1.0.0/16 via: direct }\n", ""},
      {"route { to: .a via: http://h.test }\nroute { to: 0/0 protocol: tcp via: direct }\n", ""},
      {"route { to: .a via: http://h.test }\nroute { to: 0/0 port = 53 via: direct }\n", ""},
      {"route { to: .a via: http://h.test }\nroute { to: 0/0 process: x via: direct }\n", ""},
      {"route { to: .a user: 1 2 via: http://h.test }\nroute { to: 0/0 user: 1 via: direct }\n", ""},
      // It does for all that are known here.
      {"route { to: .a user: 1 carol via: http://h.test }\nroute { to: 0/0 user: 1 via: direct }\n", "1<2 "},
      // This route is remarked on anyway.
      {"route { to: .a protocol: udp via: http://h.test }\nroute { to: 0/0 via: direct }\n", ""},
  };
  for (const auto& test : kCases) EXPECT_EQ(LeaksOf(test.text), test.leaks) << test.text;
}

TEST(UdpLeakTest, LooksThroughLongFilesAndSaysItTwentyTimes) {
  std::string text;
  for (size_t i = 0; i < 20'000; ++i)
    text += "route { to: host" + std::to_string(i) + ".test via: http://h.test }\n";
  text += "route { to: 0/0 via: direct }\n";
  std::string expected;
  for (size_t i = 1; i <= 20; ++i) expected += std::to_string(i) + "<20001 ";
  EXPECT_EQ(LeaksOf(text), expected);
}

}  // namespace
}  // namespace socksify
