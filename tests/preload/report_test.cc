// SPDX-License-Identifier: BSD-2-Clause
#include "preload/report.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace socksify {
namespace {

std::string g_log;
std::string g_trace;

const char* FakeEnvironment(const char* name) {
  if (std::string_view(name) == "SOCKSIFY_LOG") return g_log.empty() ? nullptr : g_log.c_str();
  if (std::string_view(name) == "SOCKSIFY_TRACE") return g_trace.empty() ? nullptr : g_trace.c_str();
  return nullptr;
}

class ReportTest : public testing::Test {
 protected:
  ReportTest() {
    std::string pattern = testing::TempDir() + "report-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    g_log = directory_ + "/log";
    g_trace = directory_ + "/trace";
    rule_.where = {.source = std::make_shared<const std::string>("/etc/socks.conf"), .line = 12, .column = 1};
    server_.address = Endpoint::FromIp(IpAddress::V4(0x0a000301), 1080);
    server_.protocols = kServerSocks5;
    target_.kind = Target::Kind::kProxies;
    target_.hops = {&server_};
  }
  ~ReportTest() override { std::filesystem::remove_all(directory_); }

  static std::string Read(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // The log's line from the program's "]" on.
  static std::string Line() {
    const std::string text = Read(g_log);
    return text.substr(std::min(text.find("] "), text.size() - 2) + 2);
  }

  std::string directory_;
  Server server_;
  Target target_;
  Rule rule_;
  Endpoint destination_ = *Endpoint::FromName("web.test", 80);
  ConnectionReporter reporter_;
};

TEST_F(ReportTest, WritesALineAndAnObjectForAConnection) {
  reporter_.Configure(Settings(), &FakeEnvironment);
  EXPECT_TRUE(reporter_.wants_connections());
  errno = 99;
  reporter_.Connection({.destination = destination_, .rule = &rule_, .target = &target_, .elapsed_us = 3210});
  EXPECT_EQ(errno, 99);
  EXPECT_EQ(Line(), "web.test:80 via socks5 10.0.3.1:1080 (socks.conf:12) 3.2 ms\n");
  const auto event = nlohmann::json::parse(Read(g_trace));
  EXPECT_EQ(event["rule"], "/etc/socks.conf:12");
  EXPECT_EQ(event["path"], "socks5 10.0.3.1:1080");
  EXPECT_EQ(event["ms"], 3.2);
  EXPECT_EQ(event["outcome"], "ok");
  EXPECT_EQ(event["time"].get<std::string>().size(), std::string("2026-01-02T03:04:05.678Z").size());
}

TEST_F(ReportTest, SaysWhyAConnectionFailed) {
  reporter_.Configure(Settings(), &FakeEnvironment);
  const Failure failure = {Fault::kDestination, ECONNREFUSED, 5, "connection refused"};
  reporter_.Connection(
      {.destination = destination_, .rule = &rule_, .target = &target_, .failure = &failure});
  EXPECT_EQ(
      Line(),
      "web.test:80 via socks5 10.0.3.1:1080 (socks.conf:12): ECONNREFUSED, connection refused 0.0 ms\n");
  EXPECT_EQ(nlohmann::json::parse(Read(g_trace))["outcome"], "ECONNREFUSED");
}

TEST_F(ReportTest, HasWordsForWhatNeverLeft) {
  reporter_.Configure(Settings(), &FakeEnvironment);
  const Failure failure = {Fault::kDestination, ENETUNREACH, -1, "no rule matches"};
  reporter_.Connection({.destination = destination_, .protocol = "udp", .failure = &failure});
  EXPECT_EQ(Line(), "web.test:80/udp not sent (no rule): ENETUNREACH, no rule matches 0.0 ms\n");
}

TEST_F(ReportTest, IsSilentUnlessAsked) {
  const std::string log = std::exchange(g_log, "");
  const std::string trace = std::exchange(g_trace, "");
  reporter_.Configure(Settings(), &FakeEnvironment);
  EXPECT_FALSE(reporter_.wants_connections());
  reporter_.Connection({.destination = destination_, .rule = &rule_, .target = &target_});
  EXPECT_FALSE(std::filesystem::exists(log));
  EXPECT_FALSE(std::filesystem::exists(trace));
}

TEST_F(ReportTest, TheConfigurationsLogGetsFailuresAndWithDebugEverything) {
  const std::string log = std::exchange(g_log, "");
  g_trace.clear();
  Settings settings;
  settings.log_outputs = {log};
  reporter_.Configure(settings, &FakeEnvironment);
  reporter_.Connection({.destination = destination_, .rule = &rule_, .target = &target_});
  EXPECT_FALSE(std::filesystem::exists(log));
  const Failure failure = {Fault::kServer, ETIMEDOUT, -1, "the proxy fell silent"};
  reporter_.Connection(
      {.destination = destination_, .rule = &rule_, .target = &target_, .failure = &failure});
  EXPECT_NE(Read(log).find("ETIMEDOUT, the proxy fell silent"), std::string::npos);
  settings.debug = 1;
  reporter_.Configure(settings, &FakeEnvironment);
  reporter_.Connection({.destination = destination_, .rule = &rule_, .target = &target_});
  EXPECT_NE(Read(log).find("(socks.conf:12) 0.0 ms"), std::string::npos);
}

TEST_F(ReportTest, ConfigurationErrorsAreOneLine) {
  reporter_.Configure(Settings(), &FakeEnvironment);
  Diagnostic first;
  first.where = rule_.where;
  first.message = "expected a port number, found 'htp'";
  reporter_.ConfigurationError({first, Diagnostic()});
  EXPECT_NE(
      Read(g_log).find("]: connections are refused: /etc/socks.conf:12: expected a port number, found 'htp' "
                       "(and 1 more); `socksctl check` explains\n"),
      std::string::npos)
      << Read(g_log);
}

}  // namespace
}  // namespace socksify
