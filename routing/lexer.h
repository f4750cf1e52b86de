// SPDX-License-Identifier: BSD-2-Clause
// Lexer: cuts a configuration into words and symbols, one at a time, as the parser asks for them. What a word
// may hold depends on where it stands, so each call says which kind of word may come next. Blanks, line ends,
// a backslash before a line end and comments (from a '#' to the end of the line) separate words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace socksify {

struct Token {
  enum class Kind : uint8_t { kEnd, kWord, kSymbol, kOpenQuote };
  Kind kind = Kind::kEnd;
  std::string_view text;       // as it stands in the file, quotes included
  std::string value;           // words: without quotes and backslashes
  size_t offset = 0;           // of its first byte
  size_t end = 0;              // of the byte after it
  bool first_on_line = false;  // the first token of its line

  bool IsWord() const { return kind == Kind::kWord; }
  bool IsWord(std::string_view word) const { return kind == Kind::kWord && text == word; }
  bool IsSymbol(std::string_view symbol) const { return kind == Kind::kSymbol && text == symbol; }
  // "'10.0.0.1'", "the end of the file", "a quote without an end": for messages.
  std::string Describe() const;
};

// A word of every kind may be written in double quotes, with a backslash before a quote or backslash in it.
enum class Words : uint8_t {
  kPlain,    // keywords, numbers, names: ends at any of `: { } , = < > ! #` and quotes
  kAddress,  // addresses and URLs: ends at `{ } , #`; a URL may hold '#'
  kText,     // file names, passwords, globs: ends at a blank or '}'; '#' begins a comment only after a blank
};

class Lexer {
 public:
  // `text` must outlive the lexer.
  explicit Lexer(std::string_view text) : text_(text) {}

  Token Peek(Words words) const;
  Token Next(Words words);
  // Whether the next token is a word with a ':' behind it.
  bool AtKeyword() const;
  // Goes on behind `token`, which came from Peek().
  void Accept(const Token& token) { offset_ = token.end; }
  void SkipLine();
  void SkipTo(size_t offset) { offset_ = offset; }
  // The text from here to the end of the line, comment included.
  std::string_view RestOfLine() const;
  size_t offset() const { return offset_; }

 private:
  struct Gap {
    size_t end = 0;
    bool has_line_end = false;
  };
  Gap SkipBlanks(size_t offset) const;
  Token ReadQuoted(Token token) const;

  std::string_view text_;
  size_t offset_ = 0;
};

}  // namespace socksify
