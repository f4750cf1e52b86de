// SPDX-License-Identifier: BSD-2-Clause
// The first line of a script (execve(2), "Interpreter scripts"), and what env(1) makes of it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socksify {

struct ScriptLine {
  std::string interpreter;
  std::string argument;  // the rest of the line, which the kernel passes as one argument; may be empty
};

// Nothing when the file does not begin with `#!` and the path of an interpreter. The kernel looks at no more
// than 256 bytes of the file.
std::optional<ScriptLine> ParseScriptLine(std::span<const uint8_t> file);

// What `#!/usr/bin/env ARGUMENT` runs.
struct EnvCommand {
  std::string program;              // empty when the argument names none
  bool clears_environment = false;  // -i, -, or -u LD_PRELOAD: a preload does not survive it
};
EnvCommand ParseEnvArgument(std::string_view argument);

// `text` split at blanks as `env -S` does; quotes group words, a backslash takes the next byte as it is.
std::vector<std::string> SplitEnvString(std::string_view text);

}  // namespace socksify
