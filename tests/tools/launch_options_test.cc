// SPDX-License-Identifier: BSD-2-Clause
#include "tools/launch_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace socksify {
namespace {

using ::testing::ElementsAre;
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

TEST(LaunchOptionsTest, TakesACommaChainAsOneValue) {
  const auto options = Parse({"-p", "socks5://a:1,http://b:2", "curl"});
  ASSERT_TRUE(options.has_value());
  EXPECT_THAT(options->sources.proxies, ElementsAre("socks5://a:1,http://b:2"));
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
      {{"-p"}, "--proxy needs a value behind it"},
      {{"--log"}, "--log needs a value behind it"},
      {{"-f", "a", "-f", "b", "curl"}, "--file is given more than once"},
      {{"-f", "a", "-p", "socks5://a", "curl"},
       "give either -f FILE or -p URL, not both: a proxy on the command line stands for a whole "
       "configuration"},
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
    EXPECT_THAT(options.error().text, StartsWith("socksify - run a program through SOCKS proxies\n"));
  }
  const auto options = Parse({"--version"});
  ASSERT_FALSE(options.has_value());
  EXPECT_EQ(options.error().exit_code, 0);
  EXPECT_THAT(options.error().text, ::testing::MatchesRegex("socksify [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

}  // namespace
}  // namespace socksify
