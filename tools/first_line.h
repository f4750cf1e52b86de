// SPDX-License-Identifier: BSD-2-Clause
// The first line that a program writes, for programs that tell passwords.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

namespace socksify {

// Runs arguments[0], looked for in PATH if it has no slash, with nothing to read, with this process's
// standard error, and without LD_PRELOAD, and waits until it has ended. Returns its first line without the
// line end; the rest is thrown away. Fails with what has gone wrong, as it stands behind the program's name
// ("ended with exit status 3"), when it cannot be started or ends otherwise than with 0, or when the line is
// empty, has a NUL in it or is longer than `max_size` bytes. What was written is in no message, and in no
// memory but the result.
std::expected<std::string, std::string> FirstLineOf(const std::vector<std::string>& arguments,
                                                    size_t max_size);

}  // namespace socksify
