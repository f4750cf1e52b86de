// SPDX-License-Identifier: BSD-2-Clause
#include "routing/netrc.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "routing/proxy_url.h"

namespace socksify {
namespace {

constexpr size_t kMaxCredentialSize = 255;  // RFC 1929 section 2: counted in one octet

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

char Unescaped(char c) {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

class NetrcParser {
 public:
  explicit NetrcParser(std::string_view text) : text_(text) {}

  std::expected<std::vector<NetrcEntry>, NetrcProblem> Parse() {
    if (const size_t nul = text_.find('\0'); nul != std::string_view::npos) {
      at_ = nul;
      Fail("expected text, found a NUL byte");
    }
    while (!problem_ && SkipToKeyword()) ParseStatement();
    if (problem_) return std::unexpected(std::move(*problem_));
    return std::move(entries_);
  }

 private:
  void ParseStatement() {
    const std::optional<std::string> word = ReadWord();
    if (!word) return;
    if (*word == "machine") return ParseMachine();
    if (*word == "default") {
      entries_.emplace_back().is_default = true;
    } else if (*word == "macdef") {
      SkipMacro();
    } else if (*word == "account") {
      ReadValue("account");
    } else if (*word == "login") {
      ParseText("login", "a user name", &NetrcEntry::has_login, &NetrcEntry::login);
    } else if (*word == "password" || *word == "passwd") {
      ParseText("password", "a password", &NetrcEntry::has_password, &NetrcEntry::password);
    } else if (*word == "port") {
      ParsePort();
    } else {
      at_ = word_begin_;
      Fail("expected machine, port, login, password, account, default or macdef, found another word",
           "write a name or password with blanks in quotes: \"...\"");
    }
  }

  void ParseMachine() {
    std::optional<std::string> machine = ReadValue("machine");
    if (machine) entries_.emplace_back().machine = std::move(*machine);
  }

  void ParseText(const char* keyword, const char* what, bool NetrcEntry::* has,
                 std::string NetrcEntry::* text) {
    NetrcEntry* const entry = CurrentEntry(keyword);
    if (entry == nullptr) return;
    if (entry->*has)
      return Fail(std::string("expected '") + keyword + "' once for a machine, found it again");
    std::optional<std::string> value = ReadValue(keyword);
    if (!value) return;
    if (value->size() > kMaxCredentialSize) {
      at_ = word_begin_;
      return Fail(std::string("expected ") + what + " of at most 255 bytes, found " +
                  std::to_string(value->size()));
    }
    entry->*has = true;
    entry->*text = std::move(*value);
  }

  void ParsePort() {
    NetrcEntry* const entry = CurrentEntry("port");
    if (entry == nullptr) return;
    const std::optional<std::string> value = ReadValue("port");
    if (!value) return;
    const auto port = socksify::ParsePort(*value, 1);
    if (port) {
      entry->port = *port;
    } else {
      at_ = word_begin_;
      Fail("expected a port number from 1 to 65535 behind 'port'");
    }
  }

  NetrcEntry* CurrentEntry(const char* keyword) {
    if (!entries_.empty()) return &entries_.back();
    at_ = word_begin_;
    Fail(std::string("expected 'machine' or 'default' before '") + keyword + "', found none");
    return nullptr;
  }

  // The macro's commands end with an empty line.
  void SkipMacro() {
    while (at_ < text_.size()) {
      at_ = std::min(text_.find('\n', at_), text_.size());
      const std::string_view rest = text_.substr(at_);
      if (rest.starts_with("\n\n") || rest.starts_with("\n\r\n")) return;
      ++at_;
    }
  }

  void SkipBlanks() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
  }

  bool SkipToKeyword() {
    for (SkipBlanks(); at_ < text_.size() && text_[at_] == '#'; SkipBlanks()) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    }
    return at_ < text_.size();
  }

  std::optional<std::string> ReadValue(const char* keyword) {
    const size_t behind = at_;
    SkipBlanks();
    if (at_ < text_.size()) return ReadWord();
    at_ = behind;
    Fail(std::string("expected a word behind '") + keyword + "', found the end of the text");
    return std::nullopt;
  }

  std::optional<std::string> ReadWord() {
    word_begin_ = at_;
    std::string word;
    if (text_[at_] != '"') {
      while (at_ < text_.size() && !IsBlank(text_[at_])) word += text_[at_++];
      return word;
    }
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return word;
      }
      const bool is_escaped = text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n';
      word += is_escaped ? Unescaped(text_[++at_]) : text_[at_];
    }
    at_ = word_begin_;
    Fail("expected '\"' at the end of the word, found none", "close the quote on the same line");
    return std::nullopt;
  }

  // The line is that of `at_`.
  void Fail(std::string message, std::string remedy = {}) {
    const auto lines = std::ranges::count(text_.substr(0, at_), '\n');
    problem_ = {static_cast<unsigned>(lines) + 1, std::move(message), std::move(remedy)};
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t word_begin_ = 0;  // of the last word
  std::vector<NetrcEntry> entries_;
  std::optional<NetrcProblem> problem_;
};

bool IsMachine(std::string_view machine, const Endpoint& address, std::string_view name) {
  if (!name.empty() && machine == name) return true;
  if (machine.starts_with('[') && machine.ends_with(']')) machine = machine.substr(1, machine.size() - 2);
  if (address.is_name()) return EqualsIgnoreCase(machine, address.name());
  return IpAddress::Parse(machine) == address.ip();
}

}  // namespace

std::expected<std::vector<NetrcEntry>, NetrcProblem> ParseNetrc(std::string_view text) {
  return NetrcParser(text).Parse();
}

const NetrcEntry* FindNetrcEntry(std::span<const NetrcEntry> entries, const Endpoint& address,
                                 std::string_view name, std::string_view username) {
  const auto fits = [&](const NetrcEntry& entry) {
    if (!entry.has_password || (entry.port != 0 && entry.port != address.port())) return false;
    if (!entry.is_default && !IsMachine(entry.machine, address, name)) return false;
    if (username.empty()) return entry.has_login && !entry.login.empty();
    return !entry.has_login || entry.login == username;
  };
  const auto found = std::ranges::find_if(entries, fits);
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace socksify
