// SPDX-License-Identifier: BSD-2-Clause
// Which servers `socksctl probe` is to probe.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "routing/config.h"

namespace socksify {

// Loads a configuration; LoadLocalConfig.
using ConfigLoad = std::expected<Config, std::vector<Diagnostic>> (*)(const ConfigSources& sources);

struct ProbeSelection {
  std::vector<Config> configs;  // to which the servers belong
  std::vector<const Server*> servers;
  Settings settings;  // of the configuration; what it is without one where only URLs are named
};

// Why there is none: errors of a configuration or a URL, or a mistake of the caller's in words.
struct NoSelection {
  std::vector<Diagnostic> errors;
  std::string mistake;
};

// `words` are names of `server` blocks of the configuration of `sources`, and URLs as behind -p; none of them
// means all servers of the configuration, each once. What has a colon and is no such name is a URL.
std::expected<ProbeSelection, NoSelection> SelectServers(const ConfigSources& sources,
                                                         const std::vector<std::string>& words,
                                                         ConfigLoad load);

}  // namespace socksify
