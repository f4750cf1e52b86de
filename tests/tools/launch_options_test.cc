// SPDX-License-Identifier: BSD-2-Clause
#include "tools/launch_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace socksify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::expected<LaunchOptions, CommandLineEnd> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "socksify");
  return ParseLaunchOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(LaunchOptionsTest, ReadsEveryOption) {
  const auto options =
      Parse({"-v", "-p", "socks5://a:1", "--proxy=http://b:2", "--log", "l", "--trace=t", "curl"});
  ASSERT_TRUE(options.has_value()) << options.error().text;
  EXPECT_THAT(options->sources.proxies, ElementsAre("socks5://a:1", "http://b:2"));
  EXPECT_EQ(options->sources.file, "");
  EXPECT_TRUE(options->verbose);
  EXPECT_EQ(options->log, "l");
  EXPECT_EQ(options->trace, "t");
  EXPECT_THAT(options->command, ElementsAre("curl"));
  EXPECT_EQ(Parse({"-f", "a.conf", "curl"})->sources.file, "a.conf");
}

TEST(LaunchOptionsTest, ReadsLettersTogetherAndValuesAttached) {
  const std::vector<std::vector<const char*>> ways = {
      {"-v", "-f", "a", "curl"},   {"-vf", "a", "curl"},        {"-vfa", "curl"},
      {"-fa", "-v", "curl"},       {"--file=a", "-vv", "curl"}, {"-v", "-v", "--file", "a", "curl"},
      {"-fa", "-v", "--", "curl"},
  };
  for (const auto& arguments : ways) {
    const auto options = Parse(arguments);
    ASSERT_TRUE(options.has_value()) << options.error().text;
    EXPECT_TRUE(options->verbose);
    EXPECT_EQ(options->sources.file, "a");
    EXPECT_THAT(options->command, ElementsAre("curl"));
  }
  EXPECT_EQ(Parse({"-f=a", "curl"})->sources.file, "=a");
  EXPECT_EQ(Parse({"--log=", "curl"})->log, "");
  EXPECT_EQ(Parse({"--log=a=b", "curl"})->log, "a=b");
  EXPECT_EQ(Parse({"--log", "-v", "curl"})->log, "-v");
  EXPECT_THAT(Parse({""})->command, ElementsAre(""));
}

TEST(LaunchOptionsTest, TakesACommaChainAsOneValue) {
  const auto options = Parse({"-p", "socks5://a:1,http://b:2", "curl"});
  ASSERT_TRUE(options.has_value());
  EXPECT_THAT(options->sources.proxies, ElementsAre("socks5://a:1,http://b:2"));
}

TEST(LaunchOptionsTest, KnowsTheNameItWasCalledBy) {
  const struct {
    const char* name;
    const char* tool;
  } kCases[] = {
      {"runsocks", "runsocks"},        {"/usr/bin/runsocks", "runsocks"}, {"./socksify", "socksify"},
      {"/runsocks/other", "socksify"}, {"runsocks5", "socksify"},         {"", "socksify"},
  };
  for (const auto& [name, tool] : kCases) {
    const char* const good[] = {name, "curl"};
    EXPECT_EQ(ParseLaunchOptions(2, good)->tool, tool) << name;
    const char* const bad[] = {name, "--nonsense", "curl"};
    EXPECT_EQ(ParseLaunchOptions(3, bad).error().text,
              std::string(tool) + ": unknown option '--nonsense'\n  try `" + tool + " --help`\n");
    const char* const help[] = {name, "--help"};
    EXPECT_THAT(ParseLaunchOptions(2, help).error().text,
                StartsWith(std::string(tool) + " - run a program through SOCKS and HTTP proxies"));
  }
}

TEST(LaunchOptionsTest, ReadsWhetherToStay) {
  EXPECT_FALSE(Parse({"curl", "--summary"})->summary);
  EXPECT_TRUE(Parse({"--summary", "curl"})->summary);
}

TEST(LaunchOptionsTest, ReadsWhetherToAskAgain) {
  EXPECT_EQ(Parse({"curl"})->ask_password, AskPassword::kIfUnknown);
  EXPECT_EQ(Parse({"curl", "--ask-password"})->ask_password, AskPassword::kIfUnknown);
  EXPECT_EQ(Parse({"--ask-password", "curl"})->ask_password, AskPassword::kAlways);
}

TEST(LaunchOptionsTest, ReadsWhatBecomesOfIoUring) {
  EXPECT_EQ(Parse({"curl"})->io_uring, IoUring::kDenyIfFree);
  EXPECT_EQ(Parse({"--io-uring=deny", "curl"})->io_uring, IoUring::kDeny);
  EXPECT_EQ(Parse({"--io-uring=allow", "curl"})->io_uring, IoUring::kAllow);
  const auto apart = Parse({"--io-uring", "allow", "curl", "--io-uring=deny"});
  ASSERT_TRUE(apart.has_value()) << apart.error().text;
  EXPECT_EQ(apart->io_uring, IoUring::kAllow);
  EXPECT_THAT(apart->command, ElementsAre("curl", "--io-uring=deny"));
}

TEST(LaunchOptionsTest, OptionsEndAtTheProgram) {
  struct {
    std::vector<const char*> arguments;
    std::vector<std::string> command;
  } const cases[] = {
      {{"-f", "c", "curl", "-v", "-p", "x", "--help", "--version"},
       {"curl", "-v", "-p", "x", "--help", "--version"}},
      {{"curl", "--", "-f"}, {"curl", "--", "-f"}},
      {{"--", "curl", "-v"}, {"curl", "-v"}},
      {{"-v", "--", "-odd", "-v"}, {"-odd", "-v"}},
      {{"--", "--", "x"}, {"--", "x"}},
      {{"-p", "socks5://a", "curl", "-p"}, {"curl", "-p"}},
      {{"curl", ""}, {"curl", ""}},
      {{"curl", "[a,b]", "{}", "%x", "++", "a=b"}, {"curl", "[a,b]", "{}", "%x", "++", "a=b"}},
  };
  for (const auto& c : cases) {
    const auto options = Parse(c.arguments);
    ASSERT_TRUE(options.has_value()) << options.error().text;
    EXPECT_EQ(options->command, c.command);
  }
  EXPECT_FALSE(Parse({"curl", "-v"})->verbose);
}

TEST(LaunchOptionsTest, ExplainsMistakes) {
  struct {
    std::vector<const char*> arguments;
    std::string text;
  } const cases[] = {
      {{}, "expected the name of a program to run"},
      {{"-v"}, "expected the name of a program to run"},
      {{"--"}, "expected the name of a program to run"},
      {{"-z", "curl"}, "unknown option '-z'"},
      {{"-v", "--verbos", "curl"}, "unknown option '--verbos'"},
      {{"--verb", "curl"}, "unknown option '--verb'"},
      {{"--fil=a", "curl"}, "unknown option '--fil=a'"},
      {{"-vz", "curl"}, "unknown option '-z'"},
      {{"-", "curl"}, "unknown option '-'"},
      {{"---", "curl"}, "unknown option '---'"},
      {{"--verbose=yes", "curl"}, "--verbose takes no value, found 'yes'"},
      {{"-vv=1", "curl"}, "-v takes no value, found '1'"},
      {{"-v", "-p"}, "--proxy needs a value behind it"},
      {{"-vp"}, "--proxy needs a value behind it"},
      {{"-p"}, "--proxy needs a value behind it"},
      {{"--format", "dante", "curl"},
       "expected the name of a format behind --format, found 'dante'; use one of: socksify, socks4.2, nec, "
       "hummingbird, tsocks, proxychains, torsocks"},
      {{"--format=", "curl"},
       "expected the name of a format behind --format, found ''; use one of: socksify, socks4.2, nec, "
       "hummingbird, tsocks, proxychains, torsocks"},
      {{"--log"}, "--log needs a value behind it"},
      {{"--io-uring"}, "--io-uring needs a value behind it"},
      {{"--io-uring", "", "curl"}, "expected 'deny' or 'allow' behind --io-uring, found ''"},
      {{"--io-uring=Deny", "curl"}, "expected 'deny' or 'allow' behind --io-uring, found 'Deny'"},
      {{"--io-uring", "curl"}, "expected 'deny' or 'allow' behind --io-uring, found 'curl'"},
      {{"--io-uring=deny", "--io-uring=allow", "curl"}, "--io-uring is given more than once"},
      {{"-f", "a", "-f", "b", "curl"}, "--file is given more than once"},
      {{"-f", "a", "-p", "socks5://a", "curl"},
       "give either -f FILE or -p URL, not both: a proxy on the command line stands for a whole "
       "configuration"},
      {{"-f", "", "curl"}, "expected the name of a file behind -f, found an empty one"},
      {{"--file=", "-p", "socks5://a", "curl"}, "expected the name of a file behind -f, found an empty one"},
      {{"-p", "a b", "curl"},
       "expected a URL behind -p, such as socks5://127.0.0.1:1080, found an empty one or one with a blank"},
  };
  for (const auto& c : cases) {
    const auto options = Parse(c.arguments);
    ASSERT_FALSE(options.has_value()) << c.text;
    EXPECT_EQ(options.error().exit_code, 125) << c.text;
    EXPECT_EQ(options.error().text, "socksify: " + c.text + "\n  try `socksify --help`\n");
  }
}

TEST(LaunchOptionsTest, HelpAndVersionEndWell) {
  for (const char* const option : {"-h", "--help"}) {
    const auto options = Parse({option});
    ASSERT_FALSE(options.has_value());
    EXPECT_EQ(options.error().exit_code, 0);
    EXPECT_THAT(options.error().text,
                StartsWith("socksify - run a program through SOCKS and HTTP proxies\n"));
    EXPECT_THAT(options.error().text, HasSubstr(R"(
      --io-uring=deny|allow
                     deny: io_uring answers ENOSYS, and PROGRAM uses calls that
                     socksify sees. Without CAP_SYS_ADMIN this sets
                     no_new_privs, which disarms sudo and ping.
                     allow: what goes by io_uring goes direct.
                     When nothing is said: deny where no_new_privs need not be
                     set for it (as for root), else allow.
)"));
  }
  const auto options = Parse({"--version"});
  ASSERT_FALSE(options.has_value());
  EXPECT_EQ(options.error().exit_code, 0);
  EXPECT_THAT(options.error().text, ::testing::MatchesRegex("socksify [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

}  // namespace
}  // namespace socksify
