// SPDX-License-Identifier: BSD-2-Clause
#include "tools/control_options.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/version.h"
#include "tools/control_help.h"
#include "tools/option_reader.h"

namespace socksify {
namespace {

constexpr char kTool[] = "socksctl";

using Command = ControlOptions::Command;

CommandLineEnd Mistake(const std::string& message) {
  return UsageError(kTool, kExitUsage, message);
}

// How many words stand behind a command.
enum class Words : uint8_t { kNone, kOne, kAny };

struct CommandRow {
  const char* name;
  Command command;
  Words words;
  const char* argument;  // what its one word is
  const char* hint;      // how that is written
};

// In the order of the help.
constexpr CommandRow kCommands[] = {
    {"check", Command::kCheck, Words::kNone, "", ""},
    {"explain", Command::kExplain, Words::kOne, "destination", ", HOST:PORT or HOST:PORT/udp"},
    {"names", Command::kNames, Words::kNone, "", ""},
    {"convert", Command::kConvert, Words::kOne, "file", ""},
    {"health", Command::kHealth, Words::kNone, "", ""},
    {"probe", Command::kProbe, Words::kAny, "", ""},
    {"env", Command::kEnv, Words::kNone, "", ""},
    {"summary", Command::kSummary, Words::kOne, "file", ""},
};

// A set of commands.
constexpr unsigned In(Command command) {
  return 1U << static_cast<unsigned>(command);
}

template <typename... Commands>
constexpr unsigned In(Command first, Commands... rest) {
  return In(first) | In(rest...);
}

constexpr unsigned kReadConfig =
    In(Command::kCheck, Command::kExplain, Command::kNames, Command::kHealth, Command::kProbe, Command::kEnv);

// An option that does not go with every command, and those that it goes with.
struct OwnOption {
  const char* name;
  unsigned commands;
};

constexpr OwnOption kOwnOptions[] = {
    {"file", kReadConfig},
    {"proxy", kReadConfig},
    {"format", kReadConfig | In(Command::kConvert)},
    {"process", In(Command::kExplain)},
    {"user", In(Command::kExplain)},
    {"clear", In(Command::kNames, Command::kHealth)},
    {"to", In(Command::kProbe)},
    {"strict", In(Command::kCheck)},
    {"shell", In(Command::kEnv)},
    {"unset", In(Command::kEnv)},
    {"ask-password", In(Command::kEnv)},
};

// "check, explain and names"; `last` is the word before the last one.
std::string NamesOf(unsigned commands, const std::string& last) {
  std::vector<std::string> names;
  for (const CommandRow& row : kCommands)
    if ((commands & In(row.command)) != 0) names.emplace_back(row.name);
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " " + last + " " : ", ";
    text += names[i];
  }
  return text;
}

// What is wrong with the words and options behind a command, or an empty string.
std::string CheckArguments(const CommandRow& row, const std::vector<std::string>& words,
                           const OptionReader& reader) {
  const std::string name = row.name;
  for (const OwnOption& option : kOwnOptions) {
    if ((option.commands & In(row.command)) == 0 && reader.IsGiven(option.name))
      return std::string("--") + option.name + " goes with " + NamesOf(option.commands, "and") +
             ", not with " + name;
  }
  if (row.words == Words::kAny) return "";
  if (row.words == Words::kNone)
    return words.empty() ? "" : name + " takes no argument, found '" + words[0] + "'";
  if (words.empty()) return name + " needs a " + row.argument + row.hint;
  return words.size() > 1 ? name + " takes one " + row.argument + ", found '" + words[1] + "'" : "";
}

// Reads --shell and what goes with it; what is wrong, or an empty string.
std::string ReadEnvOptions(const std::string& shell, ControlOptions* options) {
  const std::optional<Shell> parsed = ParseShell(shell);
  if (!parsed) return "expected 'sh', 'csh' or 'fish' behind --shell, found '" + shell + "'";
  options->shell = *parsed;
  if (options->unset && (!options->sources.file.empty() || !options->sources.proxies.empty()))
    return "--unset takes everything back, and neither -f nor -p goes with it";
  return "";
}

// Takes the names of commands out of `words`. Behind `--`, which goes as well, no word is one.
std::vector<const CommandRow*> TakeCommands(std::vector<std::string>* words) {
  std::vector<const CommandRow*> commands;
  std::vector<std::string> others;
  bool is_behind = false;
  for (std::string& word : *words) {
    const auto* const row = std::ranges::find(kCommands, word, &CommandRow::name);
    if (!is_behind && row != std::end(kCommands)) {
      commands.push_back(row);
    } else if (!is_behind && word == "--") {
      is_behind = true;
    } else {
      others.push_back(std::move(word));
    }
  }
  *words = std::move(others);
  return commands;
}

void StoreWords(std::vector<std::string> words, ControlOptions* options) {
  if (words.empty()) return;
  switch (options->command) {
    case Command::kExplain: options->destination = std::move(words[0]); break;
    case Command::kConvert: options->sources.file = std::move(words[0]); break;
    case Command::kProbe: options->servers = std::move(words); break;
    case Command::kSummary: options->trace = std::move(words[0]); break;
    default: break;
  }
}

}  // namespace

std::expected<ControlOptions, CommandLineEnd> ParseControlOptions(int argc, const char* const* argv) {
  ControlOptions options;
  bool version = false;
  bool help = false;
  bool ask_password = false;
  std::string shell = "sh";
  std::string format;

  OptionReader reader;
  AddConfigOptions(&reader, &options.sources, &format);
  reader.Add(0, "json", &options.json);
  reader.Add(0, "process", &options.process);
  reader.Add(0, "user", &options.user);
  reader.Add(0, "clear", &options.clear);
  reader.Add(0, "to", &options.to);
  reader.Add(0, "strict", &options.strict);
  reader.Add(0, "shell", &shell);
  reader.Add(0, "unset", &options.unset);
  reader.Add(0, "ask-password", &ask_password);
  reader.Add('h', "help", &help);
  reader.Add(0, "version", &version);
  // Options may stand before and behind the command.
  if (const auto message =
          reader.Read({argv, static_cast<size_t>(argc)}, OptionReader::Words::kBetweenOptions)) {
    return std::unexpected(Mistake(*message));
  }

  if (help) return std::unexpected(CommandLineEnd{0, kControlHelp});
  if (version) return std::unexpected(CommandLineEnd{0, std::string("socksctl ") + kVersion + "\n"});

  std::vector<std::string> words = std::move(reader.words());
  const std::vector<const CommandRow*> commands = TakeCommands(&words);
  const auto unknown =
      std::ranges::find_if(words, [](const std::string& word) { return word.starts_with('-'); });
  if (unknown != words.end()) return std::unexpected(Mistake("unknown option '" + *unknown + "'"));
  if (commands.empty()) {
    const std::string found = words.empty() ? "none" : "'" + words[0] + "'";
    return std::unexpected(Mistake("expected a command, " + NamesOf(~0U, "or") + ", found " + found));
  }
  if (commands.size() > 1) return std::unexpected(Mistake("expected one command, found two"));
  if (const std::string message = FinishConfigOptions(reader, format, &options.sources); !message.empty()) {
    return std::unexpected(Mistake(message));
  }

  const CommandRow& row = *commands[0];
  options.command = row.command;
  if (const std::string message = CheckArguments(row, words, reader); !message.empty())
    return std::unexpected(Mistake(message));
  if (const std::string message = ReadEnvOptions(shell, &options); !message.empty())
    return std::unexpected(Mistake(message));
  if (ask_password) options.ask_password = AskPassword::kAlways;
  StoreWords(std::move(words), &options);
  return options;
}

}  // namespace socksify
