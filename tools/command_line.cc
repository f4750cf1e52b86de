// SPDX-License-Identifier: BSD-2-Clause
#include "tools/command_line.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "routing/foreign_config.h"
#include "tools/cli11.h"

namespace socksify {

int Finish(const CommandLineEnd& end) {
  std::fputs(end.text.c_str(), end.exit_code == 0 ? stdout : stderr);
  return end.exit_code;
}

CommandLineEnd UsageError(const std::string& tool, int exit_code, const std::string& message) {
  return {exit_code, tool + ": " + message + "\n  try `" + tool + " --help`\n"};
}

CommandLineEnd UsageError(const std::string& tool, int exit_code, const CLI::ParseError& error) {
  std::string message = error.what();
  // CLI11's own words for a wrong number of values are "--log: 1 required FILE missing".
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const bool is_repeated = message.find("At Most") != std::string::npos;
    message.resize(std::min(message.find(':'), message.size()));
    message += is_repeated ? " is given more than once" : " needs a value behind it";
  }
  std::ranges::replace(message, '\n', ' ');
  if (!message.empty()) message[0] = ToLowerAscii(message[0]);
  return UsageError(tool, exit_code, message);
}

void AddConfigOptions(CLI::App* app, ConfigSources* sources) {
  app->add_option("-f,--file", sources->file)->type_name("FILE");
  app->add_option_function<std::string>(
         "--format",
         [sources](const std::string& name) {
           sources->format = FormatOfName(name);
           if (sources->format) return;
           throw CLI::ValidationError("expected the name of a format behind --format, found '" + name +
                                      "'; " + FormatNames());
         })
      ->type_name("NAME");
  // Each -p takes exactly one value, or it would eat the program's name.
  app->add_option("-p,--proxy", sources->proxies)->type_name("URL")->type_size(1)->allow_extra_args(false);
}

std::string CheckConfigOptions(const ConfigSources& sources) {
  if (!sources.file.empty() && !sources.proxies.empty()) {
    return "give either -f FILE or -p URL, not both: a proxy on the command line stands for a whole "
           "configuration";
  }
  if (!sources.proxies.empty() && sources.format) {
    return "give either --format or -p URL, not both: --format says in which language a file is";
  }
  if (std::ranges::any_of(sources.proxies, [](const std::string& proxy) {
        return proxy.empty() || proxy.find_first_of(" \t\n") != std::string::npos;
      })) {
    return "expected a URL behind -p, such as socks5://127.0.0.1:1080, found an empty one or one with a "
           "blank";
  }
  return {};
}

}  // namespace socksify
