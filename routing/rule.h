// SPDX-License-Identifier: BSD-2-Clause
// Rule: one `route` block, ready to match. Immutable; owned by its RouteTable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/address_pattern.h"
#include "routing/location.h"
#include "routing/port_match.h"
#include "routing/resolve_protocol.h"
#include "routing/server.h"

namespace socksify {

struct Query;

enum class Transport : uint8_t { kTcp, kUdp };
enum class Command : uint8_t { kConnect, kBind, kUdpAssociate };
enum class Balance : uint8_t { kOrdered, kRandom, kRoundRobin, kHash };

constexpr uint8_t TransportBit(Transport transport) {
  return static_cast<uint8_t>(1U << static_cast<unsigned>(transport));
}
constexpr uint8_t CommandBit(Command command) {
  return static_cast<uint8_t>(1U << static_cast<unsigned>(command));
}
inline constexpr uint8_t kAllTransports = 3;
inline constexpr uint8_t kAllCommands = 7;

struct Rule {
  Location where;                // the line that decides
  std::vector<Target> group;     // `via`; never empty
  std::vector<Target> fallback;  // `fallback`
  // The matchers. All of them must agree; of several patterns one is enough, and an empty list matches all.
  std::vector<AddressPattern> from;
  std::vector<AddressPattern> to;
  std::vector<std::string> processes;  // base names; '*' stands for any text, '?' for one byte
  std::vector<uint32_t> users;         // user ids of `user`, of those that are known
  PortMatch from_port;
  PortMatch to_port;
  uint8_t transports = kAllTransports;  // TransportBit values
  uint8_t commands = kAllCommands;      // CommandBit values
  bool names_commands = false;          // the route has a `command` of its own
  bool names_users = false;             // the route has a `user` of its own
  bool has_unknown_user = false;        // and there is a name whose user id could not be found

  Balance balance = Balance::kOrdered;
  std::optional<ResolveProtocol> resolve;  // `resolve`: for the names that can meet this rule

  bool Matches(const Query& query) const;
  // Whether `process` and `user` of the rule let this program of this user in. A name whose user id could not
  // be found may be anybody's: with one the rule is for every user, unless it only goes direct. So what a
  // rule keeps from going direct is kept where no name can be looked up either (chroot(2), a server that is
  // down).
  bool IsFor(std::string_view process, uint32_t user) const;
  // Whether a connection of `process`, run by `user`, to `name` can meet this rule, with some port,
  // transport, command, source.
  bool MayMeetName(std::string_view name, std::string_view process, uint32_t user) const;
  // Its say in how the names that can meet it are resolved, if it has one. `resolve: local` in a rule that
  // only goes direct says aloud what such a rule means anyway: it takes no name away from other rules.
  std::optional<ResolveProtocol> SayInResolving() const;
  // True when only destinations that are given by name match: their addresses go by.
  bool IsForNamesAlone() const;
  // Nothing but the destination's address counts, and whom it IsFor().
  bool IsUnconditional() const;
  // Whether the bound local address or port makes a difference.
  bool NeedsSource() const;
  // No proxy, no block.
  bool IsPurelyDirect() const;
  // True when every query that `other` matches is matched here too; may say false when it is not sure.
  bool Covers(const Rule& other) const;
};

}  // namespace socksify
