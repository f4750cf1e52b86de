// SPDX-License-Identifier: BSD-2-Clause
// Which way a look-up goes: to libc, or to the table of fake addresses.
#pragma once

#include <optional>
#include <string_view>

#include "preload/runtime.h"

namespace socksify {

enum class LookupWay : uint8_t {
  kLibc,          // as without us
  kFake,          // a fake address
  kLibcThenFake,  // libc first; a fake address when it knows none
  kReal,          // DNS by way of the route table (real_names.h)
  kRefuse,        // the configuration is in error, or wants DNS of our own: no query leaves
};

// How `name` is to be looked up. kLibc for a literal and for what never leaves the machine: localhost, our
// own name, /etc/hosts.
LookupWay WayFor(Runtime* runtime, std::string_view name);

// Whether libc, asked for `name`, for which WayFor() says kLibc, may ask for a name that is not resolved so:
// with a domain of the search list (resolv.conf(5)) behind it. A dot at the end keeps it from that.
bool IsExpandedOutOfTable(Runtime* runtime, std::string_view name);

// Whether `name` is a literal or stands for this machine: what IsNeverFaked() says here and now.
bool IsNameOfThisMachine(std::string_view name);

// The fake address of `name` in `version`; an errno value on failure (EINVAL: no name that could be sent).
std::expected<IpAddress, int> FakeAddressFor(Runtime* runtime, std::string_view name, IpVersion version);

// The name that a fake address stands for.
std::optional<Endpoint> NameOfFake(Runtime* runtime, const IpAddress& address);

// Whether asking the system for the name of `address` keeps within what the table allows: its route is
// direct, or /etc/hosts answers, or the configuration leaves names to the system.
bool MayAskForNameOf(Runtime* runtime, const IpAddress& address);

}  // namespace socksify
