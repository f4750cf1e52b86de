// SPDX-License-Identifier: BSD-2-Clause
// Runs the files of tests/routing/formats: FORMAT/NAME.conf is a client's configuration, NAME.expect beside
// it what becomes of it, one line each:
//
//   # a comment
//   variable SOCKS_SERVER=10.0.0.1        the machine: its environment,
//   user alice=1000                       its users,
//   file /etc/socks.users=alice bob       and its files (\n for a line feed)
//   10.1.2.3:80 -> direct @3              a question: where it goes, and the line of NAME.conf that says so
//   10.1.2.3:53/udp process=dig user=1000 source=10.0.0.1 -> none
//   www.example.org:80 -> fake: via socks5 10.0.0.1:1080 @7
//   www.example.org:80 -> local           the system resolves the name
//   warning 5: TEXT                       what loading reports; of line 0 where it is about no line
//   error 5:3: TEXT
//
// A target is `direct`, `block` or `via PATH, PATH ... [by BALANCE] [else PATH ...]`, a PATH `PROTOCOL
// HOST:PORT [then ...]`. The translated text, loaded as a file of our own, must give the same answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "routing/foreign_config.h"
#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string ServerText(const Server& server) {
  std::string text;
  constexpr std::pair<uint8_t, const char*> kProtocols[] = {{kServerSocks4, "socks4"},
                                                            {kServerSocks4a, "socks4a"},
                                                            {kServerSocks5, "socks5"},
                                                            {kServerHttp, "http"},
                                                            {kServerUpnp, "upnp"}};
  for (const auto& [bit, name] : kProtocols) {
    if ((server.protocols & bit) != 0) text += (text.empty() ? "" : "/") + std::string(name);
  }
  text += ' ' + server.address.ToString();
  if (!server.username.empty()) text += " as " + server.username;
  if (server.has_password) text += " password " + server.password;
  return text;
}

std::string TargetText(const Target& target) {
  if (target.kind == Target::Kind::kDirect) return "direct";
  if (target.kind == Target::Kind::kBlock) return "block";
  std::string text;
  for (const Server* const hop : target.hops) text += (text.empty() ? "" : " then ") + ServerText(*hop);
  constexpr const char* kChains[] = {"", " dynamic", " random", " roundrobin"};
  text += kChains[static_cast<size_t>(target.chain)];
  if (target.chain_length != 0) text += ' ' + std::to_string(target.chain_length);
  return text;
}

std::string TargetsText(const std::vector<Target>& targets) {
  std::string text;
  for (const Target& target : targets) text += (text.empty() ? "" : ", ") + TargetText(target);
  return text;
}

std::string RuleText(const Rule& rule) {
  std::string text = TargetsText(rule.group);
  if (rule.group[0].kind == Target::Kind::kProxies) text.insert(0, "via ");
  constexpr const char* kBalances[] = {"", " by random", " by roundrobin", " by hash"};
  text += kBalances[static_cast<size_t>(rule.balance)];
  if (!rule.fallback.empty()) text += " else " + TargetsText(rule.fallback);
  return text;
}

// One `HOST:PORT[/udp] [process=NAME] [user=ID] [source=ADDRESS] [bind]`.
struct Question {
  explicit Question(const std::string& line) {
    std::stringstream words(line);
    std::string destination;
    words >> destination;
    if (destination.ends_with("/udp")) {
      transport = Transport::kUdp;
      destination.resize(destination.size() - 4);
    }
    const size_t colon = destination.rfind(':');
    std::string host = destination.substr(0, colon);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    const auto port = static_cast<uint16_t>(std::stoi(destination.substr(colon + 1)));
    endpoint = Endpoint::FromHost(host, port).value_or(endpoint);
    for (std::string word; words >> word;) {
      if (word.starts_with("process=")) process = word.substr(8);
      if (word.starts_with("user=")) user = static_cast<uint32_t>(std::stoul(word.substr(5)));
      if (word.starts_with("source=")) source = Endpoint::FromHost(word.substr(7), 0)->ip();
      if (word == "bind") command = Command::kBind;
    }
    if (transport == Transport::kUdp) command = Command::kUdpAssociate;
  }

  Endpoint endpoint = Endpoint::FromIp(IpAddress(), 0);
  Transport transport = Transport::kTcp;
  Command command = Command::kConnect;
  std::string process;
  uint32_t user = kNobody;
  std::optional<IpAddress> source;
};

// `lines`: whether the line that decides belongs to the answer.
std::string Answer(const Config& config, const Question& question, bool lines) {
  std::string text;
  if (question.endpoint.is_name()) {
    const NameRule how = config.routes.HowToResolve(question.endpoint.name(), question.process, question.user,
                                                    config.settings.resolve_protocol);
    text = ResolveProtocolName(how.protocol);
    if (how.protocol != ResolveProtocol::kFake && how.protocol != ResolveProtocol::kLocalThenFake)
      return text;
    text += ": ";
  }
  const IpAddress* const source = question.source ? &*question.source : nullptr;
  Query query{question.endpoint, question.transport, question.command, source, question.process};
  query.user = question.user;
  const Rule* const rule = config.routes.Decide(query);
  if (rule == nullptr) return text + "none";
  text += RuleText(*rule);
  if (lines) text += " @" + std::to_string(rule->where.line);
  return text;
}

std::string DiagnosticText(const char* kind, const Diagnostic& diagnostic) {
  std::string text = std::string(kind) + ' ' + std::to_string(diagnostic.where.line);
  if (diagnostic.where.column != 0) text += ':' + std::to_string(diagnostic.where.column);
  text += ": " + diagnostic.message;
  if (!diagnostic.remedy.empty()) text += " | " + diagnostic.remedy;
  return text + '\n';
}

void SetUp(const std::vector<std::string>& lines, FakeMachine* machine) {
  for (const std::string& line : lines) {
    const size_t blank = line.find(' ');
    const size_t equals = line.find('=');
    if (blank == std::string::npos || equals == std::string::npos || equals < blank) continue;
    const std::string kind = line.substr(0, blank);
    const std::string name = line.substr(blank + 1, equals - blank - 1);
    std::string value = line.substr(equals + 1);
    if (kind == "variable") machine->variables[name] = value;
    if (kind == "user") machine->users[name] = static_cast<uint32_t>(std::stoul(value));
    for (size_t i = value.find("\\n"); i != std::string::npos; i = value.find("\\n"))
      value.replace(i, 2, "\n");
    if (kind == "file") machine->files[name] = value;
  }
}

// What `expected` should have been: its comments and set-up as they are, its questions with the answers.
std::string Replay(const std::vector<std::string>& expected,
                   const std::expected<Config, std::vector<Diagnostic>>& config) {
  std::string text;
  for (const std::string& line : expected) {
    if (line.starts_with("warning ") || line.starts_with("error ")) continue;
    const size_t arrow = line.find(" -> ");
    text += line.substr(0, arrow);
    if (arrow != std::string::npos) {
      text += " -> ";
      if (config) text += Answer(*config, Question(line.substr(0, arrow)), true);
    }
    text += '\n';
  }
  if (!config) {
    for (const Diagnostic& each : config.error()) text += DiagnosticText("error", each);
    return text;
  }
  for (const Diagnostic& each : config->warnings) text += DiagnosticText("warning", each);
  return text;
}

std::string TranslatedText(ConfigFormat format, const std::string& text, FakeMachine* machine) {
  const ForeignHost host = {.variable = [&](const char* name) -> std::optional<std::string> {
                              const auto found = machine->variables.find(name);
                              if (found == machine->variables.end()) return std::nullopt;
                              return found->second;
                            },
                            .file = [&](const std::string& path) -> std::optional<std::string> {
                              const auto found = machine->files.find(path);
                              if (found == machine->files.end()) return std::nullopt;
                              return found->second;
                            }};
  if (format == ConfigFormat::kOwn) return text;
  std::string translated;
  for (const ForeignConfig::Line& line : Translate(format, text, host).lines) translated += line.text + '\n';
  return translated;
}

void Check(const fs::path& path) {
  SCOPED_TRACE(path);
  const std::string text = ReadAll(path);
  const std::string expected = ReadAll(fs::path(path).replace_extension(".expect"));
  const std::vector<std::string> lines = LinesOf(expected);
  const std::optional<ConfigFormat> format = FormatOfName(path.parent_path().filename().string());
  if (!format) {
    FAIL() << "the folder has not the name of a format";
    return;
  }

  FakeMachine machine;
  SetUp(lines, &machine);
  EXPECT_EQ(FormatName(RecognizeFormat(text)), FormatName(*format));
  machine.files["foreign.conf"] = text;
  const auto config = machine.Load({.file = "foreign.conf", .proxies = {}, .format = format});
  EXPECT_EQ(Replay(lines, config), expected);
  if (!config) return;

  const std::string translated = TranslatedText(*format, text, &machine);
  machine.files["own.conf"] = translated;
  EXPECT_EQ(FormatName(RecognizeFormat(translated)), "socksify") << translated;
  const auto own = machine.Load({"own.conf", {}});
  ASSERT_TRUE(own) << FakeMachine::Join(own) << translated;
  for (const std::string& line : lines) {
    const size_t arrow = line.find(" -> ");
    if (arrow == std::string::npos) continue;
    const Question question(line.substr(0, arrow));
    EXPECT_EQ(Answer(*own, question, false), Answer(*config, question, false)) << line << '\n' << translated;
  }
}

TEST(ForeignFormatsTest, FilesGoWhereTheirOwnClientSendsThem) {
  std::map<std::string, size_t> counts;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(SOCKSIFY_SOURCE_DIR "/tests/routing/formats")) {
    if (entry.path().extension() == ".conf") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  for (const fs::path& path : paths) {
    ++counts[path.parent_path().filename().string()];
    Check(path);
  }
  EXPECT_EQ(counts.size(), 7U) << "one folder for each format";
  for (const auto& [format, count] : counts) EXPECT_GE(count, 4U) << format;
}

}  // namespace
}  // namespace socksify
