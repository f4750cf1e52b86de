// SPDX-License-Identifier: BSD-2-Clause
#include "routing/address_parser.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <string>
#include <utility>

#include "base/text.h"
#include "routing/quoting.h"

namespace socksify {
namespace {

using Kind = AddressPattern::Kind;

std::unexpected<TextProblem> Problem(std::string message, std::string remedy = {}) {
  return std::unexpected(TextProblem{std::move(message), std::move(remedy)});
}

// Bits of an IPv4 netmask, which must be ones followed by zeros.
std::expected<unsigned, TextProblem> ParseDottedMask(std::string_view text, const IpAddress& mask) {
  const uint32_t value = mask.v4_value();
  const auto bits = static_cast<unsigned>(std::countl_one(value));
  if (static_cast<unsigned>(std::popcount(value)) != bits) {
    return Problem("expected a netmask whose one bits come first, found " + Quoted(text),
                   "write one rule for each network, with masks like 255.255.0.0 or /16");
  }
  return bits;
}

std::expected<unsigned, TextProblem> ParseMask(std::string_view text, const IpAddress& address) {
  const unsigned most = address.is_v4() ? 32 : 128;
  if (const std::optional<IpAddress> dotted = IpAddress::Parse(text)) {
    if (address.is_v4() && dotted->is_v4()) return ParseDottedMask(text, *dotted);
  } else if (const std::optional<uint64_t> bits = ParseWholeNumber(text); bits && *bits <= most) {
    return static_cast<unsigned>(*bits);
  }
  return Problem("expected a prefix length from 0 to " + std::to_string(most) + ", found " + Quoted(text));
}

std::expected<IpAddress, TextProblem> ParseAddress(std::string_view text) {
  std::string_view bare = text;
  if (bare.size() > 2 && bare.front() == '[' && bare.back() == ']') bare = bare.substr(1, bare.size() - 2);
  const std::optional<IpAddress> address = IpAddress::Parse(bare);
  if (!address || (bare.size() != text.size() && address->is_v4())) {
    return Problem("expected an IP address, found " + Quoted(text));
  }
  if (address->IsV4Mapped()) {
    return Problem("expected an IPv4 address as such, found " + Quoted(text),
                   "write '" + address->Unmapped().ToString() + "'");
  }
  return *address;
}

// The address of an interface with its own netmask: a network of which the bits past the mask do not matter.
AddressPattern NetworkOf(const InterfaceAddress& entry) {
  AddressPattern pattern;
  pattern.kind = Kind::kNetwork;
  pattern.network = entry.address;
  pattern.prefix_bits = entry.prefix_bits;
  return pattern;
}

std::vector<AddressPattern> FindInterface(std::string_view name, InterfaceList* interfaces, bool* found) {
  std::vector<AddressPattern> patterns;
  for (const InterfaceAddress& entry : interfaces->Get()) {
    if (entry.interface == name) patterns.push_back(NetworkOf(entry));
  }
  *found = !patterns.empty();
  return patterns;
}

std::expected<AddressPattern, TextProblem> ParseName(std::string_view text) {
  AddressPattern pattern;
  if (text == ".") {
    pattern.kind = Kind::kEveryName;
    return pattern;
  }
  std::string_view name = text;
  pattern.kind = name.starts_with('.') ? Kind::kDomain : Kind::kName;
  if (name.starts_with('.')) name.remove_prefix(1);
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.starts_with("*.")) {
    return Problem("expected a name or a domain, found " + Quoted(text),
                   "write '" + std::string(name.substr(1)) + "' for the domain and all names below it");
  }
  if (name.starts_with('.') || name.ends_with('.') || name.find("..") != std::string_view::npos) {
    return Problem("expected a name or a domain, found " + Quoted(text),
                   "a name has one dot between its parts");
  }
  const std::expected<Endpoint, TextProblem> host = ParseHost(name, 0);
  if (!host) return std::unexpected(host.error());
  pattern.name = ToLowerAscii(name);
  return pattern;
}

}  // namespace

std::span<const InterfaceAddress> InterfaceList::Get() {
  if (!addresses_) addresses_ = host_.interfaces();
  return *addresses_;
}

std::optional<uint64_t> ParseWholeNumber(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text.starts_with('0')) {
    base = 8;
  }
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::expected<AddressPattern, TextProblem> ParseNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  const std::expected<IpAddress, TextProblem> address = ParseAddress(text.substr(0, slash));
  if (!address) return std::unexpected(address.error());
  AddressPattern pattern;
  pattern.kind = Kind::kNetwork;
  pattern.network = *address;
  pattern.prefix_bits = address->is_v4() ? 32 : 128;
  if (slash != std::string_view::npos) {
    const std::expected<unsigned, TextProblem> bits = ParseMask(text.substr(slash + 1), *address);
    if (!bits) return std::unexpected(bits.error());
    pattern.prefix_bits = *bits;
  }
  return pattern;
}

std::expected<std::vector<AddressPattern>, TextProblem> ParseAddressPatterns(std::string_view text,
                                                                             InterfaceList* interfaces) {
  if (text == "0/0") return std::vector<AddressPattern>{AddressPattern{}};
  if (text == "0" || text.starts_with("0/")) {
    return Problem("expected '0/0', found " + Quoted(text), "0/0 is every address and every name");
  }
  const bool is_network = text.find('/') != std::string_view::npos ||
                          text.find(':') != std::string_view::npos || IpAddress::Parse(text).has_value();
  if (is_network) {
    const std::expected<AddressPattern, TextProblem> network = ParseNetwork(text);
    if (!network) return std::unexpected(network.error());
    return std::vector<AddressPattern>{*network};
  }
  if (!text.starts_with('.')) {
    bool found = false;
    std::vector<AddressPattern> patterns = FindInterface(text, interfaces, &found);
    if (found) return patterns;
  }
  const std::expected<AddressPattern, TextProblem> name = ParseName(text);
  if (!name) return std::unexpected(name.error());
  return std::vector<AddressPattern>{*name};
}

}  // namespace socksify
