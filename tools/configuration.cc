// SPDX-License-Identifier: BSD-2-Clause
#include "tools/configuration.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "routing/config_host.h"

namespace socksify {

std::expected<Config, std::vector<Diagnostic>> LoadLocalConfig(const ConfigSources& sources) {
  ConfigSources effective = sources;
  if (const char* const inherited = getenv("SOCKSIFY_PROXY");
      inherited != nullptr && effective.file.empty() && effective.proxies.empty()) {
    std::string_view rest = inherited;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(' '), rest.size());
      if (end > 0) effective.proxies.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return LoadConfig(effective, LocalConfigHost());
}

std::string ToText(std::span<const Diagnostic> diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += diagnostic.ToString();
  return text;
}

}  // namespace socksify
