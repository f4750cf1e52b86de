// SPDX-License-Identifier: BSD-2-Clause
// What translators of line-based configurations share: lines, fields, lists.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socksify {

struct ForeignField {
  std::string_view text;
  unsigned column = 0;  // 1-based, in bytes
};

struct ForeignLine {
  unsigned number = 0;               // 1-based
  std::string_view text;             // the whole line, without its end
  std::string_view content;          // without the comment and the blanks at both ends; may be empty
  std::string_view comment;          // from its '#' on, without the blanks at the end; may be empty
  std::vector<ForeignField> fields;  // of `content`, by blanks
};

// Which '#' begins a comment.
enum class CommentStart : unsigned char {
  kAnywhere,   // every one
  kWordStart,  // one at the start of the line or behind a blank
  kLineStart,  // one that nothing but blanks stands before
};

// Every line of `text`, empty ones too. The views point into it.
std::vector<ForeignLine> SplitForeignLines(std::string_view text, CommentStart start);

// The items of a list, empty ones too: "a,,b" has three. One of an empty text is the empty text.
std::vector<std::string_view> SplitList(std::string_view text, char separator = ',');

// A decimal number up to `most`, and nothing else.
std::optional<unsigned> ParseDecimal(std::string_view text, unsigned most);

}  // namespace socksify
