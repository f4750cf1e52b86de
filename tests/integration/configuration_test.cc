// SPDX-License-Identifier: BSD-2-Clause
// Bad input: with the preload alone the program lives and its proxied calls fail, with one line that says
// why; the launcher refuses to start it.

#include <sys/stat.h>

#include "tests/integration/echo_origin.h"
#include "tests/integration/preload_fixture.h"

namespace socksify {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ConfigurationTest : public PreloadTest {
 protected:
  // The program lives; look-ups and connections fail; loopback works; one line on stderr.
  void ExpectRefusal(const std::string& what) {
    const ProgramOutcome by_name = Run("connect", {"echo.test", "7"});
    EXPECT_EQ(by_name.exit_code, 1) << what;
    EXPECT_THAT(by_name.out, HasSubstr("getaddrinfo: ")) << what;
    EXPECT_THAT(by_name.err, StartsWith("socksify: victim-connect[")) << what;
    EXPECT_EQ(std::count(by_name.err.begin(), by_name.err.end(), '\n'), 1) << by_name.err;
    EXPECT_EQ(Run("connect", {"10.99.99.99", "7"}).out, "connect: EACCES\n") << what;
    EXPECT_EQ(Run("connect", {"127.0.0.1", origin_.port()}).exit_code, 0) << what;
    EXPECT_TRUE(server_.requests().empty()) << what;
  }
  // The launcher says why and ends with 125.
  void ExpectLauncherRefusal(const std::vector<std::string>& options, const std::string& message) {
    std::vector<std::string> arguments = {SOCKSIFY_LAUNCHER};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"echo", "started"});
    ProgramOptions plain = options_;
    plain.environment["LD_PRELOAD"] = std::nullopt;
    plain.environment["SOCKSIFY_PROXY"] = std::nullopt;
    const ProgramOutcome outcome = RunProgram(arguments, plain);
    EXPECT_EQ(outcome.exit_code, 125) << message;
    EXPECT_EQ(outcome.out, "") << message;
    EXPECT_THAT(outcome.err, HasSubstr(message));
  }
  EchoOrigin origin_;
};

TEST_F(ConfigurationTest, ErrorsInAFileRefuseProxiedCallsOnly) {
  const struct {
    std::string text;
    const char* message;
  } kCases[] = {
      {"rout { from: 0/0 to: 0/0 via: direct }\n", "did you mean 'route'"},
      {"route { from: 0/0 to: 0/0 via: direct\n", "'}'"},
      {"route { from: 0/0 to: 10.0.0.0/33 via: direct }\n", "33"},
      {"route { from: 0/0 to: 10.0.0.0/255.0.255.0 via: direct }\n", "255.0.255.0"},
      {"colour: red\n", "colour"},
      {std::string("route { from: 0/0 \0 to: 0/0 via: direct }\n", 42), "NUL"},
      {std::string((64 << 20) + 1, '#'), "large"},
  };
  for (const auto& test : kCases) {
    const std::string path = UseConfig(test.text);
    ExpectRefusal(test.message);
    ExpectLauncherRefusal({"-f", path}, test.message);
  }
}

TEST_F(ConfigurationTest, AFileThatCannotBeReadRefusesProxiedCallsOnly) {
  options_.environment["SOCKSIFY_PROXY"] = std::nullopt;
  options_.environment["SOCKS_CONF"] = directory_;
  ExpectRefusal("a directory");
  ExpectLauncherRefusal({"-f", directory_}, "directory");
  options_.environment["SOCKS_CONF"] = directory_ + "/missing.conf";
  ExpectRefusal("a missing file");
  ExpectLauncherRefusal({"-f", directory_ + "/missing.conf"}, "missing.conf");
  // Root may open any file, but nobody can read where this one begins.
  options_.environment["SOCKS_CONF"] = "/proc/self/mem";
  ExpectRefusal("an unreadable file");
  ExpectLauncherRefusal({"-f", "/proc/self/mem"}, "EIO");
  if (geteuid() == 0) return;
  const std::string path = UseConfig("route { from: 0/0 to: 0/0 via: direct }\n");
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  ExpectRefusal("a file without read permission");
  ExpectLauncherRefusal({"-f", path}, "ermission");
}

TEST_F(ConfigurationTest, NoConfigurationAtAllRefusesProxiedCalls) {
  if (access("/etc/socks.conf", F_OK) == 0) GTEST_SKIP() << "this machine has an /etc/socks.conf";
  options_.environment["SOCKSIFY_PROXY"] = std::nullopt;
  ExpectRefusal("nothing configured");
  ExpectLauncherRefusal({}, "-p socks5://");
}

TEST_F(ConfigurationTest, BadProxyUrlsAreRefused) {
  const std::string long_user(256, 'u');
  ExpectLauncherRefusal({"-p", "socks5://127.0.0.1:99999"}, "99999");
  ExpectLauncherRefusal({"-p", "socks9://127.0.0.1:1080"}, "socks9");
  ExpectLauncherRefusal({"-p", "socks5://" + long_user + ":x@127.0.0.1:1080"}, "255");
  ExpectLauncherRefusal({"-p", "socks5://" + std::string(256, 'h') + ":1080"}, "255");
  ExpectLauncherRefusal({"-f", "x.conf", "-p", "socks5://127.0.0.1:1080"}, "either");
}

TEST_F(ConfigurationTest, CredentialsOf255BytesAreSent) {
  const std::string user(255, 'u');
  const std::string password(255, 'p');
  server_.SetCredentials(user, password);
  UseProxies({"socks5://" + user + ":" + password + "@127.0.0.1:" + std::to_string(server_.port())});
  EXPECT_EQ(Run("connect", {"echo.test", "7"}).exit_code, 0);
  EXPECT_EQ(server_.requests().back().user, user);
}

TEST_F(ConfigurationTest, RefusedCredentialsAreAPermissionError) {
  server_.SetCredentials("alice", "secret");
  UseProxies({"socks5://alice:wrong-password@127.0.0.1:" + std::to_string(server_.port())});
  options_.environment["SOCKSIFY_VERBOSE"] = "1";
  const ProgramOutcome outcome = Run("connect", {"echo.test", "7"});
  EXPECT_EQ(outcome.out, "connect: EACCES\n");
  EXPECT_THAT(outcome.err, testing::Not(HasSubstr("wrong-password")));
}

TEST_F(ConfigurationTest, AnUnusableServerIsExplained) {
  UseConfig("route { from: 0/0 to: 0/0 via: " + ProxyInConfig() + " method: gssapi }\n");
  options_.environment["SOCKSIFY_VERBOSE"] = "1";
  const ProgramOutcome outcome = Run("connect", {"echo.test", "7"});
  EXPECT_EQ(outcome.out, "connect: EOPNOTSUPP\n");
  EXPECT_THAT(outcome.err, HasSubstr("gssapi"));
}

}  // namespace
}  // namespace socksify
