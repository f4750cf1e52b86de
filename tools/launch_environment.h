// SPDX-License-Identifier: BSD-2-Clause
// What the launcher says to the preload, which it can only do through the environment.
//
//   SOCKS_CONF        absolute path of the configuration (-f)
//   SOCKSIFY_FORMAT   the language of the configuration (--format)
//   SOCKSIFY_PROXY    the -p values, joined by one blank
//   SOCKSIFY_VERBOSE  1: a line for each connection (-v)
//   SOCKSIFY_LOG      absolute path (--log)
//   SOCKSIFY_TRACE    absolute path (--trace)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/launch_options.h"

namespace socksify {

struct EnvironmentChange {
  std::string name;
  std::optional<std::string> value;  // nothing: the variable is removed
};

// Pure. `directory` is the working directory, to which the paths on the command line are relative. Of
// SOCKS_CONF and SOCKSIFY_PROXY at most the one that was asked for remains, whatever a parent has set, and
// SOCKSIFY_FORMAT goes with a parent's SOCKS_CONF.
std::vector<EnvironmentChange> MakeEnvironment(const LaunchOptions& options, std::string_view directory);

// What takes back whatever a launcher or `socksctl env` may have set, where LD_PRELOAD is `preload`.
// SOCKS_CONF is unset, too: nobody knows what it was before.
std::vector<EnvironmentChange> UnmakeEnvironment(std::string_view preload);

// Changes this process's environment.
void ApplyEnvironment(const std::vector<EnvironmentChange>& changes);

// Proves that a file can be appended to, creating it if need be; fails with an errno value.
std::optional<int> CheckAppendable(const std::string& path);

}  // namespace socksify
