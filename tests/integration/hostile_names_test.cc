// SPDX-License-Identifier: BSD-2-Clause
// Names that are long, odd or meant to do harm: what getaddrinfo(3) and gethostbyname(3) say to them, what
// the proxy is given, and what comes into a log.

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tests/integration/preload_fixture.h"

namespace socksify {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kLabel(63, 'a');
const std::string kLongest = kLabel + "." + kLabel + "." + kLabel + "." + std::string(61, 'b');

class HostileNamesTest : public PreloadTest {
 protected:
  std::string Look(const char* kind, const std::string& name) const {
    return Run("lookup", {kind, name}).out;
  }
  std::string ReadTrace() const {
    std::ifstream file(directory_ + "/trace");
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(HostileNamesTest, TheLongestNamesAndLabelsGetAnAddress) {
  ASSERT_EQ(kLongest.size(), 253U);
  for (const std::string& name : {kLongest, kLongest + ".", kLabel + ".test", std::string("a-._x.test")}) {
    EXPECT_THAT(Look("v4", name), StartsWith("198.18.0.")) << name;
    EXPECT_THAT(Look("byname", name), StartsWith(name + " 198.18.0.")) << name;
  }
}

// libc says so too, and asks nobody.
TEST_F(HostileNamesTest, WhatDnsCannotSayIsNoName) {
  const std::vector<std::string> names = {kLongest + "b",
                                          kLongest + "b.",
                                          std::string(255, 'a'),
                                          std::string(256, 'a'),
                                          std::string(300, 'a'),
                                          kLabel + "a.test",
                                          "a..b",
                                          ".web.test",
                                          "web.test..",
                                          "..",
                                          "",
                                          "123456789012",
                                          "1.2.3.4.5",
                                          "a b.test",
                                          "a\nb.test",
                                          "a\r\nX: y.test",
                                          "a\x1b[31m.test",
                                          "a\x7f.test",
                                          "-a.test",
                                          "a/b.test",
                                          "a@b.test",
                                          "a:22.test"};
  for (const std::string& name : names) {
    EXPECT_EQ(RunDirect("lookup", {"v4", name}).out, "error -2\n") << name;
    EXPECT_EQ(Look("v4", name), "error -2\n") << "EAI_NONAME: " << name;
    EXPECT_EQ(Look("v6", name), "error -2\n") << name;
    EXPECT_EQ(Look("byname", name), "h_errno 1\n") << "HOST_NOT_FOUND: " << name;
  }
}

// The proxy would take it for an address, whose rules the program has not met.
TEST_F(HostileNamesTest, AnAddressWithADotBehindItIsNoName) {
  EXPECT_EQ(Look("v4", "10.0.0.1."), "error -2\n");
  EXPECT_EQ(Look("v4", "0x7f000001."), "error -2\n");
}

TEST_F(HostileNamesTest, OneNameHasOneAddressHoweverItIsSpelt) {
  const std::string address = Look("v4", "Echo.TEST");
  EXPECT_EQ(Look("v4", "echo.test."), address);
  EXPECT_EQ(Look("v4", "ECHO.test"), address);
  EXPECT_EQ(Run("connect", {"ECHO.Test", "7"}).exit_code, 0);
  EXPECT_EQ(server_.requests().back().host, "echo.test") << "in lower case, whatever came first";
}

TEST_F(HostileNamesTest, BytesPastAsciiReachTheProxyAsTheyAre) {
  const std::string name = "b\xc3\xbc\xff.test";
  server_.AddEcho(name);
  options_.environment["SOCKSIFY_VERBOSE"] = "1";
  const ProgramOutcome outcome = Run("connect", {name, "7"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(server_.requests().back().host, name);
  EXPECT_THAT(outcome.err, HasSubstr(" b\\195\\188\\255.test:7 via ")) << "never raw in a log";
}

TEST_F(HostileNamesTest, ARefusedNameCannotForgeALineOfTheTrace) {
  options_.environment["SOCKSIFY_TRACE"] = directory_ + "/trace";
  EXPECT_EQ(Look("v4", "a\n{\"event\":\"forged\"}.test"), "error -2\n");
  const std::string trace = ReadTrace();
  EXPECT_EQ(std::ranges::count(trace, '\n'), 1);
  EXPECT_THAT(trace, HasSubstr(R"("name":"a\u000a{\"event\":\"forged\"}.test","outcome":"EINVAL"})"));
}

}  // namespace
}  // namespace socksify
