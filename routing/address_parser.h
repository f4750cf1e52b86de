// SPDX-License-Identifier: BSD-2-Clause
// What may stand behind `from:` and `to:`, apart from ports.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "routing/address_pattern.h"
#include "routing/config.h"
#include "routing/proxy_url.h"

namespace socksify {

// The machine's interfaces, asked for once and only when a configuration has a word that may name one.
class InterfaceList {
 public:
  explicit InterfaceList(const ConfigHost& host) : host_(host) {}
  std::span<const InterfaceAddress> Get();

 private:
  const ConfigHost& host_;
  std::optional<std::vector<InterfaceAddress>> addresses_;
};

// Reads an address, a network (10.0.0.0/8, 10.0.0.0/255.0.0.0, 2001:db8::/32), 0/0, a name, a domain (a dot
// in front), `.`, or an interface, whose networks come out.
std::expected<std::vector<AddressPattern>, TextProblem> ParseAddressPatterns(std::string_view text,
                                                                             InterfaceList* interfaces);

// Reads ADDRESS/BITS or an address alone, IPv4 or IPv6: a pattern of Kind::kNetwork.
std::expected<AddressPattern, TextProblem> ParseNetwork(std::string_view text);

// A whole number as Dante writes it: decimal, 0x... or with a leading 0 octal (strtol(3) with base 0).
std::optional<uint64_t> ParseWholeNumber(std::string_view text);

}  // namespace socksify
