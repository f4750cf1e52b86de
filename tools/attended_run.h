// SPDX-License-Identifier: BSD-2-Clause
// `socksify --summary`: the launcher stays beside the program, and says at its end what became of its
// connections.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "tools/trouble.h"

namespace socksify {

// Makes an empty file of mode 0600 in the state directory (state_directory.h), and returns its path.
std::expected<std::string, Trouble> MakeSummaryFile(const char* (*get_env)(const char* name));

// Runs `program`, which executes one or returns its own exit code, in a child, and waits for it. SIGINT and
// SIGQUIT, which a terminal sends to both, are the program's; SIGTERM and SIGHUP are passed on to it. Then
// `socksctl summary FILE`, from the directory of this program, writes to standard error, and the file is
// removed. Returns the program's exit code; where a signal ended it, this process ends by the same.
int RunAttended(const std::function<int()>& program, const std::string& file);

}  // namespace socksify
