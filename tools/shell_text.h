// SPDX-License-Identifier: BSD-2-Clause
// Changes of the environment in the language of a shell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/launch_environment.h"

namespace socksify {

enum class Shell : uint8_t {
  kSh,  // POSIX, and so bash, zsh, dash, ksh
  kCsh,
  kFish,
};

// "sh", "csh" or "fish".
std::optional<Shell> ParseShell(std::string_view name);

// A line for each change, for eval in that shell; values are quoted, whatever they hold.
std::string ToShell(const std::vector<EnvironmentChange>& changes, Shell shell);

}  // namespace socksify
