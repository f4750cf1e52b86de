// SPDX-License-Identifier: BSD-2-Clause
// The examples that are shipped load without an error or a warning, also with every comment made a statement.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

std::string ReadExample(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(ExamplesTest, Load) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SOCKSIFY_SOURCE_DIR "/examples")) {
    if (entry.path().extension() != ".conf") continue;
    ++count;
    FakeMachine machine;
    machine.files["/etc/socks/int1.pass"] = "secret\n";
    machine.files["example.conf"] = ReadExample(entry.path());
    const auto config = machine.Load({"example.conf", {}});
    ASSERT_TRUE(config.has_value()) << entry.path() << "\n" << FakeMachine::Join(config);
    EXPECT_EQ(FakeMachine::Join(config->warnings), "") << entry.path();
    EXPECT_FALSE(config->routes.rules().empty());
  }
  EXPECT_GE(count, 2u);
}

// In the starter example "# text" is prose; other comments are statements that may be switched on.
TEST(ExamplesTest, StarterLoadsWithEverythingSwitchedOn) {
  std::stringstream lines(ReadExample(SOCKSIFY_SOURCE_DIR "/examples/socks.conf"));
  std::string text;
  size_t switched_on = 0;
  for (std::string line; std::getline(lines, line);) {
    const bool is_prose = line.size() > 2 && line[1] == ' ' && line[2] != ' ';
    if (line.size() > 1 && line[0] == '#' && !is_prose) {
      line.erase(0, 1);
      ++switched_on;
    }
    text += line + '\n';
  }
  EXPECT_GE(switched_on, 10u);
  FakeMachine machine;
  machine.files["/etc/socks/office.pass"] = "secret\n";
  EXPECT_EQ(machine.ErrorsOf(text), "");
}

}  // namespace
}  // namespace socksify
