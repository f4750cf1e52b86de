// SPDX-License-Identifier: BSD-2-Clause
// AddressPattern: what may stand behind `from:` and `to:`. A plain value; matching allocates nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "base/ip_address.h"

namespace socksify {

struct AddressPattern {
  enum class Kind : uint8_t {
    kEverything,  // 0/0
    kNothing,     // an interface that has no address
    kNetwork,     // 10.0.0.0/8; a prefix of no bits also matches every name
    kEveryName,   // .
    kName,        // example.org: that name alone
    kDomain,      // .example.org: example.org and every name below it
  };
  Kind kind = Kind::kEverything;
  IpAddress network;         // kNetwork
  unsigned prefix_bits = 0;  // kNetwork
  std::string name;          // kName, kDomain: lower case, no dot at either end

  bool Matches(const Endpoint& endpoint) const;
  bool MatchesAddress(const IpAddress& address) const;
  // ASCII case does not count, nor does one trailing dot (RFC 4343, RFC 1034 section 3.1).
  bool MatchesName(std::string_view host) const;
  // Matches whatever is not known: a socket that is bound to no address.
  bool MatchesUnknown() const;
  // True when everything that `other` matches is matched by this pattern too.
  bool Covers(const AddressPattern& other) const;
};

}  // namespace socksify
