// SPDX-License-Identifier: BSD-2-Clause
// via: TARGET [, TARGET ...], where a TARGET is direct, block, or servers joined by `then`, and a weight may
// follow; and the options that say how a group and the chains in it are used.
#include <algorithm>
#include <array>
#include <utility>

#include "routing/config_parser.h"
#include "routing/quoting.h"

namespace socksify {
namespace {

constexpr unsigned kMaxWeight = 1000;

constexpr std::array<std::string_view, 4> kChainNames = {"strict", "dynamic", "random", "roundrobin"};

bool Chooses(Chain chain) {
  return chain == Chain::kRandom || chain == Chain::kRoundRobin;
}

bool IsChain(const TargetDraft& target) {
  return target.hops.size() > 1;
}

}  // namespace

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

// `weight = N` behind a target.
bool ConfigParser::ParseWeight(TargetDraft* target) {
  const Token word = lexer_.Peek(Words::kPlain);
  if (!word.IsWord("weight")) return true;
  target->weight_where = source_.At(word.offset);
  lexer_.Accept(word);
  const Token op = lexer_.Next(Words::kPlain);
  if (!op.IsSymbol("=")) {
    return Fail(op, "expected '=' after 'weight', found " + op.Describe(), "write weight = 2");
  }
  if (!ParseCount(kMaxWeight, &target->weight)) return false;
  const Token next = lexer_.Peek(Words::kPlain);
  if (next.IsWord("port")) {
    return Fail(next, "expected the end of the target, found 'port'",
                "write the weight last: port = 1080 weight = 2");
  }
  if (!next.IsWord("then")) return true;
  return Fail(next, "expected the end of the target, found 'then'",
              "a chain has one weight, behind its last server");
}

// What is wrong with the weights shows when `balance` is known.
bool ConfigParser::CheckWeights() {
  bool good = true;
  for (const TargetDraft& target : route_.fallback) {
    if (!target.weight_where) continue;
    good = Fail(*target.weight_where, "expected no weight behind a fallback, found one",
                "remove it: fallbacks are tried in their order");
  }
  if (route_.rule.balance != Balance::kOrdered) return good;
  for (const TargetDraft& target : route_.group) {
    if (!target.weight_where) continue;
    good = Fail(*target.weight_where, "expected no weight in a group that is tried in its order, found one",
                "weights count only with balance: random, roundrobin or hash");
  }
  return good;
}

bool ConfigParser::CheckChains() {
  const bool has_chain =
      std::ranges::any_of(route_.group, IsChain) || std::ranges::any_of(route_.fallback, IsChain);
  const std::optional<Location>& where = route_.chain_where ? route_.chain_where : route_.chain_length_where;
  if (where && !has_chain) {
    return Fail(*where, "expected a chain in 'via' or 'fallback' of this route, found none",
                "servers are joined by 'then': via: a then b");
  }
  const std::string name(kChainNames[static_cast<size_t>(route_.chain)]);
  if (route_.chain_length_where && !Chooses(route_.chain)) {
    return Fail(*route_.chain_length_where,
                "expected no 'chain.length' where 'chain' is " + name + ", found one",
                "it counts only with chain: random or roundrobin");
  }
  if (route_.chain_where && !route_.chain_length_where && Chooses(route_.chain)) {
    return Fail(*route_.chain_where, "expected 'chain.length:' beside 'chain: " + name + "', found none",
                "say how many of the servers one connection goes through: chain.length: 2");
  }
  return std::ranges::all_of(route_.group, [this](const auto& target) { return CheckChain(target); }) &&
         std::ranges::all_of(route_.fallback, [this](const auto& target) { return CheckChain(target); });
}

bool ConfigParser::CheckChain(const TargetDraft& target) {
  if (!IsChain(target) || route_.chain == Chain::kStrict) return true;
  const size_t size = target.hops.size();
  if (size > Target::kMaxChosenHops) {
    return Fail(target.where, "expected at most " + std::to_string(Target::kMaxChosenHops) +
                                  " servers in a chain that is not strict, found " + std::to_string(size));
  }
  if (!route_.chain_length_where || route_.chain_length <= size) return true;
  return Fail(*route_.chain_length_where,
              "expected a number from 1 to " + std::to_string(size) + ", found '" +
                  std::to_string(route_.chain_length) + "'",
              "a chain of this route has no more servers");
}

bool ConfigParser::ParseChain() {
  static constexpr auto kChoices = [] {
    std::array<Choice, kChainNames.size()> choices{};
    for (size_t i = 0; i < choices.size(); ++i)
      choices[i] = {FixedText<15>(kChainNames[i]), static_cast<uint8_t>(i)};
    return choices;
  }();
  route_.chain_where = source_.At(lexer_.Peek(Words::kPlain).offset);
  const std::optional<uint8_t> choice = ParseChoice("a kind of chain", kChoices);
  if (choice) route_.chain = static_cast<Chain>(*choice);
  return choice.has_value();
}

bool ConfigParser::ParseChainLength() {
  route_.chain_length_where = source_.At(lexer_.Peek(Words::kPlain).offset);
  return ParseCount(Target::kMaxChosenHops, &route_.chain_length);
}

bool ConfigParser::ParseBalance() {
  static constexpr auto kChoices =
      std::to_array<Choice>({{"ordered", static_cast<uint8_t>(Balance::kOrdered)},
                             {"random", static_cast<uint8_t>(Balance::kRandom)},
                             {"roundrobin", static_cast<uint8_t>(Balance::kRoundRobin)},
                             {"hash", static_cast<uint8_t>(Balance::kHash)}});
  const std::optional<uint8_t> choice = ParseChoice("an order", kChoices);
  if (choice) route_.rule.balance = static_cast<Balance>(*choice);
  return choice.has_value();
}

bool ConfigParser::ParseTarget(TargetDraft* target) {
  const Token first = lexer_.Peek(Words::kAddress);
  target->where = source_.At(first.offset);
  const bool is_direct = first.IsWord("direct");
  if (is_direct || first.IsWord("block")) {
    lexer_.Accept(first);
    target->kind = is_direct ? Target::Kind::kDirect : Target::Kind::kBlock;
    const Token then = lexer_.Peek(Words::kPlain);
    if (!then.IsWord("then")) return ParseWeight(target);
    return Fail(then, "expected the end of the target, found 'then': a chain is made of servers",
                "remove '" + std::string(first.text) + "' or what follows it");
  }
  target->kind = Target::Kind::kProxies;
  while (true) {
    if (!ParseHop(target)) return false;
    const Token then = lexer_.Peek(Words::kPlain);
    if (!then.IsWord("then")) return ParseWeight(target);
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
                     token.value.find("://") == std::string::npos && !token.value.starts_with('[') &&
                     !NamesUnixSocket(token.value);
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
  if (hop->proxy.has_password) NoteSecret(token);
  HostPort address{hop->proxy.address, hop->proxy.has_port};
  if (!ParsePortBehind(&address)) return false;
  hop->in_place = !address.address.is_name() || hop->proxy.protocols != 0 || address.has_port;
  hop->proxy.address = address.address;
  hop->proxy.has_port = address.has_port;
  return true;
}

}  // namespace socksify
