// SPDX-License-Identifier: BSD-2-Clause
// socksify-testserver: TestServer as a program, for trying things by hand, for quickstart and for other
// programs' tests. Ends with 0 on SIGTERM, SIGINT or at the end of its lifetime, with 125 on errors of its
// own.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "tests/server/record_json.h"
#include "tests/server/test_server.h"

namespace socksify::testserver {
namespace {

constexpr int kOwnError = 125;

struct Arguments {
  std::vector<std::string> listen;
  std::vector<std::string> names;
  std::vector<std::string> pages;
  std::vector<std::string> echoes;
  std::vector<std::string> discards;
  std::vector<std::string> refusals;
  std::vector<std::string> scripts;
  std::string user;
  std::string record_file;
  std::string pid_file;
  std::string port_file;
  bool raw = false;
  bool quiet = false;
  bool no_udp = false;
  bool no_bind = false;
  bool no_http = false;
  unsigned lifetime_s = 3600;
};

void Declare(CLI::App* app, Arguments* arguments) {
  app->add_option("--listen", arguments->listen, "ADDR:PORT to listen on, port 0 for any (127.0.0.1:0)");
  app->add_option("--name", arguments->names, "HOST=ADDR[:PORT]: a name known only to this server");
  app->add_option("--page", arguments->pages,
                  "HOST[=TEXT]: answer it as a web server with one page, over UDP with its text");
  app->add_option("--echo", arguments->echoes, "HOST: answer it as an echo server");
  app->add_option("--discard", arguments->discards, "HOST: answer it as a server that swallows everything");
  app->add_option("--refuse", arguments->refusals, "HOST[=CODE]: refuse it with a SOCKS5 reply code (5)");
  app->add_option("--script", arguments->scripts, "[HOST: ]STEPS: misbehave, for HOST or for all");
  app->add_option("--user", arguments->user, "NAME:PASSWORD that clients must give");
  app->add_flag("--no-udp", arguments->no_udp, "refuse UDP ASSOCIATE with reply 7");
  app->add_flag("--no-bind", arguments->no_bind, "refuse BIND with reply 7, with SOCKS4 91");
  app->add_flag("--no-http", arguments->no_http, "close the connections of HTTP clients");
  app->add_option("--record", arguments->record_file, "append one JSON line per finished connection to FILE");
  app->add_flag("--raw", arguments->raw, "add the handshake's bytes to the record");
  app->add_option("--pid-file", arguments->pid_file, "write the process id to FILE");
  app->add_option("--port-file", arguments->port_file, "write the first listener's port to FILE");
  app->add_option("--lifetime", arguments->lifetime_s, "seconds after which the server ends (3600)")
      ->check(CLI::Range(1U, 864000U))
      ->take_last();
  app->add_flag("--quiet", arguments->quiet, "print nothing");
  // Every occurrence takes one value, so that nothing is swallowed by accident.
  for (CLI::Option* option : app->get_options()) {
    if (option->get_items_expected_max() > 1) option->allow_extra_args(false);
  }
}

// KEY=VALUE in two, with `fallback` where there is no '='.
std::pair<std::string, std::string> SplitAtEquals(const std::string& text, const std::string& fallback) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return {text, fallback};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// "HOST: STEPS" or "STEPS": only a host can come before ": ".
void AddScript(TestServer* server, const std::string& text) {
  const size_t colon = text.find(": ");
  if (colon == std::string::npos) return server->SetScript(text);
  server->AddScript(text.substr(0, colon), text.substr(colon + 2));
}

void Configure(const Arguments& arguments, TestServer* server) {
  for (const std::string& text : arguments.names) {
    const auto [host, address] = SplitAtEquals(text, "");
    server->AddName(host, address);
  }
  for (const std::string& text : arguments.pages) {
    const auto [host, body] = SplitAtEquals(text, "");
    server->AddPage(host,
                    body.empty() ? "Hello from " + host + ", which only the proxy knows.\n" : body + "\n");
  }
  for (const std::string& host : arguments.echoes) server->AddEcho(host);
  for (const std::string& host : arguments.discards) server->AddDiscard(host);
  for (const std::string& text : arguments.refusals) {
    const auto [host, code] = SplitAtEquals(text, "5");
    const std::optional<uint64_t> number = ParseNumber(code, 255);
    if (!number) throw std::invalid_argument("--refuse " + text + ": expected HOST or HOST=CODE");
    server->AddRefused(host, static_cast<uint8_t>(*number));
  }
  server->SetUdp(!arguments.no_udp);
  server->SetBind(!arguments.no_bind);
  server->SetHttp(!arguments.no_http);
  for (const std::string& text : arguments.scripts) AddScript(server, text);
  if (!arguments.user.empty()) {
    const size_t colon = arguments.user.find(':');
    if (colon == std::string::npos) throw std::invalid_argument("--user: expected NAME:PASSWORD");
    server->SetCredentials(arguments.user.substr(0, colon), arguments.user.substr(colon + 1));
  }
}

// A reader sees the whole number or no file.
void WriteNumberFile(const std::string& path, long number) {
  if (path.empty()) return;
  const std::string text = std::to_string(number) + "\n";
  const std::string temporary = path + ".new";
  const UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!fd.valid() || write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      rename(temporary.c_str(), path.c_str()) < 0) {
    throw std::system_error(errno, std::generic_category(), path);
  }
}

ServerOptions MakeOptions(const Arguments& arguments) {
  ServerOptions options;
  if (!arguments.listen.empty()) options.listen = arguments.listen;
  if (arguments.record_file.empty()) return options;
  const auto record = std::make_shared<UniqueFd>(
      open(arguments.record_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!record->valid()) throw std::system_error(errno, std::generic_category(), arguments.record_file);
  options.on_finished = [record, raw = arguments.raw](const RequestRecord& finished) {
    const std::string line = ToJsonLine(finished, raw);
    if (write(record->get(), line.data(), line.size()) < 0) std::perror("socksify-testserver: --record");
  };
  return options;
}

int Run(const Arguments& arguments) {
  // Blocked before the server's thread starts, so that it inherits the mask and only this thread waits.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  RaiseDescriptorLimit();

  TestServer server(MakeOptions(arguments));
  Configure(arguments, &server);
  WriteNumberFile(arguments.pid_file, getpid());
  WriteNumberFile(arguments.port_file, server.port());
  if (!arguments.quiet) {
    for (const Endpoint& endpoint : server.endpoints()) {
      std::printf("listening on %s\n", endpoint.ToString().c_str());
    }
    std::fflush(stdout);
  }
  const timespec lifetime{.tv_sec = static_cast<time_t>(arguments.lifetime_s), .tv_nsec = 0};
  while (sigtimedwait(&ends, nullptr, &lifetime) < 0 && errno == EINTR) {
  }
  return 0;
}

int ParseAndRun(int argc, char** argv) {
  CLI::App app(
      "A minimal SOCKS 4, 4A, 5 and HTTP CONNECT server for tests, with names and origins of its own");
  Arguments arguments;
  Declare(&app, &arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kOwnError;
  }
  return Run(arguments);
}

}  // namespace
}  // namespace socksify::testserver

int main(int argc, char** argv) {
  try {
    return socksify::testserver::ParseAndRun(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "socksify-testserver: %s\n", error.what());
  } catch (...) {
    std::fputs("socksify-testserver: unknown error\n", stderr);
  }
  return socksify::testserver::kOwnError;
}
