// SPDX-License-Identifier: BSD-2-Clause
// Who a server takes us for: username, password and where else a password may come from.
#include <array>
#include <cerrno>
#include <utility>

#include "base/failure.h"
#include "base/text.h"
#include "routing/config_parser.h"
#include "routing/quoting.h"

namespace socksify {
namespace {

constexpr size_t kMaxCredentialSize = 255;  // RFC 1929 section 2: counted in one octet
constexpr size_t kMaxPasswordFileSize = 4096;

}  // namespace

bool ConfigParser::ParseUserName() {
  const Token token = lexer_.Peek(Words::kText);
  const std::optional<std::string> name = ParseText("a user name");
  if (!name) return false;
  if (name->empty() || name->size() > kMaxCredentialSize) {
    return Fail(token, "expected a user name of 1 to 255 bytes, found " + std::to_string(name->size()));
  }
  if (server_url_.has_username) return Fail(token, "expected one user name, found one in the URL too");
  server_->username = *name;
  return true;
}

// Whatever is wrong, the rest of the line may be part of the password: it is skipped, and no message shows
// it.
bool ConfigParser::ParsePassword() {
  const Token token = lexer_.Peek(Words::kText);
  const bool is_here = token.IsWord() && !token.first_on_line && !token.text.ends_with(':');
  if (!is_here) {
    // Reported at the keyword: the next line may be the password.
    Fail(keyword_, token.kind == Token::Kind::kOpenQuote
                       ? "expected '\"' at the end of the password, found none"
                       : "expected a password on the line of 'password:', found none");
    if (token.IsWord() && !lexer_.AtKeyword()) lexer_.Accept(token);
    SkipSecret();
    return false;
  }
  lexer_.Accept(token);
  const Token next = lexer_.Peek(Words::kText);
  const bool at_end = next.kind == Token::Kind::kEnd || next.IsSymbol("}") || next.first_on_line;
  if (!at_end && !lexer_.AtKeyword()) {
    Fail(token, "expected one word as the password, found several",
         "write a password with blanks or braces in quotes: \"...\"");
    SkipSecret();
    return false;
  }
  NoteSecret(keyword_);
  return SetPassword(token, token.value);
}

// Goes to the end of the line, or to a brace there that closes the block.
void ConfigParser::SkipSecret() {
  const std::string_view rest = Trim(lexer_.RestOfLine());
  if (!rest.ends_with('}')) {
    lexer_.SkipLine();
  } else {
    lexer_.SkipTo(static_cast<size_t>(rest.data() - source_.text().data()) + rest.size() - 1);
  }
}

bool ConfigParser::ParsePasswordFile() {
  const Token token = lexer_.Peek(Words::kText);
  const std::optional<std::string> path = ParseText("the name of a file");
  if (!path) return false;
  const std::string file = PathFromHere(*path);
  const std::expected<std::string, int> content = host_.read_secret(file, kMaxPasswordFileSize);
  if (!content && content.error() == EPERM) {
    return Fail(token, "the password file " + Quoted(*path) + " can be read by others", "chmod 600 " + file);
  }
  if (!content && content.error() == kOfAnotherUser) {
    return Fail(token, "the password file " + Quoted(*path) + " belongs to another user",
                "it must belong to the user or to root: make a copy of your own");
  }
  if (!content) {
    return Fail(token, "cannot read the password file " + Quoted(*path) + ": " + ErrnoName(content.error()),
                "the first line of that file must be the password");
  }
  std::string password = content->substr(0, content->find('\n'));
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty()) return Fail(token, "expected a password in the first line of the file, found none");
  return SetPassword(token, std::move(password));
}

// One text in quotes, or the words up to the end of the list as they stand, quotes included.
bool ConfigParser::ParsePasswordCommand() {
  const Token first = lexer_.Peek(Words::kText);
  std::optional<std::string> command = ParseText("a command");
  if (!command) return false;
  while (!AtListEnd(Words::kText)) {
    const size_t end = lexer_.Next(Words::kText).end;
    command = source_.text().substr(first.offset, end - first.offset);
  }
  if (Trim(*command).empty()) return Fail(first, "expected a command, found nothing in the quotes");
  if (!CheckPasswordIsFirst(first)) return false;
  server_->password_source = PasswordSource::kCommand;
  server_->password_command = std::move(*command);
  return true;
}

bool ConfigParser::ParsePasswordPrompt() {
  static constexpr auto kChoices = std::to_array<Choice>({{"yes", 1}, {"no", 0}});
  const Token token = lexer_.Peek(Words::kPlain);
  const std::optional<uint8_t> choice = ParseChoice("yes or no", kChoices);
  if (!choice || *choice == 0) return choice.has_value();
  if (!CheckPasswordIsFirst(token)) return false;
  server_->password_source = PasswordSource::kPrompt;
  return true;
}

bool ConfigParser::CheckPasswordIsFirst(const Token& at) {
  if (!server_->has_password && server_->password_source == PasswordSource::kNone) return true;
  return Fail(at, "expected one password, found a second one",
              "keep one of 'password', 'password.file', 'password.command', 'password.prompt' and the URL's");
}

bool ConfigParser::SetPassword(const Token& at, std::string password) {
  if (!CheckPasswordIsFirst(at)) return false;
  if (password.size() > kMaxCredentialSize) {
    return Fail(at, "expected a password of at most 255 bytes, found " + std::to_string(password.size()));
  }
  server_->has_password = true;
  server_->password = std::move(password);
  return true;
}

void ConfigParser::NoteSecret(const Token& at) {
  if (!secret_) secret_ = source_.At(at.offset);
}

// A password in a file that others can read is theirs, too.
void ConfigParser::CheckSecrecy() {
  if (!secret_) return;
  // Only the permissions matter, so nothing need be read.
  const std::expected<std::string, int> content = host_.read_secret(source_.source(), 0);
  const std::string elsewhere = "write it elsewhere: password.file, credentials";
  if (!content && content.error() == kOfAnotherUser) {
    reporter_.Warning(source_, *secret_, "a password stands in this file, which belongs to another user",
                      elsewhere);
  } else if (!content && content.error() == EPERM) {
    reporter_.Warning(source_, *secret_, "a password stands in this file, which others can read",
                      "chmod 600 " + source_.source() + ", or " + elsewhere);
  }
}

// `path` as seen from the directory of this file.
std::string ConfigParser::PathFromHere(const std::string& path) const {
  const std::string& file = source_.source();
  const size_t slash = file.rfind('/');
  if (path.starts_with('/') || slash == std::string::npos) return path;
  return file.substr(0, slash + 1) + path;
}

}  // namespace socksify
