// SPDX-License-Identifier: BSD-2-Clause
#include "tools/configuration.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace socksify {
namespace {

void WarnOfUnusableServers(Config* config) {
  for (const std::unique_ptr<const Server>& server : config->routes.servers()) {
    if (server->unusable.empty()) continue;
    const std::string name = server->name.empty() ? server->address.ToString() : server->name;
    config->warnings.push_back({.severity = Diagnostic::Severity::kWarning,
                                .where = server->where,
                                .message = "server " + name + " cannot be used: " + server->unusable,
                                .source_line = {},
                                .remedy = {}});
  }
}

}  // namespace

std::expected<Config, std::vector<Diagnostic>> LoadLocalConfig(const ConfigSources& sources,
                                                               const ConfigHost& host) {
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
  std::expected<Config, std::vector<Diagnostic>> config = LoadConfig(effective, host);
  if (config) WarnOfUnusableServers(&*config);
  return config;
}

bool FoundNoConfig(std::span<const Diagnostic> errors) {
  return std::ranges::any_of(
      errors, [](const Diagnostic& error) { return error.message.starts_with("no configuration found:"); });
}

std::string ToText(std::span<const Diagnostic> diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += diagnostic.ToString();
  return text;
}

}  // namespace socksify
