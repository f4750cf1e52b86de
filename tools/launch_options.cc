// SPDX-License-Identifier: BSD-2-Clause
#include "tools/launch_options.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/version.h"
#include "tools/option_reader.h"

namespace socksify {
namespace {

constexpr char kHelp[] =
    R"(socksify - run a program through SOCKS and HTTP proxies

Usage:
  socksify [OPTION]... [--] PROGRAM [ARGUMENT]...

Where the traffic goes:
  -f, --file FILE    read the routes from FILE
      --format NAME  FILE is another client's, or taken for one wrongly: socksify,
                     socks4.2, nec, hummingbird, tsocks, proxychains, torsocks;
                     without it the content decides
  -p, --proxy URL[,URL]...
                     send everything but loopback through this proxy; a comma
                     makes a chain, a repeated -p a fallback

                     URL is SCHEME://[USER[:PASSWORD]@]HOST[:PORT], where SCHEME
                     is one of socks5, socks4a, socks4, http

      --ask-password ask for passwords (`password.prompt`) that are known from an
                     earlier start, too

  Without -f and -p, the first of these that exists: $SOCKS_CONF, the variables
  that name a proxy ($SOCKS5_SERVER, ...), ~/.config/socksify/socks.conf,
  /etc/socks.conf.

What socksify does not see:
      --io-uring=deny|allow
                     deny: io_uring answers ENOSYS, and PROGRAM uses calls that
                     socksify sees. Without CAP_SYS_ADMIN this sets
                     no_new_privs, which disarms sudo and ping.
                     allow: what goes by io_uring goes direct.
                     When nothing is said: deny where no_new_privs need not be
                     set for it (as for root), else allow.

What is reported:
  -v, --verbose      one line for each connection, to stderr
      --log FILE     append messages to FILE instead of stderr
      --trace FILE   append one JSON object for each event to FILE
      --summary      stay, and when PROGRAM has ended, write what became of its
                     connections, by route and server, to stderr

  -h, --help         show this text
      --version      show the version

Exit status: that of PROGRAM; 127 if it is not found, 126 if it cannot be
executed, 125 if socksify itself fails: a mistake in the options or in the
configuration, a password that cannot be had, or a PROGRAM that a preload cannot
reach (static, setuid, ...) or that io_uring cannot be denied to.

Examples:
  socksify -p socks5://127.0.0.1:1080 curl https://example.org/
  socksify -p socks5://10.0.0.1:1080,socks4a://10.0.0.2 ssh host.example
  socksify -p socks5://main:1080 -p socks5://spare:1080 git fetch
  socksify -v -f ./socks.conf bash          # everything started from this shell
  socksctl explain -f ./socks.conf example.org:443    # what would happen, and why
)";

constexpr char kRunsocksHelp[] =
    R"(runsocks - run a program through SOCKS and HTTP proxies, as NEC's runsocks does

Usage:
  runsocks [OPTION]... [--] PROGRAM [ARGUMENT]...

The options are those of socksify; `socksify --help` shows them. Where neither -f
nor -p is given, the configuration comes from the first of these: $SOCKS5_LIBCONF,
$SOCKS_CONF, /etc/libsocks5.conf, the variables that name a proxy ($SOCKS5_SERVER,
$SOCKS4_SERVER, ...), and the places of socksify. The first and the third are in NEC's
language (`socksify --help`: --format), unless their content is plainly socksify's;
their lines that name no server mean the one of the variables. $SOCKS5_DEBUG and
$SOCKS5_LOG_STDERR mean -v.

  -h, --help         show this text
      --version      show the version
)";

std::string ToolOf(int argc, const char* const* argv) {
  const std::string_view path = argc > 0 ? argv[0] : "";
  return path.substr(path.rfind('/') + 1) == kRunsocks ? kRunsocks : "socksify";
}

std::optional<IoUring> ParseIoUring(std::string_view text) {
  if (text == "deny") return IoUring::kDeny;
  if (text == "allow") return IoUring::kAllow;
  return std::nullopt;
}

}  // namespace

std::expected<LaunchOptions, CommandLineEnd> ParseLaunchOptions(int argc, const char* const* argv) {
  LaunchOptions options;
  options.tool = ToolOf(argc, argv);
  const auto mistake = [&](const std::string& message) {
    return std::unexpected(UsageError(options.tool, kExitOwnError, message));
  };
  bool version = false;
  bool help = false;
  bool ask_password = false;
  std::string io_uring;
  std::string format;

  OptionReader reader;
  AddConfigOptions(&reader, &options.sources, &format);
  reader.Add(0, "ask-password", &ask_password);
  reader.Add(0, "io-uring", &io_uring);
  reader.Add('v', "verbose", &options.verbose);
  reader.Add(0, "log", &options.log);
  reader.Add(0, "trace", &options.trace);
  reader.Add(0, "summary", &options.summary);
  reader.Add('h', "help", &help);
  reader.Add(0, "version", &version);
  if (const auto message = reader.Read({argv, static_cast<size_t>(argc)}, OptionReader::Words::kEndOptions)) {
    return mistake(*message);
  }

  if (help) return std::unexpected(CommandLineEnd{0, options.tool == kRunsocks ? kRunsocksHelp : kHelp});
  if (version) return std::unexpected(CommandLineEnd{0, options.tool + " " + kVersion + "\n"});

  if (ask_password) options.ask_password = AskPassword::kAlways;
  if (reader.IsGiven("io-uring")) {
    const std::optional<IoUring> parsed = ParseIoUring(io_uring);
    if (!parsed) {
      return mistake("expected 'deny' or 'allow' behind --io-uring, found '" + io_uring + "'");
    }
    options.io_uring = *parsed;
  }

  options.command = std::move(reader.words());
  if (!options.command.empty() && options.command[0] == "--") {
    options.command.erase(options.command.begin());
  } else if (!options.command.empty() && options.command[0].starts_with('-')) {
    return mistake("unknown option '" + options.command[0] + "'");
  }
  if (options.command.empty()) return mistake("expected the name of a program to run");
  if (const std::string message = FinishConfigOptions(reader, format, &options.sources); !message.empty()) {
    return mistake(message);
  }
  return options;
}

}  // namespace socksify
