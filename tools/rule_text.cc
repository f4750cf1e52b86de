// SPDX-License-Identifier: BSD-2-Clause
#include "tools/rule_text.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace socksify {
namespace {

constexpr std::string_view kBlot = "***";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// `content` from the start of its line `line`, 1-based, on.
std::string_view FromLine(std::string_view content, unsigned line) {
  for (unsigned i = 1; i < line; ++i) {
    const size_t end = content.find('\n');
    if (end == std::string_view::npos) return {};
    content.remove_prefix(end + 1);
  }
  return content;
}

std::string_view ExtractLine(std::string_view content, unsigned line) {
  content = FromLine(content, line);
  return content.substr(0, content.find('\n'));
}

}  // namespace

std::string HidePasswords(std::string_view text) {
  std::string shown(text);
  for (size_t at = 0; (at = shown.find("://", at)) != std::string::npos;) {
    at += 3;
    // The URL ends at the first of these. A password may hold a ':', '/' or '@' that ought to be escaped; so
    // it is taken to reach to the last '@': rather too much is hidden than too little.
    const size_t end = std::min(shown.find_first_of(" \t\n,\"", at), shown.size());
    const size_t sign = shown.rfind('@', end);
    const size_t colon = shown.find(':', at);
    if (sign == std::string::npos || sign < at || colon >= sign) continue;
    shown.replace(colon + 1, sign - colon - 1, kBlot);
  }
  constexpr std::string_view kKeyword = "password:";
  for (size_t at = 0; (at = shown.find(kKeyword, at)) != std::string::npos;) {
    at = std::min(shown.find_first_not_of(" \t", at + kKeyword.size()), shown.size());
    const bool is_quoted = at < shown.size() && shown[at] == '"';
    const size_t stop = is_quoted ? shown.find('"', at + 1) : shown.find_first_of(" \t\n}", at);
    const size_t end = std::min(stop, shown.size());
    shown.replace(at, end - at + (is_quoted && end < shown.size() ? 1 : 0), kBlot);
  }
  return shown;
}

std::string ExtractBlock(std::string_view content, unsigned line) {
  constexpr int kMaxLines = 20;
  content = FromLine(content, line);
  std::string block;
  int depth = 0;
  bool has_opened = false;
  for (int lines = 0; lines < kMaxLines && !content.empty(); ++lines) {
    const size_t end = std::min(content.find('\n'), content.size());
    const std::string_view text = content.substr(0, end);
    if (lines > 0) block += '\n';
    block += text;
    for (const char c : text.substr(0, text.find('#'))) {
      depth += c == '{' ? 1 : c == '}' ? -1 : 0;
      has_opened = has_opened || c == '{';
    }
    if (has_opened && depth <= 0) break;
    content.remove_prefix(std::min(end + 1, content.size()));
  }
  return block;
}

std::string ReadRuleText(const Location& where, ConfigFormat format) {
  if (!where.source || where.line == 0) return {};
  if (format != ConfigFormat::kOwn) {
    const std::string text = WithoutForeignSecrets(format, ReadFile(*where.source));
    return HidePasswords(ExtractLine(text, where.line));
  }
  return HidePasswords(ExtractBlock(ReadFile(*where.source), where.line));
}

}  // namespace socksify
