// SPDX-License-Identifier: BSD-2-Clause
#include "routing/lexer.h"

#include <algorithm>

#include "routing/quoting.h"

namespace socksify {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

bool EndsPlainWord(char c) {
  return std::string_view(":{},=<>!#\"").find(c) != std::string_view::npos;
}

bool EndsAddress(char c) {
  return c == '{' || c == '}' || c == ',' || c == '#';
}

// How many bytes the word at the start of `text` has; 0 when a symbol stands there.
size_t WordSize(std::string_view text, Words words) {
  size_t size = 0;
  for (; size < text.size() && !IsBlank(text[size]); ++size) {
    const char c = text[size];
    if (words == Words::kPlain && EndsPlainWord(c)) break;
    if (words == Words::kAddress && EndsAddress(c)) {
      const bool in_url = c == '#' && text.substr(0, size).find("://") != std::string_view::npos;
      if (!in_url) break;
    }
    if (words == Words::kText && c == '}') break;
  }
  return size;
}

size_t SymbolSize(std::string_view text) {
  const std::string_view two = text.substr(0, 2);
  return two == "!=" || two == "<=" || two == ">=" ? 2 : 1;
}

}  // namespace

std::string Token::Describe() const {
  switch (kind) {
    case Kind::kEnd: return "the end of the text";
    case Kind::kOpenQuote: return "a quote without an end";
    case Kind::kWord:
    case Kind::kSymbol: return Quoted(text);
  }
  return {};
}

Lexer::Gap Lexer::SkipBlanks(size_t offset) const {
  Gap gap{offset, offset == 0};
  while (gap.end < text_.size()) {
    const char c = text_[gap.end];
    const std::string_view rest = text_.substr(gap.end);
    if (c == '#') {
      gap.end += std::min(rest.find('\n'), rest.size());
    } else if (rest.starts_with("\\\n")) {
      gap.end += 2;
    } else if (rest.starts_with("\\\r\n")) {
      gap.end += 3;
    } else if (IsBlank(c)) {
      gap.has_line_end |= c == '\n';
      ++gap.end;
    } else {
      break;
    }
  }
  return gap;
}

Token Lexer::ReadQuoted(Token token) const {
  for (size_t i = token.offset + 1; i < text_.size() && text_[i] != '\n'; ++i) {
    const char c = text_[i];
    if (c == '"') {
      token.kind = Token::Kind::kWord;
      token.end = i + 1;
      token.text = text_.substr(token.offset, token.end - token.offset);
      return token;
    }
    const bool escaped = c == '\\' && i + 1 < text_.size() && (text_[i + 1] == '"' || text_[i + 1] == '\\');
    token.value += escaped ? text_[++i] : c;
  }
  token.kind = Token::Kind::kOpenQuote;
  token.value.clear();
  token.end = token.offset + 1;
  token.text = text_.substr(token.offset, 1);
  return token;
}

Token Lexer::Peek(Words words) const {
  const Gap gap = SkipBlanks(offset_);
  Token token;
  token.offset = gap.end;
  token.end = gap.end;
  token.first_on_line = gap.has_line_end;
  if (gap.end == text_.size()) return token;
  if (text_[gap.end] == '"') return ReadQuoted(token);
  const std::string_view rest = text_.substr(gap.end);
  const size_t word_size = WordSize(rest, words);
  token.kind = word_size != 0 ? Token::Kind::kWord : Token::Kind::kSymbol;
  token.text = rest.substr(0, word_size != 0 ? word_size : SymbolSize(rest));
  token.end = gap.end + token.text.size();
  if (word_size != 0) token.value = token.text;
  return token;
}

Token Lexer::Next(Words words) {
  Token token = Peek(words);
  Accept(token);
  return token;
}

bool Lexer::AtKeyword() const {
  const Token word = Peek(Words::kPlain);
  if (!word.IsWord()) return false;
  Lexer ahead = *this;
  ahead.Accept(word);
  return ahead.Peek(Words::kPlain).IsSymbol(":");
}

void Lexer::SkipLine() {
  offset_ += RestOfLine().size();
}

std::string_view Lexer::RestOfLine() const {
  const std::string_view rest = text_.substr(offset_);
  return rest.substr(0, rest.find('\n'));
}

}  // namespace socksify
