// SPDX-License-Identifier: BSD-2-Clause
#include "tools/script_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace socksify {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::optional<ScriptLine> Parse(std::string_view text) {
  return ParseScriptLine({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

TEST(ScriptLineTest, SplitsInterpreterAndArgument) {
  struct {
    std::string_view text;
    std::string_view interpreter;
    std::string_view argument;
  } const cases[] = {
      {"#!/bin/sh\necho", "/bin/sh", ""}, {"#! /bin/sh  -e \n", "/bin/sh", "-e"},
      {"#!/bin/sh", "/bin/sh", ""},       {"#!\t/usr/bin/env\tpython3 -u\n", "/usr/bin/env", "python3 -u"},
      {"#!relative\n", "relative", ""},
  };
  for (const auto& c : cases) {
    const std::optional<ScriptLine> line = Parse(c.text);
    ASSERT_TRUE(line.has_value()) << c.text;
    EXPECT_EQ(line->interpreter, c.interpreter) << c.text;
    EXPECT_EQ(line->argument, c.argument) << c.text;
  }
}

TEST(ScriptLineTest, RefusesWhatHasNoInterpreter) {
  for (const std::string_view text : {"", "#", "#!", "#!\n/bin/sh", "#!  \n", "echo", "\n#!/bin/sh"}) {
    EXPECT_FALSE(Parse(text).has_value()) << text;
  }
}

TEST(ScriptLineTest, LooksAtNoMoreThanTheKernelDoes) {
  const std::optional<ScriptLine> line = Parse("#!/" + std::string(400, 'x'));
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->interpreter.size(), 254U);
}

TEST(ScriptLineTest, FindsTheProgramOfEnv) {
  struct {
    std::string_view argument;
    std::string_view program;
    bool clears_environment;
  } const cases[] = {
      {"python3", "python3", false},
      {"python3 -u", "python3 -u", false},  // one argument: env looks for a file of that name
      {"-S python3 -u", "python3", false},
      {"-Spython3 -u", "python3", false},
      {"-vS python3 -u", "python3", false},
      {"--split-string=python3 -u", "python3", false},
      {"-S A=1 B=2 python3", "python3", false},
      {"-S -u HOME python3", "python3", false},
      {"-S -C /tmp python3", "python3", false},
      {"-S 'a b' c", "a b", false},
      {"-S a\\ b c", "a b", false},
      {"-S -i python3", "python3", true},
      {"-iS python3", "python3", true},
      {"-S - python3", "python3", true},
      {"-S -u LD_PRELOAD python3", "python3", true},
      {"-S -uLD_PRELOAD python3", "python3", true},
      {"-S --unset=LD_PRELOAD python3", "python3", true},
      {"-S LD_PRELOAD= python3", "python3", true},
      {"-S --ignore-environment python3", "python3", true},
      {"", "", false},
      {"-S", "", false},
      {"-i", "", true},
  };
  for (const auto& c : cases) {
    const EnvCommand command = ParseEnvArgument(c.argument);
    EXPECT_EQ(command.program, c.program) << c.argument;
    EXPECT_EQ(command.clears_environment, c.clears_environment) << c.argument;
  }
}

TEST(ScriptLineTest, SplitsAsEnvDoes) {
  EXPECT_THAT(SplitEnvString(""), IsEmpty());
  EXPECT_THAT(SplitEnvString(" a\tb  c "), ElementsAre("a", "b", "c"));
  EXPECT_THAT(SplitEnvString(R"(a"b c"d '\' "\"" '')"), ElementsAre("ab cd", "\\", "\"", ""));
}

}  // namespace
}  // namespace socksify
