// SPDX-License-Identifier: BSD-2-Clause
// Real DNS look-ups by c-ares, over sockets that the caller provides.
//
// Each call blocks, for at most its limit of time, and stands for itself: a c-ares channel of its own,
// nothing kept between calls. Thread-safe; may be called in a forked child of a program with threads wherever
// malloc(3) may. errno is preserved. Names are absolute: no search list; no hosts file is read, and the
// environment (LOCALDOMAIN, RES_OPTIONS) has no influence.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "resolver/dns_transport.h"

namespace socksify {

enum class LookupError : uint8_t {
  kNoName,     // there is no such name, or there can be none; for an address: it has no name
  kNoAddress,  // the name exists, without an address of the family that was asked for
  kTryAgain,   // no server could be reached, or none answered in time, or none was able to
  kFailed,     // an answer that makes no sense, or no memory
};

struct LookupFailure {
  LookupError error = LookupError::kFailed;
  // Static text for people: lower case, no full stop. Never null.
  const char* reason = "";
};

enum class LookupFamily : uint8_t { kV4, kV6, kBoth };

struct RealLookupOptions {
  // Whom to ask, in this order; the next one is asked when one cannot be reached, is silent or unable to
  // answer. At most the first kMaxNameServers addresses count; names do not. Port 0 is 53. Empty:
  // ReadNameServers().
  std::vector<Endpoint> servers;
  // kUdp: an answer that was cut is asked for again by TCP (RFC 7766 section 5).
  DnsProtocol protocol = DnsProtocol::kTcp;
  // For the whole look-up, divided among servers and tries.
  int timeout_ms = 10'000;
  // How often each server may be asked: by UDP on silence, each time waiting twice as long; by TCP after it
  // closed the connection without an answer. A server that cannot be reached is not tried again.
  int tries = 2;
};

inline constexpr size_t kMaxNameServers = 8;

// The addresses of `name`, in the order of the answer, IPv4 before IPv6; at least one. An address is not
// recognised as such but asked for like any name. With kBoth, the addresses of one family will do.
std::expected<std::vector<IpAddress>, LookupFailure> LookUpReal(std::string_view name, LookupFamily family,
                                                                const RealLookupOptions& options,
                                                                const DnsTransport& transport);

// The names of `address` (RFC 1035 section 3.5, RFC 3596 section 2.5); at least one. ::ffff:a.b.c.d counts as
// a.b.c.d.
std::expected<std::vector<std::string>, LookupFailure> LookUpRealName(const IpAddress& address,
                                                                      const RealLookupOptions& options,
                                                                      const DnsTransport& transport);

}  // namespace socksify
