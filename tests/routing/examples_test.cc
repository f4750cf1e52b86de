// SPDX-License-Identifier: BSD-2-Clause
// The examples that are shipped load without an error or a warning, also with every comment made a statement.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "routing/foreign_config.h"
#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

std::string ReadExample(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// "socks5 10.0.4.1:1080 then socks5 192.168.100.2:1080", of the newest protocol that a server takes.
std::string PathText(const Target& target) {
  if (target.kind == Target::Kind::kDirect) return "direct";
  if (target.kind == Target::Kind::kBlock) return "block";
  std::string text;
  for (const Server* const server : target.hops) {
    text += text.empty() ? "" : " then ";
    text += (server->protocols & kServerSocks5) != 0 ? "socks5 " : "socks4 ";
    text += server->address.ToString();
  }
  return text;
}

// The paths of the rule that decides, with commas between them.
std::string Decision(const Config& config, const Endpoint& destination) {
  const Rule* const rule = config.routes.Decide({.destination = destination});
  if (rule == nullptr) return "none";
  std::string text;
  for (const Target& target : rule->group) text += (text.empty() ? "" : ", ") + PathText(target);
  if (rule->balance == Balance::kRandom) text += " by random";
  if (rule->balance == Balance::kRoundRobin) text += " by roundrobin";
  return text;
}

// Which file of examples/scenario says what of the destinations that its README.md speaks of.
struct ScenarioFile {
  const char* name;
  const char* format;
  const char* user;  // whom the gateways to the internet are told of
  const char* subsidiary;
  const char* private_net;  // by name
  const char* web;
  const char* internet;  // but the web
};

constexpr ScenarioFile kScenario[] = {
    {"scenario.conf", "socksify", "alice", "socks5 10.0.4.1:1080",
     "socks5 10.0.4.1:1080 then socks5 192.168.100.2:1080",
     "socks5 10.0.3.1:1080, socks5 10.0.3.2:1080 by roundrobin", "block"},
    {"socks.conf", "socks4.2", "", "socks4 10.0.4.1:1080", "socks4 10.0.3.1:1080, socks4 10.0.3.2:1080",
     "socks4 10.0.3.1:1080, socks4 10.0.3.2:1080", "block"},
    {"libsocks5.conf", "nec", "alice", "socks5 10.0.4.1:1080", "socks5 10.0.4.1:1080",
     "socks5 10.0.3.1:1080, socks5 10.0.3.2:1080", "socks5 10.0.3.1:1080, socks5 10.0.3.2:1080"},
    {"socks.cnf", "hummingbird", "alice", "socks5 10.0.4.1:1080", "socks5 10.0.4.1:1080",
     "socks5 10.0.3.1:1080, socks5 10.0.3.2:1080 by random", "block"},
};

Endpoint To(const char* host, uint16_t port) {
  return Endpoint::FromHost(host, port).value_or(Endpoint());
}

TEST(ExamplesTest, ScenarioGoesWhereEachNotationCanSendIt) {
  const std::string folder = SOCKSIFY_SOURCE_DIR "/examples/scenario/";
  for (const ScenarioFile& file : kScenario) {
    SCOPED_TRACE(file.name);
    FakeMachine machine;
    machine.variables["HOME"] = "/home/alice";
    machine.files["/home/alice/.config/socksify/credentials"] =
        "machine 10.0.3.1 login alice password secret\nmachine 10.0.3.2 login alice password secret\n";
    const std::string text = ReadExample(folder + file.name);
    EXPECT_EQ(FormatName(RecognizeFormat(text)), file.format);
    machine.files["example"] = text;
    const auto config = machine.Load({"example", {}});
    ASSERT_TRUE(config.has_value()) << FakeMachine::Join(config);
    EXPECT_EQ(FakeMachine::Join(config->warnings), "");
    EXPECT_EQ(Decision(*config, To("10.1.2.3", 22)), "direct");
    EXPECT_EQ(Decision(*config, To("192.168.100.7", 25)), file.subsidiary);
    EXPECT_EQ(Decision(*config, To("www.private-net.org", 80)), file.private_net);
    EXPECT_EQ(Decision(*config, To("www.example.org", 80)), file.web);
    EXPECT_EQ(Decision(*config, To("203.0.113.80", 80)), file.web);
    EXPECT_EQ(Decision(*config, To("203.0.113.80", 443)), file.internet);
    const Endpoint web = To("203.0.113.80", 80);
    for (const Target& target : config->routes.Decide({.destination = web})->group)
      EXPECT_EQ(target.hops.front()->username, file.user);
  }
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
