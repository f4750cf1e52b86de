// SPDX-License-Identifier: BSD-2-Clause
#include "tools/command_line.h"

#include <algorithm>
#include <cstdio>

#include "routing/foreign_config.h"

namespace socksify {

int Finish(const CommandLineEnd& end) {
  std::fputs(end.text.c_str(), end.exit_code == 0 ? stdout : stderr);
  return end.exit_code;
}

CommandLineEnd UsageError(const std::string& tool, int exit_code, const std::string& message) {
  return {exit_code, tool + ": " + message + "\n  try `" + tool + " --help`\n"};
}

void AddConfigOptions(OptionReader* reader, ConfigSources* sources, std::string* format) {
  reader->Add('f', "file", &sources->file);
  reader->Add(0, "format", format);
  reader->Add('p', "proxy", &sources->proxies);
}

std::string FinishConfigOptions(const OptionReader& reader, const std::string& format,
                                ConfigSources* sources) {
  if (reader.IsGiven("format")) {
    sources->format = FormatOfName(format);
    if (!sources->format) {
      return "expected the name of a format behind --format, found '" + format + "'; " + FormatNames();
    }
  }
  // A variable that is not set, as a rule. Some other configuration would be taken for it.
  if (reader.IsGiven("file") && sources->file.empty()) {
    return "expected the name of a file behind -f, found an empty one";
  }
  if (!sources->file.empty() && !sources->proxies.empty()) {
    return "give either -f FILE or -p URL, not both: a proxy on the command line stands for a whole "
           "configuration";
  }
  if (!sources->proxies.empty() && sources->format) {
    return "give either --format or -p URL, not both: --format says in which language a file is";
  }
  if (std::ranges::any_of(sources->proxies, [](const std::string& proxy) {
        return proxy.empty() || proxy.find_first_of(" \t\n") != std::string::npos;
      })) {
    return "expected a URL behind -p, such as socks5://127.0.0.1:1080, found an empty one or one with a "
           "blank";
  }
  return {};
}

}  // namespace socksify
