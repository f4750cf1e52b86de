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

}  // namespace

bool ForeignLineReader::Next(ForeignLine* line) {
  if (rest_.empty()) return false;
  const size_t end = std::min(rest_.find('\n'), rest_.size());
  line->number = ++number_;
  line->text = rest_.substr(0, end);
  if (line->text.ends_with('\r')) line->text.remove_suffix(1);
  const size_t comment = FindComment(line->text, start_);
  line->comment = Trim(line->text.substr(comment));
  line->content = Trim(line->text.substr(0, comment));
  line->fields.clear();
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return true;
}

std::string_view TakeWord(std::string_view* text) {
  text->remove_prefix(std::min(text->find_first_not_of(kBlanks), text->size()));
  const std::string_view word = text->substr(0, text->find_first_of(kBlanks));
  text->remove_prefix(word.size());
  return word;
}

std::vector<ForeignField> SplitFields(const ForeignLine& line) {
  std::vector<ForeignField> fields;
  std::string_view rest = line.content;
  for (std::string_view word = TakeWord(&rest); !word.empty(); word = TakeWord(&rest))
    fields.push_back({word, static_cast<unsigned>(word.data() - line.text.data() + 1)});
  return fields;
}

std::vector<ForeignLine> SplitForeignLines(std::string_view text, CommentStart start) {
  std::vector<ForeignLine> lines;
  ForeignLineReader reader(text, start);
  for (ForeignLine line; reader.Next(&line); line = {}) {
    line.fields = SplitFields(line);
    lines.push_back(std::move(line));
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
