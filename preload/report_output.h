// SPDX-License-Identifier: BSD-2-Clause
// Where a line of a report goes.
#pragma once

#include <string>

namespace socksify {

// Writes `line`, which ends with a line feed, by one write(2) to `output`: "stderr", "stdout",
// "syslog[/FACILITY]" or the name of a file, which is opened for it and closed again, so that no descriptor
// is left in the program. What cannot be written is lost. Changes errno.
void WriteTo(const std::string& output, const std::string& line);

}  // namespace socksify
