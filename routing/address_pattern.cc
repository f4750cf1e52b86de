// SPDX-License-Identifier: BSD-2-Clause
#include "routing/address_pattern.h"

#include "base/text.h"

namespace socksify {
namespace {

// True when `host` is `domain` or a name below it; both without a trailing dot.
bool IsInDomain(std::string_view host, std::string_view domain) {
  if (host.size() < domain.size()) return false;
  const size_t rest = host.size() - domain.size();
  if (rest != 0 && host[rest - 1] != '.') return false;
  return EqualsIgnoreCase(host.substr(rest), domain);
}

}  // namespace

bool AddressPattern::Matches(const Endpoint& endpoint) const {
  return endpoint.is_name() ? MatchesName(endpoint.name()) : MatchesAddress(endpoint.ip());
}

bool AddressPattern::MatchesAddress(const IpAddress& address) const {
  if (kind == Kind::kNetwork) return address.IsInPrefix(network, prefix_bits);
  return kind == Kind::kEverything;
}

bool AddressPattern::MatchesName(std::string_view host) const {
  if (host.size() > 1 && host.back() == '.') host.remove_suffix(1);
  switch (kind) {
    case Kind::kEverything:
    case Kind::kEveryName: return true;
    case Kind::kNothing: return false;
    case Kind::kNetwork: return prefix_bits == 0;
    case Kind::kName: return EqualsIgnoreCase(host, name);
    case Kind::kDomain: return IsInDomain(host, name);
  }
  return false;
}

bool AddressPattern::MatchesUnknown() const {
  return kind == Kind::kEverything || (kind == Kind::kNetwork && prefix_bits == 0);
}

bool AddressPattern::Covers(const AddressPattern& other) const {
  if (kind == Kind::kEverything || other.kind == Kind::kNothing) return true;
  switch (other.kind) {
    case Kind::kEverything:
    case Kind::kNothing: return false;
    case Kind::kNetwork:
      return kind == Kind::kNetwork && prefix_bits <= other.prefix_bits &&
             other.network.IsInPrefix(network, prefix_bits);
    case Kind::kEveryName: return kind == Kind::kEveryName || (kind == Kind::kNetwork && prefix_bits == 0);
    case Kind::kName: return MatchesName(other.name);
    case Kind::kDomain: return kind != Kind::kName && MatchesName(other.name);
  }
  return false;
}

}  // namespace socksify
