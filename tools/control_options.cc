// SPDX-License-Identifier: BSD-2-Clause
#include "tools/control_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/version.h"

namespace socksify {
namespace {

constexpr char kHelp[] =
    R"(socksctl - look into a socksify configuration

Usage:
  socksctl check   [OPTION]...
  socksctl explain [OPTION]... HOST:PORT[/udp]

Commands:
  check              report every error and warning of the configuration
  explain            show which line decides about a destination, the paths that
                     are tried, and how its name is resolved; PORT may be the
                     name of a service, an IPv6 address stands in brackets

Options:
  -f, --file FILE    read the routes from FILE
  -p, --proxy URL[,URL]...
                     what `socksify -p` would do
      --json         print one JSON object
      --process NAME explain: as if asked by the program of that name

  -h, --help         show this text
      --version      show the version

  Without -f and -p, the first of these that exists: $SOCKS_CONF,
  ~/.config/socksify/socks.conf, /etc/socks.conf.

Exit status: 0 if all is well, 1 if the configuration has errors, 2 for a mistake
in the command line.

Examples:
  socksctl check
  socksctl check -f ./socks.conf --json
  socksctl explain example.org:https
  socksctl explain --process curl '[2001:db8::1]:443'
  socksctl explain -p socks5://127.0.0.1:1080 192.0.2.7:53/udp
)";

constexpr char kTool[] = "socksctl";

CommandLineEnd Mistake(const std::string& message) {
  return UsageError(kTool, kExitUsage, message);
}

// Options may stand before and behind the command; what remains is words.
CLI::App* AddCommand(CLI::App* app, const char* name) {
  return app->add_subcommand(name)->fallthrough();
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
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  const CLI::App* const check = AddCommand(&app, "check");
  const CLI::App* const explain = AddCommand(&app, "explain");
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
  if (!check->parsed() && !explain->parsed()) {
    const std::string found = words.empty() ? "none" : "'" + words[0] + "'";
    return std::unexpected(Mistake("expected a command, check or explain, found " + found));
  }
  if (check->parsed() && explain->parsed())
    return std::unexpected(Mistake("expected one command, found two"));
  if (const std::string message = CheckConfigOptions(options.sources); !message.empty()) {
    return std::unexpected(Mistake(message));
  }

  options.command = check->parsed() ? ControlOptions::Command::kCheck : ControlOptions::Command::kExplain;
  if (check->parsed()) {
    if (process->count() > 0) return std::unexpected(Mistake("--process goes with explain, not with check"));
    if (!words.empty()) return std::unexpected(Mistake("check takes no argument, found '" + words[0] + "'"));
    return options;
  }
  if (words.empty())
    return std::unexpected(Mistake("explain needs a destination, HOST:PORT or HOST:PORT/udp"));
  if (words.size() > 1)
    return std::unexpected(Mistake("explain takes one destination, found '" + words[1] + "'"));
  options.destination = words[0];
  return options;
}

}  // namespace socksify
