// SPDX-License-Identifier: BSD-2-Clause
// Runs a program to its end, with a deadline, and keeps what it wrote.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace socksify {

struct ProgramOutcome {
  int exit_code = -1;  // -1: ended by a signal, or killed at the deadline
  int signal = 0;
  bool timed_out = false;
  std::string out;
  std::string err;
};

struct ProgramOptions {
  // Added to this process's environment; nothing removes the variable.
  std::map<std::string, std::optional<std::string>> environment;
  std::chrono::milliseconds deadline = std::chrono::seconds(20);
};

// `arguments` begins with the program, which is looked for in PATH.
ProgramOutcome RunProgram(const std::vector<std::string>& arguments, const ProgramOptions& options = {});

}  // namespace socksify
