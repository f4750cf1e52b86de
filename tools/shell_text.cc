// SPDX-License-Identifier: BSD-2-Clause
#include "tools/shell_text.h"

namespace socksify {
namespace {

// Each shell takes what stands between apostrophes as it is, with exceptions of its own. A line ends with a
// semicolon because csh makes blanks of the line ends in `...`.
std::string QuotedFor(Shell shell, std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    // Of csh the history is looked for between apostrophes too, and a line does not go on.
    const bool takes_backslash =
        shell == Shell::kFish ? c == '\'' || c == '\\' : shell == Shell::kCsh && (c == '!' || c == '\n');
    if (takes_backslash) text += '\\';
    if (c == '\'' && !takes_backslash) {
      text += R"('\'')";
    } else {
      text += c;
    }
  }
  return text + "'";
}

std::string SetLine(Shell shell, const std::string& name, const std::string& value) {
  const std::string quoted = QuotedFor(shell, value);
  switch (shell) {
    case Shell::kSh: break;
    case Shell::kCsh: return "setenv " + name + " " + quoted + ";\n";
    case Shell::kFish: return "set -gx " + name + " " + quoted + ";\n";
  }
  return "export " + name + "=" + quoted + ";\n";
}

std::string UnsetLine(Shell shell, const std::string& name) {
  switch (shell) {
    case Shell::kSh: break;
    case Shell::kCsh: return "unsetenv " + name + ";\n";
    case Shell::kFish: return "set -e " + name + ";\n";
  }
  return "unset " + name + ";\n";
}

}  // namespace

std::optional<Shell> ParseShell(std::string_view name) {
  if (name == "sh") return Shell::kSh;
  if (name == "csh") return Shell::kCsh;
  if (name == "fish") return Shell::kFish;
  return std::nullopt;
}

std::string ToShell(const std::vector<EnvironmentChange>& changes, Shell shell) {
  std::string text;
  for (const EnvironmentChange& change : changes) {
    text += change.value ? SetLine(shell, change.name, *change.value) : UnsetLine(shell, change.name);
  }
  return text;
}

}  // namespace socksify
