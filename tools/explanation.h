// SPDX-License-Identifier: BSD-2-Clause
// Explanation: what would become of one connection, and why. A value made from a Config; it asks no network.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "routing/config.h"
#include "routing/query.h"
#include "tools/destination.h"

namespace socksify {

enum class Verdict : uint8_t {
  kDirect,
  kProxy,
  kBlock,    // by a rule
  kNoRoute,  // no rule matches
  kRefused,  // a rule sends it to a proxy that cannot carry it, or that this version cannot use
};

enum class Resolution : uint8_t {
  kLiteral,        // the destination is an address
  kHosts,          // a name of this machine: /etc/hosts, localhost
  kFake,           // sent to the proxy as a name
  kLocal,          // looked up by this machine
  kLocalThenFake,  // looked up by this machine, and sent to the proxy as a name if that fails
  kTcp,            // looked up by DNS over TCP, its queries carried by the routes
  kUdp,            // the same over UDP
};

struct HopReport {
  std::string name;                    // of the `server` block; may be empty
  std::string address;                 // "10.0.0.1:1080"
  std::vector<std::string> protocols;  // "socks5", ...; the preferred one first
  std::string where;
  std::string unusable;  // the reason; empty: usable
  int error = 0;         // with `unusable`: the errno value that a path through it fails with
};

struct PathReport {
  Target::Kind kind = Target::Kind::kDirect;
  bool is_fallback = false;
  std::vector<HopReport> hops;  // for kProxies
  Chain chain = Chain::kStrict;
  unsigned chain_length = 0;  // for kRandom and kRoundRobin
  unsigned weight = 1;

  // Whether it has as many usable servers as the chain takes.
  bool IsUsable() const;
  // The errno value that it fails with; 0 where it is usable.
  int error() const;
};

struct Explanation {
  std::string destination;  // "web.test:80"
  Transport transport = Transport::kTcp;
  std::string process;  // may be empty
  std::string user;     // likewise

  Verdict verdict = Verdict::kNoRoute;
  int error = 0;       // what the program gets, an errno value; 0 where it gets a connection
  std::string reason;  // for people, where error is not 0

  bool has_rule = false;
  Location where;
  std::string rule_text;
  Balance balance = Balance::kOrdered;
  std::vector<PathReport> paths;  // the group, then the fallbacks, in file order

  Resolution resolution = Resolution::kLiteral;
  std::string resolve_where;         // the route whose `resolve:` says so; empty: none does
  std::vector<IpAddress> addresses;  // for kHosts; the first of them decides
  // For kTcp and kUdp: the way to each name server; empty: those of /etc/resolv.conf are asked.
  std::vector<Explanation> name_servers;
};

// Who asks.
struct Asker {
  std::string process;      // the program's base name; may be empty
  uint32_t user = kNobody;  // its user id
  std::string user_name;    // as it is shown; empty: it is not
};

// `local_addresses` are those of the destination's name on this machine (FindLocalAddresses); empty for none.
Explanation Explain(const Config& config, const Destination& destination, const Asker& asker,
                    std::span<const IpAddress> local_addresses);

const char* ToString(Verdict verdict);  // "direct", "proxy", "block", "no-route", "refused"
// "literal", "hosts", "fake", "local", "local-then-fake", "tcp", "udp"
const char* ToString(Resolution resolution);
const char* ToString(Balance balance);  // as in the configuration
const char* ToString(Chain chain);      // likewise

// Aligned text of several lines; and the JSON object that socksctl(1) documents, on one line.
std::string ToText(const Explanation& explanation);
std::string ToJson(const Explanation& explanation);

}  // namespace socksify
