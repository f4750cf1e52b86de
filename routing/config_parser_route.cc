// SPDX-License-Identifier: BSD-2-Clause
// route { from: .. to: .. via: .. OPTIONS }
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/failure.h"
#include "routing/config_parser.h"
#include "routing/query.h"
#include "routing/quoting.h"

namespace socksify {

ConfigParser::Keywords ConfigParser::RouteKeywords() {
  Keywords keywords;
  keywords.Add("from", &ConfigParser::ParseFrom, Repeat::kIsError);
  keywords.Add("to", &ConfigParser::ParseTo, Repeat::kIsError);
  keywords.Add("via", &ConfigParser::ParseVia, Repeat::kIsError);
  keywords.Add("protocol", &ConfigParser::ParseRouteProtocol, Repeat::kAdds);
  keywords.Add("command", &ConfigParser::ParseCommand, Repeat::kAdds);
  keywords.Add("proxyprotocol", &ConfigParser::ParseRouteProxyProtocol, Repeat::kAdds);
  keywords.Add("method", &ConfigParser::ParseRouteMethod, Repeat::kAdds);
  keywords.Add("socksmethod", &ConfigParser::ParseRouteMethod, Repeat::kAdds);
  keywords.Add("clientmethod", &ConfigParser::ParseRouteMethod, Repeat::kAdds);
  keywords.Add("gssapi.servicename", &ConfigParser::ParseGssapiServiceName, Repeat::kLastCounts);
  keywords.Add("gssapi.enctype", &ConfigParser::ParseGssapiEncType, Repeat::kAdds);
  keywords.Add("clientcompatibility", &ConfigParser::ParseClientCompatibility, Repeat::kAdds);
  keywords.Add("extension", &ConfigParser::ParseRouteExtension, Repeat::kAdds);
  keywords.Add("balance", &ConfigParser::ParseBalance, Repeat::kIsError);
  keywords.Add("chain", &ConfigParser::ParseChain, Repeat::kIsError);
  keywords.Add("chain.length", &ConfigParser::ParseChainLength, Repeat::kIsError);
  keywords.Add("fallback", &ConfigParser::ParseFallback, Repeat::kIsError);
  keywords.Add("process", &ConfigParser::ParseProcess, Repeat::kIsError);
  keywords.Add("user", &ConfigParser::ParseUser, Repeat::kIsError);
  keywords.Add("resolve", &ConfigParser::ParseResolve, Repeat::kIsError);
  return keywords;
}

bool ConfigParser::ParseRoute(const Token& keyword) {
  route_ = RouteDraft{};
  has_to_ = has_via_ = false;
  unknown_users_.clear();
  if (!ParseBlock(route_keywords_, "route")) return false;
  FinishRoute(keyword);
  return true;
}

void ConfigParser::FinishRoute(const Token& keyword) {
  if (has_broken_statement_) return;
  if (!has_to_ || !has_via_) {
    Fail(keyword, std::string("expected '") + (has_to_ ? "via" : "to") + ":' in this route, found none",
         has_to_ ? "say where it goes: via: direct, via: block or via: SERVER"
                 : "to: 0/0 is every destination");
    return;
  }
  if (route_.group.size() + route_.fallback.size() > RouteTable::kMaxTargets) {
    Fail(keyword, "expected at most " + std::to_string(RouteTable::kMaxTargets) +
                      " targets in 'via' and 'fallback' together, found " +
                      std::to_string(route_.group.size() + route_.fallback.size()));
    return;
  }
  if (!CheckWeights() || !CheckChains()) return;
  WarnOfUnknownUsers();
  route_.source = &source_;
  route_.rule.where = source_.At(keyword.offset);
  draft_.routes.push_back(std::move(route_));
}

bool ConfigParser::ParsePatterns(std::vector<AddressPattern>* patterns, PortMatch* port) {
  const Token token = lexer_.Peek(Words::kAddress);
  if (!token.IsWord() || (lexer_.AtKeyword() && token.text.ends_with(':'))) {
    return Fail(token, "expected an address, a network, a name or an interface, found " + token.Describe());
  }
  lexer_.Accept(token);
  // Dante allows blanks around the '/' of a network.
  std::string text = token.value;
  for (Token next = lexer_.Peek(Words::kAddress);
       next.IsWord() && !next.first_on_line && (text.ends_with('/') || next.text.starts_with('/'));
       next = lexer_.Peek(Words::kAddress)) {
    text += next.value;
    lexer_.Accept(next);
  }
  std::expected<std::vector<AddressPattern>, TextProblem> found = ParseAddressPatterns(text, &interfaces_);
  if (!found) return Fail(token, found.error().message, found.error().remedy);
  *patterns = std::move(*found);
  const Token next = lexer_.Peek(Words::kPlain);
  if (!next.IsWord("port")) return true;
  lexer_.Accept(next);
  return ParsePortMatch(port);
}

bool ConfigParser::ParseFrom() {
  const Token token = lexer_.Peek(Words::kAddress);
  if (!ParsePatterns(&route_.rule.from, &route_.rule.from_port)) return false;
  for (AddressPattern& pattern : route_.rule.from) {
    if (pattern.kind == AddressPattern::Kind::kEveryName) pattern.kind = AddressPattern::Kind::kEverything;
    if (pattern.kind == AddressPattern::Kind::kName || pattern.kind == AddressPattern::Kind::kDomain) {
      return Fail(token, "expected an address, a network or an interface, found " + token.Describe(),
                  "a source is only known by its address; from: 0/0 is every source");
    }
  }
  return true;
}

bool ConfigParser::ParseTo() {
  has_to_ = true;
  return ParsePatterns(&route_.rule.to, &route_.rule.to_port);
}

bool ConfigParser::ParseRouteProtocol() {
  static constexpr auto kChoices =
      std::to_array<Choice>({{"tcp", TransportBit(Transport::kTcp)}, {"udp", TransportBit(Transport::kUdp)}});
  uint8_t transports = 0;
  if (!ParseChoices("a protocol", kChoices, &transports)) return false;
  route_.rule.transports = route_.transports_given ? route_.rule.transports | transports : transports;
  route_.transports_given = true;
  return true;
}

// bindreply and udpreply stand for what a server sends back; a client never asks for them.
bool ConfigParser::ParseCommand() {
  static constexpr auto kChoices =
      std::to_array<Choice>({{"connect", CommandBit(Command::kConnect)},
                             {"bind", CommandBit(Command::kBind)},
                             {"udpassociate", CommandBit(Command::kUdpAssociate)},
                             {"bindreply", 0},
                             {"udpreply", 0}});
  uint8_t commands = 0;
  if (!ParseChoices("a command", kChoices, &commands)) return false;
  route_.rule.commands = route_.commands_given ? route_.rule.commands | commands : commands;
  route_.commands_given = true;
  route_.rule.names_commands = true;
  return true;
}

bool ConfigParser::ParseRouteProxyProtocol() {
  route_.protocols_where = source_.At(keyword_.offset);
  return ParseProxyProtocols(&route_.protocols);
}

bool ConfigParser::ParseRouteExtension() {
  return ParseExtensions(&route_.extensions);
}

bool ConfigParser::ParseRouteMethod() {
  route_.methods_where = source_.At(keyword_.offset);
  return ParseMethods(&route_.methods);
}

bool ConfigParser::ParseProcess() {
  do {
    const Token token = lexer_.Peek(Words::kText);
    const std::optional<std::string> glob = ParseText("the name of a program");
    if (!glob) return false;
    if (glob->empty() || glob->find('/') != std::string::npos) {
      return Fail(token, "expected the name of a program without its directory, found " + token.Describe(),
                  "programs are known by the last part of their path");
    }
    route_.rule.processes.push_back(*glob);
  } while (!AtListEnd(Words::kText));
  return true;
}

// Login names and user ids; what is all digits is an id.
bool ConfigParser::ParseUser() {
  route_.rule.names_users = true;
  do {
    const Token token = lexer_.Peek(Words::kText);
    const std::optional<std::string> name = ParseText("a login name or a user id");
    if (!name) return false;
    const bool is_id = std::ranges::all_of(*name, [](char c) { return c >= '0' && c <= '9'; });
    std::expected<std::optional<uint32_t>, int> id;
    if (is_id) {
      uint32_t value = 0;
      const char* const end = name->data() + name->size();
      const auto parsed = std::from_chars(name->data(), end, value);
      if (name->empty() || parsed.ec != std::errc() || value == kNobody) {
        return Fail(token, "expected a login name or a user id, found " + token.Describe());
      }
      id = value;
    } else {
      id = host_.user_id(*name);
    }
    if (const std::optional<uint32_t> known = id.value_or(std::nullopt)) {
      route_.rule.users.push_back(*known);
    } else {
      // A name that nobody has here matches nobody. One that cannot be looked up may be anybody's.
      if (!id) route_.rule.has_unknown_user = true;
      unknown_users_.push_back({token, *name, id ? 0 : id.error()});
    }
  } while (!AtListEnd(Words::kText));
  return true;
}

// What that means shows when all targets are known. See Rule::IsFor().
void ConfigParser::WarnOfUnknownUsers() {
  const auto is_direct = [](const TargetDraft& target) { return target.kind == Target::Kind::kDirect; };
  const bool is_purely_direct =
      std::ranges::all_of(route_.group, is_direct) && std::ranges::all_of(route_.fallback, is_direct);
  for (const UnknownUser& user : unknown_users_) {
    const std::string why = user.error == 0 ? "no user is called " + Quoted(user.name) + " here"
                                            : "the user id of " + Quoted(user.name) +
                                                  " cannot be looked up: " + ErrnoName(user.error);
    if (is_purely_direct || user.error == 0) {
      Warn(user.at, why + "; the name matches nobody");
    } else {
      Warn(user.at, why + "; this route is for every user then, because it is not direct",
           "write the user id, or remove the name");
    }
  }
}

bool ConfigParser::ParseResolve() {
  route_.resolve_where = source_.At(lexer_.Peek(Words::kPlain).offset);
  route_.rule.resolve = ParseWayToResolve();
  return route_.rule.resolve.has_value();
}

}  // namespace socksify
