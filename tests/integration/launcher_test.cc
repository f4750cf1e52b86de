// SPDX-License-Identifier: BSD-2-Clause
// The launcher with the real library, and what the two report.

#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/integration/preload_fixture.h"

namespace socksify {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class LauncherTest : public PreloadTest {
 protected:
  ProgramOutcome Launch(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"-p", ProxyUrl(server_)});
    return LaunchBy(std::move(arguments));
  }
  ProgramOutcome LaunchBy(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), SOCKSIFY_LAUNCHER);
    ProgramOptions plain = options_;
    plain.environment["LD_PRELOAD"] = preloaded_;
    plain.environment["SOCKSIFY_PROXY"] = std::nullopt;
    return RunProgram(arguments, plain);
  }
  static std::string Victim(const char* name) { return std::string(SOCKSIFY_VICTIMS) + "/victim-" + name; }
  std::string Read(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::optional<std::string> preloaded_;
};

TEST_F(LauncherTest, SaysNothingUnlessAsked) {
  const ProgramOutcome outcome = Launch({Victim("connect"), "echo.test", "7"});
  EXPECT_EQ(outcome.out, "echo hello\npeer is target: 1\ndescriptors more: 1\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(LauncherTest, VerboseWritesALinePerConnection) {
  const ProgramOutcome outcome = Launch({"-v", Victim("connect"), "echo.test", "7"});
  EXPECT_THAT(outcome.err, MatchesRegex("socksify: victim-connect\\[[0-9]+\\] echo.test:7 via socks5 "
                                        "127.0.0.1:[0-9]+ \\(-p\\) [0-9]+\\.[0-9] ms\n"));
  const ProgramOutcome refused = Launch({"-v", Victim("connect"), "refused.test", "7"});
  EXPECT_THAT(refused.err,
              MatchesRegex("socksify: victim-connect\\[[0-9]+\\] refused.test:7 via socks5 127.0.0.1:[0-9]+ "
                           "\\(-p\\): ECONNREFUSED, connection refused [0-9]+\\.[0-9] ms\n"));
}

TEST_F(LauncherTest, LogAndTraceGoToTheirFiles) {
  const std::string log = directory_ + "/log";
  const std::string trace = directory_ + "/trace";
  const ProgramOutcome outcome =
      Launch({"--log", log, "--trace", trace, Victim("connect"), "echo.test", "7"});
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(Read(log), HasSubstr("echo.test:7 via socks5 127.0.0.1:"));
  std::vector<nlohmann::json> events;
  std::istringstream lines(Read(trace));
  for (std::string line; std::getline(lines, line);) events.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0]["event"], "resolve");
  EXPECT_EQ(events[0]["name"], "echo.test");
  EXPECT_EQ(events[1]["event"], "connect");
  EXPECT_EQ(events[1]["destination"], "echo.test:7");
  EXPECT_EQ(events[1]["rule"], "-p");
  EXPECT_EQ(events[1]["outcome"], "ok");
  EXPECT_EQ(events[1]["protocol"], "tcp");
  EXPECT_EQ(events[1]["program"], "victim-connect");
  EXPECT_TRUE(events[1]["ms"].is_number());
  // Of the program's own bytes: the handshake's are not counted.
  EXPECT_EQ(events[2]["event"], "close");
  EXPECT_EQ(events[2]["socket"], events[1]["socket"]);
  EXPECT_EQ(events[2]["sent"], 5);
  EXPECT_EQ(events[2]["received"], 5);
}

TEST_F(LauncherTest, AServerThatFailsIsNamedBeforeTheNextIsTried) {
  const std::string trace = directory_ + "/trace";
  const ProgramOutcome outcome = LaunchBy({"-p", "socks5://127.0.0.1:1", "-p", ProxyUrl(server_), "-v",
                                           "--trace", trace, Victim("connect"), "echo.test", "7"});
  EXPECT_EQ(outcome.out, "echo hello\npeer is target: 1\ndescriptors more: 1\n");
  EXPECT_THAT(
      outcome.err,
      MatchesRegex("socksify: victim-connect\\[[0-9]+\\] echo.test:7 not by socks5 127.0.0.1:1 \\(-p\\): "
                   "ECONNREFUSED, cannot reach the proxy [0-9]+\\.[0-9] ms; trying the next\n"
                   "socksify: victim-connect\\[[0-9]+\\] echo.test:7 via socks5 127.0.0.1:[0-9]+ \\(-p\\) "
                   "[0-9]+\\.[0-9] ms\n"));
  EXPECT_THAT(Read(trace),
              HasSubstr(R"("event":"trial","destination":"echo.test:7","protocol":"tcp","rule":"-p",)"
                        R"("path":"socks5 127.0.0.1:1","server":"socks5 127.0.0.1:1","ms":)"));
}

TEST_F(LauncherTest, ExtendsWhatIsPreloadedAlready) {
  preloaded_ = "libutil.so.1";
  const ProgramOutcome outcome = Launch({"sh", "-c", "echo $LD_PRELOAD"});
  EXPECT_THAT(outcome.out, HasSubstr("libutil.so.1"));
  EXPECT_THAT(outcome.out, HasSubstr("libsocksify.so"));
}

TEST_F(LauncherTest, AShellAndItsCommandsShareNames) {
  const ProgramOutcome outcome =
      Launch({"sh", "-c",
              "a=$(getent ahostsv4 echo.test | head -n1 | cut -d' ' -f1); " + Victim("connect") + " $a 7"});
  EXPECT_EQ(outcome.out, "echo hello\npeer is target: 1\ndescriptors more: 1\n");
  EXPECT_EQ(server_.requests().back().host, "echo.test");
}

}  // namespace
TEST_F(LauncherTest, ATraceThatNobodyReadsStopsNobody) {
  const std::string fifo = directory_ + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const ProgramOutcome outcome = Launch({"--trace", fifo, Victim("connect"), "echo.test", "7"});
  EXPECT_EQ(outcome.out, "echo hello\npeer is target: 1\ndescriptors more: 1\n");
}

TEST_F(LauncherTest, AReaderThatIsGoneEndsNobody) {
  const ProgramOutcome outcome = Launch(
      {"-v", "sh", "-c",
       "{ sleep 0.2; " + Victim("connect") + " echo.test 7 >" + directory_ + "/out; echo $? >" + directory_ +
           "/status; } 2>&1 | true; while [ ! -s " + directory_ + "/status ]; do sleep 0.05; done"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(Read(directory_ + "/status"), "0\n");
  EXPECT_EQ(Read(directory_ + "/out"), "echo hello\npeer is target: 1\ndescriptors more: 1\n");
}

}  // namespace socksify
