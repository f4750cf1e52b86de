// SPDX-License-Identifier: BSD-2-Clause
// Small text helpers for code that may not use iostream or the locale.
#pragma once

#include <string>
#include <string_view>

namespace socksify {

// ASCII only, whatever the locale says (RFC 4343: DNS names compare so).
constexpr char ToLowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string ToLowerAscii(std::string_view text);

// `text` without the blanks, tabs and line ends at both ends.
std::string_view Trim(std::string_view text);

// Appends `text` as a JSON string with its quotes (RFC 8259 section 7). Bytes that are not UTF-8 come out as
// \u00XX, so that the result is always valid.
void AppendJsonString(std::string* out, std::string_view text);

// Appends `text` with everything escaped that is not printable ASCII, as names are written in DNS (RFC 1035
// section 5.1): a blank and other bytes as \DDD in decimal, a backslash as \\. So a name cannot end a line of
// a log, or speak to a terminal.
void AppendEscaped(std::string* out, std::string_view text);

}  // namespace socksify
