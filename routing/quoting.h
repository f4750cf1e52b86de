// SPDX-License-Identifier: BSD-2-Clause
// Text of a configuration as it may be shown to people: without secrets, without control characters.
#pragma once

#include <string>
#include <string_view>

namespace socksify {

// 'text' in quotes for a message, control characters as '?', at most 64 bytes of it. What stands before an
// '@' is somebody's user name or password, and becomes '***'.
std::string Quoted(std::string_view text);

// One line for Diagnostic::source_line. It ends with '***' where a password or the user information of a URL
// begins, so that not even its length can be seen.
std::string WithoutSecrets(std::string_view line);

}  // namespace socksify
