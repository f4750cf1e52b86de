// SPDX-License-Identifier: BSD-2-Clause
// The text of a route as it stands in its file, fit to be shown.
#pragma once

#include <string>
#include <string_view>

#include "routing/foreign_config.h"
#include "routing/location.h"

namespace socksify {

// The lines from `where` to the brace that closes its block; empty where the location has no line or its file
// cannot be read any more. Of a file in another language the line alone. Passwords are blotted out. No line
// end at the end.
std::string ReadRuleText(const Location& where, ConfigFormat format = ConfigFormat::kOwn);

// The same of a file's content; `line` is 1-based. At most 20 lines.
std::string ExtractBlock(std::string_view content, unsigned line);

// `text` with the passwords of URLs (SCHEME://USER:PASSWORD@) and of `password:` replaced by "***".
std::string HidePasswords(std::string_view text);

}  // namespace socksify
