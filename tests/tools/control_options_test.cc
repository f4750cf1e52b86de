// SPDX-License-Identifier: BSD-2-Clause
#include "tools/control_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "routing/foreign_config.h"

namespace socksify {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::expected<ControlOptions, CommandLineEnd> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "socksctl");
  return ParseControlOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(ControlOptionsTest, ReadsCheck) {
  const auto options = Parse({"check", "-f", "a.conf", "--json"});
  ASSERT_TRUE(options.has_value()) << options.error().text;
  EXPECT_EQ(options->command, ControlOptions::Command::kCheck);
  EXPECT_EQ(options->sources.file, "a.conf");
  EXPECT_TRUE(options->json);
}

TEST(ControlOptionsTest, ReadsExplainWithOptionsAnywhere) {
  const std::vector<std::vector<const char*>> orders = {
      {"explain", "-p", "a://b", "-p", "c://d", "--process", "curl", "--user", "al", "web.test:80"},
      {"-p", "a://b", "explain", "web.test:80", "-p", "c://d", "--process=curl", "--user=al"},
      {"explain", "--user", "al", "--process", "curl", "-p", "a://b", "-p", "c://d", "--", "web.test:80"},
  };
  for (const auto& arguments : orders) {
    const auto options = Parse(arguments);
    ASSERT_TRUE(options.has_value()) << options.error().text;
    EXPECT_EQ(options->command, ControlOptions::Command::kExplain);
    EXPECT_THAT(options->sources.proxies, ElementsAre("a://b", "c://d"));
    EXPECT_EQ(options->process, "curl");
    EXPECT_EQ(options->user, "al");
    EXPECT_EQ(options->destination, "web.test:80");
    EXPECT_FALSE(options->json);
  }
}

TEST(ControlOptionsTest, ReadsNames) {
  const auto plain = Parse({"names"});
  ASSERT_TRUE(plain.has_value()) << plain.error().text;
  EXPECT_EQ(plain->command, ControlOptions::Command::kNames);
  EXPECT_FALSE(plain->clear);
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"names", "--clear", "--json", "-f", "a.conf"},
        {"-f", "a.conf", "--json", "--clear", "names"}}) {
    const auto options = Parse(arguments);
    ASSERT_TRUE(options.has_value()) << options.error().text;
    EXPECT_TRUE(options->clear);
    EXPECT_TRUE(options->json);
    EXPECT_EQ(options->sources.file, "a.conf");
  }
}

TEST(ControlOptionsTest, ReadsConvert) {
  const auto options = Parse({"convert", "libsocks5.conf", "--format", "nec", "--json"});
  ASSERT_TRUE(options.has_value()) << options.error().text;
  EXPECT_EQ(options->command, ControlOptions::Command::kConvert);
  EXPECT_EQ(options->sources.file, "libsocks5.conf");
  EXPECT_EQ(options->sources.format, ConfigFormat::kNec);
  EXPECT_TRUE(options->json);
}

TEST(ControlOptionsTest, ReadsStrictness) {
  EXPECT_FALSE(Parse({"check"})->strict);
  EXPECT_TRUE(Parse({"check", "--strict"})->strict);
}

TEST(ControlOptionsTest, ReadsSummary) {
  const auto options = Parse({"summary", "--json", "trace"});
  ASSERT_TRUE(options.has_value()) << options.error().text;
  EXPECT_EQ(options->command, ControlOptions::Command::kSummary);
  EXPECT_EQ(options->trace, "trace");
  EXPECT_EQ(options->destination, "");
  EXPECT_TRUE(options->json);
}

TEST(ControlOptionsTest, ReadsEnv) {
  const auto plain = Parse({"env"});
  ASSERT_TRUE(plain.has_value()) << plain.error().text;
  EXPECT_EQ(plain->command, ControlOptions::Command::kEnv);
  EXPECT_EQ(plain->shell, Shell::kSh);
  EXPECT_FALSE(plain->unset);
  EXPECT_EQ(plain->ask_password, AskPassword::kIfUnknown);
  EXPECT_EQ(Parse({"env", "--shell", "sh"})->shell, Shell::kSh);
  EXPECT_EQ(Parse({"env", "--shell=csh"})->shell, Shell::kCsh);
  EXPECT_EQ(Parse({"--shell=fish", "env"})->shell, Shell::kFish);
  EXPECT_TRUE(Parse({"env", "--unset"})->unset);
  EXPECT_EQ(Parse({"env", "--ask-password"})->ask_password, AskPassword::kAlways);
}

TEST(ControlOptionsTest, ReadsHealth) {
  const auto plain = Parse({"health"});
  ASSERT_TRUE(plain.has_value()) << plain.error().text;
  EXPECT_EQ(plain->command, ControlOptions::Command::kHealth);
  EXPECT_FALSE(plain->clear);
  const auto all = Parse({"--json", "health", "--clear", "-f", "a.conf"});
  ASSERT_TRUE(all.has_value()) << all.error().text;
  EXPECT_TRUE(all->clear);
  EXPECT_TRUE(all->json);
  EXPECT_EQ(all->sources.file, "a.conf");
}

TEST(ControlOptionsTest, ReadsProbe) {
  const auto plain = Parse({"probe"});
  ASSERT_TRUE(plain.has_value()) << plain.error().text;
  EXPECT_EQ(plain->command, ControlOptions::Command::kProbe);
  EXPECT_TRUE(plain->servers.empty());
  EXPECT_EQ(plain->to, "");
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"probe", "s1", "socks5://a:1", "--to", "web.test:80"},
        {"--to=web.test:80", "probe", "s1", "socks5://a:1"},
        {"probe", "s1", "--to", "web.test:80", "socks5://a:1"}}) {
    const auto options = Parse(arguments);
    ASSERT_TRUE(options.has_value()) << options.error().text;
    EXPECT_THAT(options->servers, ElementsAre("s1", "socks5://a:1"));
    EXPECT_EQ(options->to, "web.test:80");
    EXPECT_EQ(options->destination, "");
  }
}

TEST(ControlOptionsTest, CommandsAreNoneBehindTheDashes) {
  const auto options = Parse({"convert", "--", "check"});
  ASSERT_TRUE(options.has_value()) << options.error().text;
  EXPECT_EQ(options->command, ControlOptions::Command::kConvert);
  EXPECT_EQ(options->sources.file, "check");
}

TEST(ControlOptionsTest, ExplainsMistakes) {
  struct {
    std::vector<const char*> arguments;
    std::string text;
  } const cases[] = {
      {{}, "expected a command, check, explain, names, convert, health, probe, env or summary, found none"},
      {{"-f", "x"},
       "expected a command, check, explain, names, convert, health, probe, env or summary, found none"},
      {{"chek"},
       "expected a command, check, explain, names, convert, health, probe, env or summary, found 'chek'"},
      {{"check", "explain"}, "expected one command, found two"},
      {{"check", "x"}, "check takes no argument, found 'x'"},
      {{"check", "--process", "x"}, "--process goes with explain, not with check"},
      {{"names", "--process", "x"}, "--process goes with explain, not with names"},
      {{"check", "--user", "x"}, "--user goes with explain, not with check"},
      {{"check", "--clear"}, "--clear goes with names and health, not with check"},
      {{"explain", "--clear", "a:1"}, "--clear goes with names and health, not with explain"},
      {{"names", "--strict"}, "--strict goes with check, not with names"},
      {{"check", "--shell", "sh"}, "--shell goes with env, not with check"},
      {{"check", "--unset"}, "--unset goes with env, not with check"},
      {{"explain", "--ask-password", "a:1"}, "--ask-password goes with env, not with explain"},
      {{"env", "x"}, "env takes no argument, found 'x'"},
      {{"env", "--shell", "zsh"}, "expected 'sh', 'csh' or 'fish' behind --shell, found 'zsh'"},
      {{"env", "--unset", "-f", "a"}, "--unset takes everything back, and neither -f nor -p goes with it"},
      {{"env", "--unset", "-p", "a://b"},
       "--unset takes everything back, and neither -f nor -p goes with it"},
      {{"summary"}, "summary needs a file"},
      {{"summary", "a", "b"}, "summary takes one file, found 'b'"},
      {{"summary", "a", "-f", "b"},
       "--file goes with check, explain, names, health, probe and env, not with summary"},
      {{"summary", "a", "--format", "nec"},
       "--format goes with check, explain, names, convert, health, probe and env, not with summary"},
      {{"names", "x"}, "names takes no argument, found 'x'"},
      {{"health", "x"}, "health takes no argument, found 'x'"},
      {{"health", "--process", "x"}, "--process goes with explain, not with health"},
      {{"probe", "--clear"}, "--clear goes with names and health, not with probe"},
      {{"probe", "--process", "x"}, "--process goes with explain, not with probe"},
      {{"explain", "a:1", "--to", "b:2"}, "--to goes with probe, not with explain"},
      {{"health", "--to", "b:2"}, "--to goes with probe, not with health"},
      {{"probe", "--to"}, "--to needs a value behind it"},
      {{"names", "check"}, "expected one command, found two"},
      {{"check", "-q"}, "unknown option '-q'"},
      {{"explain"}, "explain needs a destination, HOST:PORT or HOST:PORT/udp"},
      {{"explain", "a:1", "b:2"}, "explain takes one destination, found 'b:2'"},
      {{"convert"}, "convert needs a file"},
      {{"convert", "a", "b"}, "convert takes one file, found 'b'"},
      {{"convert", "-f", "a", "b"},
       "--file goes with check, explain, names, health, probe and env, not with convert"},
      {{"convert", "-p", "a://b", "c"},
       "--proxy goes with check, explain, names, health, probe and env, not with convert"},
      {{"convert", "--clear", "a"}, "--clear goes with names and health, not with convert"},
      {{"check", "--format", "dante"},
       "expected the name of a format behind --format, found 'dante'; use one of: socksify, socks4.2, nec, "
       "hummingbird, tsocks, proxychains, torsocks"},
      {{"check", "--format", "nec", "-p", "b://c"},
       "give either --format or -p URL, not both: --format says in which language a file is"},
      {{"check", "-f"}, "--file needs a value behind it"},
      {{"check", "-f", "a", "-p", "b://c"},
       "give either -f FILE or -p URL, not both: a proxy on the command line stands for a whole "
       "configuration"},
  };
  for (const auto& c : cases) {
    const auto options = Parse(c.arguments);
    ASSERT_FALSE(options.has_value()) << c.text;
    EXPECT_EQ(options.error().exit_code, 2) << c.text;
    EXPECT_EQ(options.error().text, "socksctl: " + c.text + "\n  try `socksctl --help`\n");
  }
}

TEST(ControlOptionsTest, HelpNamesEveryCommandAndOption) {
  const std::string help = Parse({"--help"}).error().text;
  for (const char* const command :
       {"check", "explain", "names", "convert", "health", "probe", "env", "summary"}) {
    EXPECT_THAT(help, HasSubstr(std::string("\n  socksctl ") + command + ' '));
    EXPECT_THAT(help, HasSubstr(std::string("\n  ") + command + ' '));
  }
  for (const char* const option :
       {"-f, --file FILE ", "--format NAME ", "-p, --proxy URL", "--json ", "--process NAME ",
        "--user NAME|ID ", "--clear ", "--to HOST:PORT ", "--strict ", "--shell sh|csh|fish\n", "--unset ",
        "--ask-password ", "-h, --help ", "--version "})
    EXPECT_THAT(help,
                AnyOf(HasSubstr(std::string("\n  ") + option), HasSubstr(std::string("\n      ") + option)));
}

TEST(ControlOptionsTest, HelpEndsWellAnywhere) {
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"--help"}, {"check", "-h"}, {"explain", "--help"}}) {
    const auto options = Parse(arguments);
    ASSERT_FALSE(options.has_value());
    EXPECT_EQ(options.error().exit_code, 0);
    EXPECT_THAT(options.error().text,
                ::testing::StartsWith(
                    "socksctl - look into a socksify configuration, and what programs share under it\n"));
  }
}

}  // namespace
}  // namespace socksify
