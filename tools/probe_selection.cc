// SPDX-License-Identifier: BSD-2-Clause
#include "tools/probe_selection.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace socksify {
namespace {

bool IsUrl(const std::string& word) {
  return word.find(':') != std::string::npos;
}

// The same server, spoken to in the same way.
bool IsSame(const Server& a, const Server& b) {
  return a.name == b.name && a.address == b.address && a.protocols == b.protocols && a.methods == b.methods &&
         a.username == b.username && a.password == b.password;
}

void AddOnce(const Server* server, std::vector<const Server*>* servers) {
  const auto is_same = [&](const Server* other) { return IsSame(*server, *other); };
  if (std::ranges::none_of(*servers, is_same)) servers->push_back(server);
}

const Server* FindByName(const Config& config, const std::string& name) {
  for (const std::unique_ptr<const Server>& server : config.routes.servers()) {
    if (server->name == name) return server.get();
  }
  return nullptr;
}

std::string DescribeUnknown(const Config& config, const std::string& word) {
  std::string names;
  for (const std::unique_ptr<const Server>& server : config.routes.servers()) {
    if (!server->name.empty()) names += (names.empty() ? "" : ", ") + server->name;
  }
  return "expected a URL or the name of a server of " + config.origin +
         (names.empty() ? " (none has a name)" : " (" + names + ")") + ", found '" + word + "'";
}

}  // namespace

std::expected<ProbeSelection, NoSelection> SelectServers(const ConfigSources& sources,
                                                         const std::vector<std::string>& words,
                                                         ConfigLoad load) {
  ProbeSelection selection;
  auto config = load(sources);
  // URLs need none: it gives the limits of time if it is there.
  const bool is_named = !sources.file.empty() || !sources.proxies.empty();
  if (!config && (is_named || words.empty() || !std::ranges::all_of(words, IsUrl)))
    return std::unexpected(NoSelection{std::move(config.error()), {}});

  if (config) selection.settings = config->settings;
  if (config && words.empty()) {
    for (const std::unique_ptr<const Server>& server : config->routes.servers())
      AddOnce(server.get(), &selection.servers);
    if (selection.servers.empty())
      return std::unexpected(NoSelection{{}, "there is no server in " + config->origin});
  }
  for (const std::string& word : words) {
    if (const Server* const server = config ? FindByName(*config, word) : nullptr) {
      AddOnce(server, &selection.servers);
      continue;
    }
    if (!IsUrl(word)) return std::unexpected(NoSelection{{}, DescribeUnknown(*config, word)});
    auto single = load({.file = {}, .proxies = {word}});
    if (!single) return std::unexpected(NoSelection{std::move(single.error()), {}});
    for (const std::unique_ptr<const Server>& server : single->routes.servers())
      AddOnce(server.get(), &selection.servers);
    selection.configs.push_back(std::move(*single));
  }
  if (config) selection.configs.push_back(std::move(*config));
  return selection;
}

}  // namespace socksify
