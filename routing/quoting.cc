// SPDX-License-Identifier: BSD-2-Clause
#include "routing/quoting.h"

#include <algorithm>

#include "base/text.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

constexpr size_t kMaxShown = 64;
constexpr size_t kMaxLineShown = 400;
constexpr std::string_view kHidden = "***";

// Bytes past ASCII are left alone: they are UTF-8, or the terminal's own affair.
char Printable(char c) {
  const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  return control && c != '\t' ? '?' : c;
}

// True for `password` and for what somebody may have typed in its place.
bool NamesAPassword(std::string_view word) {
  if (EqualsIgnoreCase(word, "password.file") || EqualsIgnoreCase(word, "password.prompt")) return false;
  if (ToLowerAscii(word).find("pass") != std::string::npos) return true;
  constexpr size_t kTypingErrors = 3;
  return EditDistance(word, "password", kTypingErrors) <= kTypingErrors;
}

// Where the first password that is set on this line begins, or the line's size.
size_t FindPasswordValue(std::string_view line) {
  constexpr std::string_view kWordEnds = " \t{},";
  for (size_t colon = line.find(':'); colon != std::string_view::npos; colon = line.find(':', colon + 1)) {
    size_t end = colon;
    while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t')) --end;
    const size_t before = line.substr(0, end).find_last_of(kWordEnds);
    const size_t begin = before == std::string_view::npos ? 0 : before + 1;
    if (end > begin && NamesAPassword(line.substr(begin, end - begin))) return colon + 1;
  }
  return line.size();
}

// `@=10.0.3.1`, a list of servers in the language of SOCKS 4.2.
bool BeginsServerList(std::string_view text, size_t at) {
  return (at == 0 || text[at - 1] == ' ' || text[at - 1] == '\t') && text.substr(at).starts_with("@=");
}

// Where the user information of a URL begins, or the line's size. A password may hold anything, a blank
// included, so every '@' further on counts.
size_t FindUserInfo(std::string_view line) {
  const size_t slashes = line.find("://");
  for (size_t at = line.rfind('@'); at != std::string_view::npos; at = line.rfind('@', at - 1)) {
    if (slashes != std::string_view::npos && slashes + 3 <= at) return slashes + 3;
    if (!BeginsServerList(line, at)) {
      const size_t blank = line.substr(0, at).find_last_of(" \t{,");
      return blank == std::string_view::npos ? 0 : blank + 1;
    }
    if (at == 0) break;
  }
  return line.size();
}

}  // namespace

std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  const size_t at = text.rfind('@');
  if (at != std::string_view::npos && !BeginsServerList(text, at)) {
    quoted += kHidden;
    text.remove_prefix(at);
  }
  for (const char c : text.substr(0, kMaxShown)) quoted += Printable(c);
  if (text.size() > kMaxShown) quoted += "...";
  return quoted += '\'';
}

std::string WithoutSecrets(std::string_view line) {
  // A line may be a whole file; what is not shown anyway is not searched word by word.
  const std::string_view begin = line.substr(0, kMaxLineShown);
  const size_t password = FindPasswordValue(begin);
  const size_t end = std::min(password < begin.size() ? password : line.size(), FindUserInfo(line));
  std::string shown;
  for (const char c : line.substr(0, std::min(end, kMaxLineShown))) shown += Printable(c);
  if (end < line.size()) {
    shown += kHidden;
  } else if (end > kMaxLineShown) {
    shown += "...";
  }
  return shown;
}

}  // namespace socksify
