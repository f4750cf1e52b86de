// SPDX-License-Identifier: BSD-2-Clause
// What the statements of several blocks share: numbers, lists, ports, and the keywords of Dante's
// authentication.
#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "routing/config_parser.h"
#include "routing/quoting.h"
#include "routing/service_names.h"
#include "routing/suggestion.h"

namespace socksify {

bool ConfigParser::Fail(const Location& where, std::string message, std::string remedy) {
  reporter_.Error(source_, where, std::move(message), std::move(remedy));
  return false;
}

bool ConfigParser::Fail(const Token& at, std::string message, std::string remedy) {
  return Fail(source_.At(at.offset), std::move(message), std::move(remedy));
}

void ConfigParser::Warn(const Token& at, std::string message, std::string remedy) {
  reporter_.Warning(source_, source_.At(at.offset), std::move(message), std::move(remedy));
}

bool ConfigParser::ExpectColon(std::string_view keyword) {
  const Token colon = lexer_.Peek(Words::kPlain);
  if (!colon.IsSymbol(":"))
    return Fail(colon, "expected ':' after " + Quoted(keyword) + ", found " + colon.Describe());
  lexer_.Accept(colon);
  return true;
}

// A list of words ends with its line, and before the next keyword or brace on it.
bool ConfigParser::AtListEnd(Words words) const {
  const Token token = lexer_.Peek(words);
  if (!token.IsWord() || token.first_on_line) return true;
  return words == Words::kAddress ? token.text.ends_with(':') : lexer_.AtKeyword();
}

std::optional<uint64_t> ConfigParser::ParseNumber(uint64_t least, uint64_t most) {
  const Token token = lexer_.Peek(Words::kPlain);
  const std::optional<uint64_t> value = token.IsWord() ? ParseWholeNumber(token.text) : std::nullopt;
  if (!value || *value < least || *value > most) {
    Fail(token, "expected a number from " + std::to_string(least) + " to " + std::to_string(most) +
                    ", found " + token.Describe());
    return std::nullopt;
  }
  lexer_.Accept(token);
  return value;
}

// A number from 1 on.
bool ConfigParser::ParseCount(unsigned most, unsigned* count) {
  const std::optional<uint64_t> number = ParseNumber(1, most);
  if (number) *count = static_cast<unsigned>(*number);
  return number.has_value();
}

std::optional<std::string> ConfigParser::ParseText(std::string_view what) {
  const Token token = lexer_.Peek(Words::kText);
  if (!token.IsWord() || token.text.ends_with(':')) {
    Fail(token, "expected " + std::string(what) + ", found " + token.Describe(),
         token.kind == Token::Kind::kOpenQuote ? "close the quote on the same line" : "");
    return std::nullopt;
  }
  lexer_.Accept(token);
  return token.value;
}

std::optional<uint8_t> ConfigParser::ParseChoice(std::string_view what, std::span<const Choice> choices) {
  const Token token = lexer_.Peek(Words::kPlain);
  const auto choice = std::ranges::find(choices, token.text, &Choice::name);
  if (token.IsWord() && choice != choices.end()) {
    lexer_.Accept(token);
    return choice->value;
  }
  std::vector<std::string_view> names;
  std::string list;
  for (const Choice& each : choices) {
    names.push_back(each.name);
    list += (list.empty() ? "use one of: " : ", ") + std::string(each.name);
  }
  Fail(token, "expected " + std::string(what) + ", found " + token.Describe(),
       DidYouMean(token.IsWord() ? token.text : std::string_view(), names, list));
  return std::nullopt;
}

bool ConfigParser::ParseChoices(std::string_view what, std::span<const Choice> choices, uint8_t* bits) {
  do {
    const std::optional<uint8_t> bit = ParseChoice(what, choices);
    if (!bit) return false;
    *bits |= *bit;
  } while (!AtListEnd(Words::kPlain));
  return true;
}

// A number or the name of a service. Dante looks a name up for both transports; where they differ, TCP's port
// counts here.
std::optional<uint16_t> ConfigParser::ParsePortValue(const Token& token, uint16_t least) {
  if (!token.IsWord()) {
    Fail(token, "expected a port number or the name of a service, found " + token.Describe());
    return std::nullopt;
  }
  if (token.text[0] >= '0' && token.text[0] <= '9') {
    const std::optional<uint64_t> value = ParseWholeNumber(token.text);
    if (value && *value >= least && *value <= 65535) return static_cast<uint16_t>(*value);
    Fail(token,
         "expected a port number from " + std::to_string(least) + " to 65535, found " + token.Describe(),
         token.text.find('-') != std::string_view::npos ? "a range stands without an operator: port 80-90"
                                                        : "");
    return std::nullopt;
  }
  for (const char* const transport : {"tcp", "udp"}) {
    if (const auto port = host_.service_port(token.value, transport)) return port;
  }
  if (const auto port = BuiltInServicePort(token.value)) return port;
  Fail(token, "expected a port number or the name of a service, found " + token.Describe(),
       DidYouMean(token.text, BuiltInServiceNames()));
  return std::nullopt;
}

// The `port = N` that may follow a server's address.
bool ConfigParser::ParsePortBehind(HostPort* server) {
  const Token word = lexer_.Peek(Words::kPlain);
  if (!word.IsWord("port")) return true;
  lexer_.Accept(word);
  if (server->has_port) {
    return Fail(word, "expected one port, found a second one",
                "remove 'port' or the ':' and number before it");
  }
  const std::optional<uint16_t> port = ParseServerPort();
  if (!port) return false;
  server->address.set_port(*port);
  server->has_port = true;
  return true;
}

// The `= N` after `port` of a server.
std::optional<uint16_t> ConfigParser::ParseServerPort() {
  const Token op = lexer_.Next(Words::kPlain);
  if (!op.IsSymbol("=") && !op.IsSymbol(":") && !op.IsWord("eq")) {
    Fail(op, "expected '=' after 'port', found " + op.Describe(), "a server has one port: port = 1080");
    return std::nullopt;
  }
  return ParsePortValue(lexer_.Next(Words::kPlain), 1);
}

// What follows the word `port` behind an address of a route: OPERATOR VALUE, or FIRST-LAST.
bool ConfigParser::ParsePortMatch(PortMatch* match) {
  constexpr auto kOperators = std::to_array<std::pair<std::string_view, char>>({{"=", '='},
                                                                                {"eq", '='},
                                                                                {":", '='},
                                                                                {"!=", '!'},
                                                                                {"ne", '!'},
                                                                                {"neq", '!'},
                                                                                {"<", '<'},
                                                                                {"lt", '<'},
                                                                                {">", '>'},
                                                                                {"gt", '>'},
                                                                                {"<=", 'l'},
                                                                                {"le", 'l'},
                                                                                {">=", 'g'},
                                                                                {"ge", 'g'}});
  Token token = lexer_.Next(Words::kPlain);
  const auto op = std::ranges::find(kOperators, token.text, &std::pair<std::string_view, char>::first);
  if (op != kOperators.end()) {
    const std::optional<uint16_t> port = ParsePortValue(lexer_.Next(Words::kPlain), 0);
    if (!port) return false;
    const bool is_last = op->second == '>' && *port == 65535;
    const bool is_first = op->second == '<' && *port == 0;
    switch (op->second) {
      case '=': *match = {*port, *port, false}; break;
      case '!': *match = {*port, *port, true}; break;
      case '<': *match = {0, static_cast<uint16_t>(is_first ? 65535 : *port - 1), is_first}; break;
      case '>': *match = {static_cast<uint16_t>(is_last ? 0 : *port + 1), 65535, is_last}; break;
      case 'l': *match = {0, *port, false}; break;
      default: *match = {*port, 65535, false}; break;
    }
    return true;
  }
  if (!token.IsWord() || token.text[0] < '0' || token.text[0] > '9') {
    return Fail(token, "expected an operator or a range after 'port', found " + token.Describe(),
                "write port = http, port >= 1024 or port 80-90");
  }
  // FIRST-LAST, with or without blanks around the '-'.
  std::string text = token.value;
  Token next = lexer_.Peek(Words::kPlain);
  while (next.IsWord() && !next.first_on_line && (text.ends_with('-') || next.text.starts_with('-'))) {
    text += next.value;
    lexer_.Accept(next);
    next = lexer_.Peek(Words::kPlain);
  }
  const size_t dash = text.find('-');
  const std::optional<uint64_t> first = ParseWholeNumber(std::string_view(text).substr(0, dash));
  const std::optional<uint64_t> last =
      dash == std::string::npos ? first : ParseWholeNumber(std::string_view(text).substr(dash + 1));
  if (!first || !last || *first > 65535 || *last > 65535) {
    return Fail(token, "expected a range of ports from 0 to 65535, found " + Quoted(text));
  }
  if (*first > *last) {
    return Fail(token, "expected a range whose first port is not above its last, found " + Quoted(text));
  }
  *match = {static_cast<uint16_t>(*first), static_cast<uint16_t>(*last), false};
  return true;
}

bool ConfigParser::ParseProxyProtocols(uint8_t* protocols) {
  static constexpr auto kChoices = std::to_array<Choice>({{"socks_v5", kServerSocks5},
                                                          {"socks_v4", kServerSocks4a},
                                                          {"http", kServerHttp},
                                                          {"http_v1.0", kServerHttp},
                                                          {"http_v1.1", kServerHttp},
                                                          {"upnp", kServerUpnp}});
  return ParseChoices("a proxy protocol", kChoices, protocols);
}

// Methods that the server checks without the client's help are offered as `none`, and those by which it
// checks a user name and password as `username`: the numbers on the wire are the same (RFC 1928 section 3).
bool ConfigParser::ParseMethods(uint8_t* methods) {
  static constexpr auto kChoices = std::to_array<Choice>({{"none", kMethodNone},
                                                          {"username", kMethodUsername},
                                                          {"gssapi", kMethodGssapi},
                                                          {"rfc931", kMethodNone},
                                                          {"pam", kMethodUsername},
                                                          {"pam.username", kMethodUsername},
                                                          {"pam.address", kMethodNone},
                                                          {"pam.any", kMethodNone | kMethodUsername},
                                                          {"bsdauth", kMethodUsername},
                                                          {"digest", kMethodDigest}});
  return ParseChoices("an authentication method", kChoices, methods);
}

// The three below only matter to GSSAPI, without which a server that asks for it is unusable anyway.
bool ConfigParser::ParseGssapiServiceName() {
  return ParseText("the name of a service").has_value();
}

bool ConfigParser::ParseGssapiEncType() {
  static constexpr auto kChoices =
      std::to_array<Choice>({{"any", 7}, {"clear", 1}, {"integrity", 2}, {"confidentiality", 4}});
  uint8_t unused = 0;
  return ParseChoices("an encryption type", kChoices, &unused);
}

bool ConfigParser::ParseClientCompatibility() {
  static constexpr auto kChoices = std::to_array<Choice>({{"necgssapi", 1}});
  uint8_t unused = 0;
  return ParseChoices("a compatibility option", kChoices, &unused);
}

// `bind`: Dante's extension for several connections to one port.
bool ConfigParser::ParseExtensions(uint8_t* extensions) {
  static constexpr auto kChoices = std::to_array<Choice>({{"bind", 1}});
  return ParseChoices("an extension", kChoices, extensions);
}

std::optional<ResolveProtocol> ConfigParser::ParseWayToResolve() {
  static constexpr auto kChoices = [] {
    std::array<Choice, 5> choices{};
    for (size_t i = 0; i < choices.size(); ++i) {
      const auto value = static_cast<uint8_t>(i);
      choices[i] = {FixedText<15>(ResolveProtocolName(static_cast<ResolveProtocol>(value))), value};
    }
    return choices;
  }();
  const std::optional<uint8_t> choice = ParseChoice("a way to resolve names", kChoices);
  if (!choice) return std::nullopt;
  return static_cast<ResolveProtocol>(*choice);
}

}  // namespace socksify
