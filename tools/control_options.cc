// SPDX-License-Identifier: BSD-2-Clause
#include "tools/control_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/version.h"

namespace socksify {
namespace {

constexpr char kHelp[] =
    R"(socksctl - look into a socksify configuration and its table of names

Usage:
  socksctl check   [OPTION]...
  socksctl explain [OPTION]... HOST:PORT[/udp]
  socksctl names   [OPTION]... [--clear]
  socksctl convert [OPTION]... FILE

Commands:
  check              report every error and warning of the configuration
  explain            show which line decides about a destination, the paths that
                     are tried, and how its name is resolved; PORT may be the
                     name of a service, an IPv6 address stands in brackets
  names              list the names that have fake addresses, the one used last
                     first: IPv4 address, IPv6 address, name; --clear removes
                     them, also while programs run
  convert            print another client's configuration in socksify's language

Options:
  -f, --file FILE    read the routes from FILE
      --format NAME  FILE is another client's, or taken for one wrongly: socksify,
                     socks4.2, nec, hummingbird, tsocks, proxychains, torsocks;
                     without it the content decides
  -p, --proxy URL[,URL]...
                     what `socksify -p` would do
      --json         print one JSON object
      --process NAME explain: as if asked by the program of that name
      --user NAME|ID explain: as if asked by that user, not by you
      --clear        names: remove all names and say how many they were

  -h, --help         show this text
      --version      show the version

  Without -f and -p, the first of these that exists: $SOCKS_CONF,
  ~/.config/socksify/socks.conf, /etc/socks.conf.

Exit status: 0 if all is well (a table that is empty or not there is), 1 if the
configuration has errors or the table cannot be used, 2 for a mistake in the command
line.

Examples:
  socksctl check
  socksctl check -f ./socks.conf --json
  socksctl explain example.org:https
  socksctl explain --process curl '[2001:db8::1]:443'
  socksctl explain -p socks5://127.0.0.1:1080 192.0.2.7:53/udp
  socksctl names --json
  socksctl convert /etc/libsocks5.conf > ~/.config/socksify/socks.conf
)";

constexpr char kTool[] = "socksctl";

CommandLineEnd Mistake(const std::string& message) {
  return UsageError(kTool, kExitUsage, message);
}

struct CommandName {
  const char* name;
  ControlOptions::Command command;
};

constexpr CommandName kCommands[] = {
    {"check", ControlOptions::Command::kCheck},
    {"explain", ControlOptions::Command::kExplain},
    {"names", ControlOptions::Command::kNames},
    {"convert", ControlOptions::Command::kConvert},
};

// What is wrong with the words and options behind `command`, or an empty string.
std::string CheckArguments(const CommandName& command, const std::vector<std::string>& words,
                           const CLI::Option& process, const CLI::Option& user, const CLI::Option& clear) {
  const std::string name = command.name;
  const bool is_explain = command.command == ControlOptions::Command::kExplain;
  if (!is_explain && process.count() > 0) return "--process goes with explain, not with " + name;
  if (!is_explain && user.count() > 0) return "--user goes with explain, not with " + name;
  if (command.command != ControlOptions::Command::kNames && clear.count() > 0)
    return "--clear goes with names, not with " + name;
  if (command.command == ControlOptions::Command::kConvert) {
    if (words.empty()) return "convert needs a file";
    return words.size() > 1 ? "convert takes one file, found '" + words[1] + "'" : "";
  }
  if (!is_explain) return words.empty() ? "" : name + " takes no argument, found '" + words[0] + "'";
  if (words.empty()) return "explain needs a destination, HOST:PORT or HOST:PORT/udp";
  return words.size() > 1 ? "explain takes one destination, found '" + words[1] + "'" : "";
}

}  // namespace

std::expected<ControlOptions, CommandLineEnd> ParseControlOptions(int argc, const char* const* argv) {
  ControlOptions options;
  bool version = false;
  bool help = false;

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  AddConfigOptions(&app, &options.sources);
  app.add_flag("--json", options.json);
  const CLI::Option* const process = app.add_option("--process", options.process)->type_name("NAME");
  const CLI::Option* const user = app.add_option("--user", options.user)->type_name("NAME|ID");
  const CLI::Option* const clear = app.add_flag("--clear", options.clear);
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  // Options may stand before and behind the command; what remains is words.
  for (const CommandName& command : kCommands) app.add_subcommand(command.name)->fallthrough();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return std::unexpected(UsageError(kTool, kExitUsage, error));
  }

  if (help) return std::unexpected(CommandLineEnd{0, kHelp});
  if (version) return std::unexpected(CommandLineEnd{0, std::string("socksctl ") + kVersion + "\n"});

  std::vector<std::string> words = app.remaining(true);
  std::erase(words, "--");
  const auto unknown =
      std::ranges::find_if(words, [](const std::string& word) { return word.starts_with('-'); });
  if (unknown != words.end()) return std::unexpected(Mistake("unknown option '" + *unknown + "'"));
  const std::vector<CLI::App*> commands = app.get_subcommands();
  if (commands.empty()) {
    const std::string found = words.empty() ? "none" : "'" + words[0] + "'";
    return std::unexpected(Mistake("expected a command, check, explain, names or convert, found " + found));
  }
  if (commands.size() > 1) return std::unexpected(Mistake("expected one command, found two"));
  if (const std::string message = CheckConfigOptions(options.sources); !message.empty()) {
    return std::unexpected(Mistake(message));
  }

  const CommandName& command = *std::ranges::find(kCommands, commands[0]->get_name(), &CommandName::name);
  options.command = command.command;
  if (const std::string message = CheckArguments(command, words, *process, *user, *clear); !message.empty())
    return std::unexpected(Mistake(message));
  if (options.command == ControlOptions::Command::kConvert) {
    if (!options.sources.file.empty() || !options.sources.proxies.empty())
      return std::unexpected(Mistake("convert takes its file without -f, and no -p"));
    options.sources.file = words[0];
  } else if (!words.empty()) {
    options.destination = words[0];
  }
  return options;
}

}  // namespace socksify
