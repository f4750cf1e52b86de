// SPDX-License-Identifier: BSD-2-Clause
// Where a line of a report goes.
#pragma once

#include <string>
#include <string_view>

namespace socksify {

// Writes `line`, which ends with a line feed, by one write(2) to `output`: "stderr", "stdout",
// "syslog[/FACILITY]" or the name of a file, which is opened for it and closed again, so that no descriptor
// is left in the program. What cannot be written is lost, and neither a
// reader that is gone nor one that does not read ends or stops the program. Changes errno. For a file it
// allocates nothing and is async-signal-safe.
void WriteTo(const std::string& output, std::string_view line);

}  // namespace socksify
