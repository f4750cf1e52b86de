// SPDX-License-Identifier: BSD-2-Clause
// The configuration as the tools load it: by the same call and from the same places as the preload.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <vector>

#include "routing/config.h"
#include "routing/config_host.h"

namespace socksify {

// Loads from `sources`, and adds a warning for each server that this version cannot use; where they are
// empty, from what a `socksify` around this process has said in SOCKSIFY_PROXY, and else from the usual
// places.
std::expected<Config, std::vector<Diagnostic>> LoadLocalConfig(const ConfigSources& sources,
                                                               const ConfigHost& host = LocalConfigHost());

// Whether nothing is wrong but that there is no configuration anywhere.
bool FoundNoConfig(std::span<const Diagnostic> errors);

// All of them, each with its line, caret and remedy.
std::string ToText(std::span<const Diagnostic> diagnostics);

}  // namespace socksify
