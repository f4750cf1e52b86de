// SPDX-License-Identifier: BSD-2-Clause
#include "routing/foreign_lines.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace socksify {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

bool IsBlank(char c) {
  return kBlanks.find(c) != std::string_view::npos;
}

size_t FindComment(std::string_view line, CommentStart start) {
  for (size_t i = line.find('#'); i != std::string_view::npos; i = line.find('#', i + 1)) {
    const bool is_first = line.find_first_not_of(kBlanks) == i;
    const bool begins_word = i == 0 || IsBlank(line[i - 1]);
    if (start == CommentStart::kAnywhere || is_first || (start == CommentStart::kWordStart && begins_word))
      return i;
  }
  return line.size();
}

std::vector<ForeignField> SplitFields(std::string_view line, std::string_view content) {
  std::vector<ForeignField> fields;
  if (content.empty()) return fields;
  const size_t end = static_cast<size_t>(content.data() - line.data()) + content.size();
  for (size_t i = end - content.size(); i < end;) {
    size_t last = i;
    while (last < end && !IsBlank(line[last])) ++last;
    if (last > i) fields.push_back({line.substr(i, last - i), static_cast<unsigned>(i + 1)});
    i = last + 1;
  }
  return fields;
}

}  // namespace

std::vector<ForeignLine> SplitForeignLines(std::string_view text, CommentStart start) {
  std::vector<ForeignLine> lines;
  for (unsigned number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    ForeignLine line{
        .number = number, .text = text.substr(0, end), .content = {}, .comment = {}, .fields = {}};
    if (line.text.ends_with('\r')) line.text.remove_suffix(1);
    const size_t comment = FindComment(line.text, start);
    line.comment = Trim(line.text.substr(comment));
    line.content = Trim(line.text.substr(0, comment));
    line.fields = SplitFields(line.text, line.content);
    lines.push_back(std::move(line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string_view> SplitList(std::string_view text, char separator) {
  std::vector<std::string_view> items;
  for (size_t end = text.find(separator); end != std::string_view::npos; end = text.find(separator)) {
    items.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  items.push_back(text);
  return items;
}

std::optional<unsigned> ParseDecimal(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

}  // namespace socksify
