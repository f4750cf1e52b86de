// SPDX-License-Identifier: BSD-2-Clause
// Rules that nobody wrote: autoroute, and catch-alls from the environment and the command line.
#include <array>
#include <memory>
#include <utility>

#include "routing/config_linker.h"

namespace socksify {
namespace {

using Kind = AddressPattern::Kind;

AddressPattern Network(const IpAddress& network, unsigned bits) {
  AddressPattern pattern;
  pattern.kind = Kind::kNetwork;
  pattern.network = network;
  pattern.prefix_bits = bits;
  return pattern;
}

Rule DirectRule(const Location& where) {
  Rule rule;
  rule.where = where;
  rule.group.push_back({Target::Kind::kDirect, {}, where});
  return rule;
}

// RFC 1122 section 3.2.1.3 (g), RFC 4291 section 2.5.3, RFC 6761 section 6.3.
Rule LoopbackRule(const Location& where) {
  constexpr std::array<uint8_t, 16> kLoopbackV6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  Rule rule = DirectRule(where);
  rule.to.reserve(3);
  rule.to.push_back(Network(IpAddress::V4(0x7f000000), 8));
  rule.to.push_back(Network(IpAddress::V6(kLoopbackV6), 128));
  AddressPattern localhost;
  localhost.kind = Kind::kDomain;
  localhost.name = "localhost";
  rule.to.push_back(std::move(localhost));
  return rule;
}

// On Linux a connect(2) to 0.0.0.0 or :: reaches this machine. A BIND names no destination, and is not meant.
Rule UnspecifiedRule(const Location& where) {
  constexpr std::array<uint8_t, 16> kAnyV6{};
  Rule rule = DirectRule(where);
  rule.to.reserve(2);
  rule.to.push_back(Network(IpAddress::V4(0), 32));
  rule.to.push_back(Network(IpAddress::V6(kAnyV6), 128));
  rule.commands = CommandBit(Command::kConnect) | CommandBit(Command::kUdpAssociate);
  return rule;
}

}  // namespace

std::vector<Rule> ImpliedRules(AutoRoute auto_route, InterfaceList* interfaces, size_t others) {
  std::vector<Rule> rules;
  rules.reserve(others + (auto_route == AutoRoute::kNone ? 0 : auto_route == AutoRoute::kLoopback ? 2 : 3));
  if (auto_route == AutoRoute::kNone) return rules;
  const Location where{std::make_shared<const std::string>("autoroute"), 0, 0};
  rules.push_back(LoopbackRule(where));
  rules.push_back(UnspecifiedRule(where));
  if (auto_route == AutoRoute::kLoopback) return rules;
  Rule lan = DirectRule(where);
  for (const InterfaceAddress& entry : interfaces->Get()) {
    // A tunnel's 0.0.0.0/0 would make everything direct, names included.
    if (entry.prefix_bits != 0) lan.to.push_back(Network(entry.address, entry.prefix_bits));
  }
  if (!lan.to.empty()) rules.push_back(std::move(lan));
  return rules;
}

Rule MakeCatchAllRule(std::string_view source, Target target) {
  Rule rule;
  rule.where = {std::make_shared<const std::string>(source), 0, 0};
  rule.group.push_back(std::move(target));
  return rule;
}

}  // namespace socksify
