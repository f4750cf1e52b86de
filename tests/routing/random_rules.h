// SPDX-License-Identifier: BSD-2-Clause
// RandomRules: tables of rules of every kind and what to ask them, the same for the same seed.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "routing/rule.h"

namespace socksify {

// Makes tables and questions out of so few parts that they meet often.
class RandomRules {
 public:
  explicit RandomRules(uint64_t seed) : random_(seed) {}

  std::vector<Rule> Rules() {
    std::vector<Rule> rules(Below(80));
    for (Rule& rule : rules) rule = AnyRule();
    return rules;
  }

  Endpoint Host() {
    const uint16_t port = Port();
    if (Below(2) == 0) return Endpoint::FromIp(Address(), port);
    const auto endpoint = Endpoint::FromName(Name(), port);
    return endpoint ? *endpoint : Endpoint::FromIp(Address(), port);
  }

  // Of one to a thousand bytes, well formed or not.
  std::string Name() {
    static constexpr const char* kLabels[] = {"a", "b", "A", "com", "Com", "test", "", "x-1", "\xc3\xa4"};
    std::string name;
    const size_t labels = Below(10) == 0 ? Below(140) : Below(5);
    for (size_t i = 0; i <= labels; ++i) {
      if (i != 0) name += '.';
      name += Below(60) == 0 ? std::string(1 + Below(63), 'y') : kLabels[Below(std::size(kLabels))];
    }
    if (Below(4) == 0) name += '.';
    return name;
  }

  IpAddress Address() {
    if (Below(2) == 0) return IpAddress::V4(Value());
    std::array<uint8_t, 16> bytes{};
    switch (Below(3)) {
      case 0: bytes[10] = bytes[11] = 0xff; [[fallthrough]];  // ::ffff:a.b.c.d
      case 1:
        for (size_t i = 0; i < 4; ++i) bytes[12 + i] = static_cast<uint8_t>(Value() >> (24 - 8 * i));
        break;
      default:
        for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(Value() >> 24);
    }
    return IpAddress::V6(bytes, static_cast<uint32_t>(Below(2)));
  }

  std::string Process() { return Below(2) == 0 ? "curl" : "ftp"; }
  uint16_t Port() { return static_cast<uint16_t>(79 + Below(3)); }
  Transport AnyTransport() { return static_cast<Transport>(Below(2)); }
  Command AnyCommand() { return static_cast<Command>(Below(3)); }
  size_t Below(size_t bound) { return random_() % bound; }

 private:
  // Few bits differ, so networks lie in each other.
  uint32_t Value() {
    static constexpr uint32_t kBases[] = {0, 0x0a000000, 0x0a0a0a0a, 0xffffffff, 0x80000000};
    return kBases[Below(std::size(kBases))] ^ (uint32_t{1} << Below(32)) ^ static_cast<uint32_t>(Below(4));
  }

  AddressPattern Pattern() {
    AddressPattern pattern;
    const size_t kind = Below(40);
    if (kind == 0) return pattern;
    if (kind <= 2) {
      pattern.kind = kind == 1 ? AddressPattern::Kind::kNothing : AddressPattern::Kind::kEveryName;
    } else if (kind <= 20) {
      pattern.kind = AddressPattern::Kind::kNetwork;
      pattern.network = Address();
      const unsigned most = pattern.network.is_v4() ? 32 : 128;
      // One bit more than there are matches nothing.
      pattern.prefix_bits = Below(4) == 0 ? most : static_cast<unsigned>(Below(most + 2));
      if (Below(8) != 0) pattern.prefix_bits = std::max(pattern.prefix_bits, 3U);
    } else {
      pattern.kind = kind <= 30 ? AddressPattern::Kind::kName : AddressPattern::Kind::kDomain;
      pattern.name = ToLower(Name());
      if (Below(3) != 0 && pattern.name.ends_with('.')) pattern.name.pop_back();
    }
    return pattern;
  }

  static std::string ToLower(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
  }

  Rule AnyRule() {
    Rule rule;
    rule.group.resize(1);
    if (Below(2) == 0) rule.group[0].kind = Target::Kind::kBlock;
    const size_t patterns = Below(50) == 0 ? 0 : 1 + Below(6) / 3;
    for (size_t i = 0; i < patterns; ++i) rule.to.push_back(Pattern());
    if (patterns == 2 && Below(5) == 0) rule.to[1] = rule.to[0];
    if (Below(8) == 0) rule.from.push_back(Pattern());
    if (Below(4) == 0) rule.to_port = {Port(), 80, Below(4) == 0};
    if (Below(6) == 0) rule.transports = static_cast<uint8_t>(1 + Below(3));
    if (Below(6) == 0) rule.commands = static_cast<uint8_t>(1 + Below(7));
    if (Below(6) == 0) rule.processes = {Process()};
    if (Below(20) == 0) rule.resolve = Below(2) == 0 ? ResolveProtocol::kFake : ResolveProtocol::kUdp;
    return rule;
  }

  std::mt19937_64 random_;
};

}  // namespace socksify
