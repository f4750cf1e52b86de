// SPDX-License-Identifier: BSD-2-Clause
// via: TARGET [, TARGET ...], where a TARGET is direct, block, or servers joined by `then`.
#include <algorithm>
#include <utility>

#include "routing/config_parser.h"
#include "routing/quoting.h"

namespace socksify {

bool ConfigParser::ParseVia() {
  has_via_ = true;
  return ParseTargets(&route_.group);
}

bool ConfigParser::ParseFallback() {
  return ParseTargets(&route_.fallback);
}

bool ConfigParser::ParseTargets(std::vector<TargetDraft>* targets) {
  while (true) {
    TargetDraft target;
    if (!ParseTarget(&target)) return false;
    targets->push_back(std::move(target));
    const Token comma = lexer_.Peek(Words::kPlain);
    if (!comma.IsSymbol(",")) return true;
    lexer_.Accept(comma);
  }
}

bool ConfigParser::ParseTarget(TargetDraft* target) {
  const Token first = lexer_.Peek(Words::kAddress);
  target->where = source_.At(first.offset);
  const bool is_direct = first.IsWord("direct");
  if (is_direct || first.IsWord("block")) {
    lexer_.Accept(first);
    target->kind = is_direct ? Target::Kind::kDirect : Target::Kind::kBlock;
    const Token then = lexer_.Peek(Words::kPlain);
    if (!then.IsWord("then")) return true;
    return Fail(then, "expected the end of the target, found 'then': a chain is made of servers",
                "remove '" + std::string(first.text) + "' or what follows it");
  }
  target->kind = Target::Kind::kProxies;
  while (true) {
    if (!ParseHop(target)) return false;
    const Token then = lexer_.Peek(Words::kPlain);
    if (!then.IsWord("then")) return true;
    lexer_.Accept(then);
  }
}

bool ConfigParser::ParseHop(TargetDraft* target) {
  const Token token = lexer_.Peek(Words::kAddress);
  const bool is_keyword = token.text.ends_with(':') && lexer_.AtKeyword();
  if (!token.IsWord() || is_keyword) {
    return Fail(token, "expected direct, block or a server, found " + token.Describe());
  }
  if (token.IsWord("direct") || token.IsWord("block") || token.IsWord("then")) {
    return Fail(token, "expected a server, found " + token.Describe() + ": a chain is made of servers");
  }
  lexer_.Accept(token);
  HopDraft hop;
  hop.where = source_.At(token.offset);
  if (!ParseProxyAddress(token, &hop)) return false;
  target->hops.push_back(std::move(hop));
  return true;
}

// An address, a URL or a word, and the port that may follow it. A lone word may be a server's name, an
// interface (upnp) or a host; that is seen when all servers are known.
bool ConfigParser::ParseProxyAddress(const Token& token, HopDraft* hop) {
  hop->word = token.value;
  const bool is_v6 = std::ranges::count(token.value, ':') > 1 &&
                     token.value.find("://") == std::string::npos && !token.value.starts_with('[');
  std::expected<ProxyUrl, TextProblem> parsed;
  if (is_v6) {
    const std::expected<Endpoint, TextProblem> address = ParseHost(token.value, kSocksPort);
    if (address) {
      parsed->address = *address;
    } else {
      parsed = std::unexpected(address.error());
    }
  } else {
    parsed = ParseProxyUrl(token.value);
  }
  if (!parsed) {
    // The rest of the line may hold the rest of a password that was not encoded.
    if (token.value.find("://") != std::string::npos &&
        lexer_.RestOfLine().find('@') != std::string_view::npos &&
        token.value.find('@') == std::string::npos) {
      Fail(token, "expected a URL, found a blank or a comma in its user name or password",
           "write a blank as %20 and a comma as %2C");
      SkipSecret();
      return false;
    }
    return Fail(token, parsed.error().message, parsed.error().remedy);
  }
  hop->proxy = std::move(*parsed);
  HostPort address{hop->proxy.address, hop->proxy.has_port};
  if (!ParsePortBehind(&address)) return false;
  hop->in_place = !address.address.is_name() || hop->proxy.protocols != 0 || address.has_port;
  hop->proxy.address = address.address;
  hop->proxy.has_port = address.has_port;
  return true;
}

}  // namespace socksify
