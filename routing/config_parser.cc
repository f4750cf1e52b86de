// SPDX-License-Identifier: BSD-2-Clause
#include "routing/config_parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "routing/quoting.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

// Keywords of Dante's server, sockd. A trailing dot stands for everything that begins so.
constexpr auto kDanteServerKeywords = std::to_array<FixedText<15>>({
    "internal",    "internal.",     "external",      "external.", "client",   "socks",     "hostid",
    "pass",        "block",         "monitor",       "user",      "user.",    "group",     "clientmethod",
    "socksmethod", "compatibility", "srchost",       "libwrap",   "libwrap.", "cpu.",      "child.",
    "realm",       "udp.portrange", "session.",      "bandwidth", "log",      "pam.",      "pamservicename",
    "bsdauth.",    "ldap.",         "gssapi.keytab", "alarm.",    "bounce",   "hostindex", "dnsresolvdst",
});

bool IsDanteServerKeyword(std::string_view word) {
  return std::ranges::any_of(kDanteServerKeywords, [&](std::string_view keyword) {
    return keyword.ends_with('.') ? word.starts_with(keyword) : word == keyword;
  });
}

// internal.tcp.so_rcvbuf and the like, which Dante also takes in a client's route.
bool IsSocketOption(std::string_view word) {
  return (word.starts_with("internal.") || word.starts_with("external.")) &&
         std::ranges::count(word, '.') >= 2 && !word.substr(9).starts_with("log.");
}

}  // namespace

ConfigParser::ConfigParser(const SourceText& source, const ConfigHost& host, InterfaceList* interfaces,
                           Reporter* reporter, ConfigDraft* draft)
    : source_(source),
      host_(host),
      interfaces_(*interfaces),
      reporter_(*reporter),
      draft_(*draft),
      lexer_(source.text()) {}

void ConfigParser::Keywords::Add(std::string_view name, bool (ConfigParser::*parse)(), Repeat repeat) {
  keywords_.at(size_++) = {name, parse, repeat};
}

void ConfigParser::ParseFile() {
  while (!reporter_.full() && lexer_.Peek(Words::kPlain).kind != Token::Kind::kEnd) ParseStatement();
  CheckSecrecy();
}

void ConfigParser::ParseRouteText() {
  const Token start = lexer_.Peek(Words::kPlain);
  route_ = RouteDraft{};
  while (!reporter_.full() && lexer_.Peek(Words::kPlain).kind != Token::Kind::kEnd) {
    if (!ParseKeyword(route_keywords_, "route", &seen_in_block_)) {
      has_broken_statement_ = true;
      SkipStatement();
      if (lexer_.Peek(Words::kPlain).IsSymbol("}")) lexer_.Next(Words::kPlain);
    }
  }
  FinishRoute(start);
}

void ConfigParser::ParseStatement() {
  const Token word = lexer_.Peek(Words::kPlain);
  bool good = false;
  if (word.IsWord("route") && !lexer_.AtKeyword()) {
    lexer_.Accept(word);
    good = ParseRoute(word);
  } else if (word.IsWord("server") && !lexer_.AtKeyword()) {
    lexer_.Accept(word);
    good = ParseServer(word);
  } else {
    good = ParseKeyword(settings_, "setting", &seen_settings_);
  }
  if (good) return;
  SkipStatement();
  // A closing brace ends nothing at this level: it was part of what is wrong.
  if (lexer_.Peek(Words::kPlain).IsSymbol("}")) lexer_.Next(Words::kPlain);
}

bool ConfigParser::ParseKeyword(const Keywords& keywords, std::string_view kind, uint64_t* seen) {
  const Token word = lexer_.Next(Words::kPlain);
  if (!word.IsWord()) {
    return Fail(word, "expected a keyword, found " + word.Describe(),
                word.IsSymbol(";") ? "statements are separated by blanks or new lines: remove the ';'" : "");
  }
  const auto keyword = std::ranges::find(keywords, word.text, &Keyword::name);
  if (keyword == keywords.end()) return UnknownKeyword(word, keywords, kind);
  const uint64_t bit = uint64_t{1} << (keyword - keywords.begin());
  if ((*seen & bit) != 0 && keyword->repeat == Repeat::kIsError) {
    return Fail(word, "expected " + Quoted(word.text) + " once, found it again", "remove one of them");
  }
  if ((*seen & bit) != 0 && keyword->repeat == Repeat::kLastCounts) {
    Warn(word, Quoted(word.text) + " is given again; the last one counts");
  }
  *seen |= bit;
  keyword_ = word;
  return ExpectColon(word.text) && (this->*keyword->parse)();
}

bool ConfigParser::UnknownKeyword(const Token& word, const Keywords& keywords, std::string_view kind) {
  const std::string expected = "expected " +
                               (kind == "setting" ? "a setting" : "a keyword of a " + std::string(kind)) +
                               ", found " + Quoted(word.text);
  if (kind == "route" && IsSocketOption(word.text)) {
    return Fail(word, expected + ": socket options of routes are not supported by this version",
                "remove it; the program's own socket options stay as they are");
  }
  if (kind == "route" && word.text == "redirect") {
    lexer_.Next(Words::kPlain);  // `redirect from:` is one keyword
    return Fail(word, expected + ", which is not supported by this version",
                "remove it; the program's own bind(2) decides the source address");
  }
  if (IsDanteServerKeyword(word.text)) {
    return Fail(word, expected + ", which belongs to Dante's server (sockd.conf)",
                "remove it: this is a client's configuration");
  }
  for (const auto& [table, name] :
       {std::pair{&settings_, "outside of the blocks"}, std::pair{&route_keywords_, "in a 'route' block"},
        std::pair{&server_keywords_, "in a 'server' block"}}) {
    if (std::ranges::find(*table, word.text, &Keyword::name) != table->end()) {
      return Fail(word, expected, Quoted(word.text) + " stands " + name);
    }
  }
  std::vector<std::string_view> names;
  for (const Keyword& keyword : keywords) names.push_back(keyword.name);
  if (kind == "setting") {
    names.insert(names.end(), {"route", "server"});
    return Fail(word, "expected a setting, 'server' or 'route', found " + Quoted(word.text),
                DidYouMean(word.text, names));
  }
  names.emplace_back("port");  // no keyword of its own: it belongs to the address before it
  return Fail(word, expected, DidYouMean(word.text, names));
}

bool ConfigParser::ParseBlock(const Keywords& keywords, std::string_view kind) {
  const Token open = lexer_.Peek(Words::kPlain);
  if (!open.IsSymbol("{")) return Fail(open, "expected '{', found " + open.Describe());
  lexer_.Accept(open);
  seen_in_block_ = 0;
  has_broken_statement_ = false;
  while (!reporter_.full()) {
    const Token token = lexer_.Peek(Words::kPlain);
    if (token.IsSymbol("}")) {
      lexer_.Accept(token);
      return true;
    }
    if (token.kind == Token::Kind::kEnd || AtBlockStart()) {
      has_broken_statement_ = true;
      Fail(token, "expected '}' at the end of the " + std::string(kind) + " block, found " + token.Describe(),
           "the block begins in line " + std::to_string(source_.At(open.offset).line));
      return true;
    }
    if (!ParseKeyword(keywords, kind, &seen_in_block_)) {
      has_broken_statement_ = true;
      SkipStatement();
    }
  }
  return true;
}

// `route {` or `server NAME {` within a block means that the block was not closed.
bool ConfigParser::AtBlockStart() const {
  Lexer ahead = lexer_;
  const Token word = ahead.Next(Words::kPlain);
  if (word.IsWord("route")) return ahead.Peek(Words::kPlain).IsSymbol("{");
  if (!word.IsWord("server") || !ahead.Next(Words::kPlain).IsWord()) return false;
  return ahead.Peek(Words::kPlain).IsSymbol("{");
}

// Goes on to where the next statement may begin: a new line, a keyword, a closing brace, the end.
void ConfigParser::SkipStatement() {
  size_t searched_end = 0;  // before which there is no URL
  while (true) {
    const Token token = lexer_.Peek(Words::kPlain);
    if (token.kind == Token::Kind::kEnd || token.first_on_line || token.IsSymbol("}")) return;
    if (token.IsSymbol("{")) {
      SkipBraces();
      return;
    }
    if (token.offset >= searched_end) {
      const Token address = lexer_.Peek(Words::kAddress);
      searched_end = address.end;
      if (address.text.find("://") != std::string_view::npos) {
        lexer_.Accept(address);
        continue;
      }
    }
    if (lexer_.AtKeyword()) return;
    // Plain words are shorter than addresses, so `10.0.0.1:x to:` does not swallow a keyword.
    lexer_.Accept(token);
  }
}

void ConfigParser::SkipBraces() {
  for (unsigned depth = 0;;) {
    const Token token = lexer_.Next(Words::kPlain);
    if (token.kind == Token::Kind::kEnd) return;
    if (token.IsSymbol("{")) ++depth;
    if (token.IsSymbol("}") && --depth == 0) return;
  }
}

}  // namespace socksify
