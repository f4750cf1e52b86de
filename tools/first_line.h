// SPDX-License-Identifier: BSD-2-Clause
// The first line that a program writes, for programs that tell passwords or users.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

namespace socksify {

struct ProgramOutput {
  int status = 0;          // that of waitpid(2)
  std::string first_line;  // without the line end; the rest is thrown away
  bool is_too_long = false;
};

// Runs arguments[0], looked for in PATH if it has no slash, with nothing to read, with this process's
// standard error, and without LD_PRELOAD, and waits until it has ended. Of its first line `max_size` bytes
// are kept, in no memory but the result. Fails with an errno value when it cannot be started.
std::expected<ProgramOutput, int> RunForFirstLine(const std::vector<std::string>& arguments, size_t max_size);

// The first line alone. Fails with what has gone wrong, as it stands behind the program's name ("ended with
// exit status 3"), when it cannot be started or ends otherwise than with 0, or when the line is empty, has a
// NUL in it or is longer than `max_size` bytes. What was written is in no message.
std::expected<std::string, std::string> FirstLineOf(const std::vector<std::string>& arguments,
                                                    size_t max_size);

}  // namespace socksify
