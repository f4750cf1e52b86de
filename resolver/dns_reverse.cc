// SPDX-License-Identifier: BSD-2-Clause
// The names that addresses have in the DNS. Only the one spelling that DNS software writes is an address: a
// number with a zero in front is another name, which does not exist.
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "resolver/dns_message.h"

namespace socksify {
namespace {

// Takes `suffix` from the end of `name`; false when it is not there.
bool TakeSuffix(std::string_view suffix, std::string_view* name) {
  if (name->size() < suffix.size() || !EqualsIgnoreCase(name->substr(name->size() - suffix.size()), suffix)) {
    return false;
  }
  name->remove_suffix(suffix.size());
  return true;
}

// Takes one label with a number of `base` up to `max` from the front, and the dot behind it.
std::optional<uint8_t> TakeNumber(int base, unsigned max, std::string_view* name) {
  const char* const begin = name->data();
  const char* const end = begin + name->size();
  unsigned value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value, base);
  const auto digits = static_cast<size_t>(stop - begin);
  if (error != std::errc{} || value > max || stop == end || *stop != '.') return std::nullopt;
  if (digits > 1 && name->front() == '0') return std::nullopt;
  name->remove_prefix(digits + 1);
  return static_cast<uint8_t>(value);
}

// `name` is "d.c.b.a."
std::optional<IpAddress> ReversedV4(std::string_view name) {
  uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const std::optional<uint8_t> octet = TakeNumber(10, 0xff, &name);
    if (!octet) return std::nullopt;
    value |= uint32_t{*octet} << 8 * i;
  }
  if (!name.empty()) return std::nullopt;
  return IpAddress::V4(value);
}

// `name` is 32 nibbles, the lowest first, each with a dot behind it.
std::optional<IpAddress> ReversedV6(std::string_view name) {
  std::array<uint8_t, 16> bytes{};
  for (size_t i = 2 * bytes.size(); i-- > 0;) {
    const std::optional<uint8_t> nibble = TakeNumber(16, 0xf, &name);
    if (!nibble) return std::nullopt;
    bytes[i / 2] |= static_cast<uint8_t>(i % 2 == 0 ? *nibble << 4 : *nibble);
  }
  if (!name.empty()) return std::nullopt;
  return IpAddress::V6(bytes);
}

}  // namespace

std::optional<IpAddress> AddressOfReverseName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (TakeSuffix("in-addr.arpa", &name)) return ReversedV4(name);
  if (TakeSuffix("ip6.arpa", &name)) return ReversedV6(name);
  return std::nullopt;
}

}  // namespace socksify
