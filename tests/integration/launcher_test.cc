// SPDX-License-Identifier: BSD-2-Clause
// The launcher with the real library, and what the two report.

#include <unistd.h>

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
    arguments.insert(arguments.begin(), {SOCKSIFY_LAUNCHER, "-p", ProxyUrl(server_)});
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
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0]["event"], "resolve");
  EXPECT_EQ(events[0]["name"], "echo.test");
  EXPECT_EQ(events[1]["event"], "connect");
  EXPECT_EQ(events[1]["destination"], "echo.test:7");
  EXPECT_EQ(events[1]["rule"], "-p");
  EXPECT_EQ(events[1]["outcome"], "ok");
  EXPECT_EQ(events[1]["protocol"], "tcp");
  EXPECT_EQ(events[1]["program"], "victim-connect");
  EXPECT_TRUE(events[1]["ms"].is_number());
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

class IoUringTest : public LauncherTest {
 protected:
  static constexpr const char* kDenied =
      "parent, libc: ENOSYS\nparent, itself: ENOSYS\nchild, libc: ENOSYS\nchild, itself: ENOSYS\n";
  static bool IsRoot() { return geteuid() == 0; }
  // Without root's privileges.
  ProgramOutcome LaunchUnprivileged(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=65534",
                                         "--clear-groups", SOCKSIFY_LAUNCHER, "-p", ProxyUrl(server_)});
    ProgramOptions plain = options_;
    plain.environment["LD_PRELOAD"] = std::nullopt;
    plain.environment["SOCKSIFY_PROXY"] = std::nullopt;
    return RunProgram(arguments, plain);
  }
};

TEST_F(IoUringTest, IsDeniedToAllThatIsStarted) {
  const ProgramOutcome outcome = Launch({"--io-uring=deny", Victim("iouring")});
  EXPECT_EQ(outcome.out, std::string(IsRoot() ? "no_new_privs 0\n" : "no_new_privs 1\n") + kDenied);
}

// libc's syscall() is ours in any case.
TEST_F(IoUringTest, IsAllowedToThoseWhoAskTheKernelThemselves) {
  const ProgramOutcome bare = RunDirect("iouring", {});
  if (bare.out.find("itself: a ring") == std::string::npos) GTEST_SKIP() << "this kernel has no io_uring";
  EXPECT_EQ(Launch({"--io-uring=allow", Victim("iouring")}).out,
            "no_new_privs 0\nparent, libc: ENOSYS\nparent, itself: a ring\n"
            "child, libc: ENOSYS\nchild, itself: a ring\n");
}

TEST_F(IoUringTest, IsDeniedUnaskedWhereItCostsNothing) {
  if (!IsRoot()) GTEST_SKIP() << "needs root";
  EXPECT_EQ(Launch({Victim("iouring")}).out, std::string("no_new_privs 0\n") + kDenied);
}

TEST_F(IoUringTest, CostsTheUnprivilegedTheirSetuidPrograms) {
  if (!IsRoot()) GTEST_SKIP() << "needs root, to become somebody else";
  RunProgram({"chmod", "-R", "a+rX", directory_});
  if (RunProgram({"setpriv", "--reuid=65534", "--clear-groups", "test", "-x", SOCKSIFY_LAUNCHER}).exit_code !=
      0)
    GTEST_SKIP() << "the build folder is out of reach for others";
  EXPECT_EQ(LaunchUnprivileged({"--io-uring=deny", Victim("iouring")}).out,
            std::string("no_new_privs 1\n") + kDenied);
  EXPECT_THAT(LaunchUnprivileged({Victim("iouring")}).out, HasSubstr("no_new_privs 0\n"));
}

}  // namespace
}  // namespace socksify
