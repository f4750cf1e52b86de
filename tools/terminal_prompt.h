// SPDX-License-Identifier: BSD-2-Clause
// A password asked for on the terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

namespace socksify {

enum class PromptFailure : uint8_t {
  kNoTerminal,  // the process has no controlling terminal
  kNothing,     // an empty line, or the end of the input
  kTooLong,
};

// Writes `prompt` to the controlling terminal and reads a line from there with the echo off. Signals that end
// or stop the process take effect after the terminal is as it was; after a stop it asks again. Not
// thread-safe: it exchanges signal handlers for the time being.
std::expected<std::string, PromptFailure> AskOnTerminal(const std::string& prompt, size_t max_size);

}  // namespace socksify
