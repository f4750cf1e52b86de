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

// Gives the lines of a text one by one, empty ones too. The views point into it.
class ForeignLineReader {
 public:
  ForeignLineReader(std::string_view text, CommentStart start) : rest_(text), start_(start) {}

  // False at the end. The line has no fields yet.
  bool Next(ForeignLine* line);

 private:
  std::string_view rest_;
  CommentStart start_;
  unsigned number_ = 0;
};

std::vector<ForeignField> SplitFields(const ForeignLine& line);
// Takes the first of the words that blanks part; an empty one if there is none.
std::string_view TakeWord(std::string_view* text);

// Every line of `text`, with its fields.
std::vector<ForeignLine> SplitForeignLines(std::string_view text, CommentStart start);

// The items of a list, empty ones too: "a,,b" has three. One of an empty text is the empty text.
std::vector<std::string_view> SplitList(std::string_view text, char separator = ',');

// A decimal number up to `most`, and nothing else.
std::optional<unsigned> ParseDecimal(std::string_view text, unsigned most);

}  // namespace socksify
