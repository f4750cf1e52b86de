// SPDX-License-Identifier: BSD-2-Clause
// Which names are never faked: those that stand for this machine, and those that are no names but addresses.
//
// Names are compared without ASCII case and without one trailing dot. Thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/ip_address.h"

namespace socksify {

// localhost, anything below .localhost (RFC 6761 section 6.3), and `own_name`, which is what gethostname(2)
// gives, or empty.
bool IsOwnName(std::string_view name, std::string_view own_name);

// Whether getaddrinfo(3) takes `name` as an address: dotted decimals, the other forms of inet_aton(3) such as
// 127.1 and 0x7f000001, and IPv6 with or without a %scope.
bool IsNumericHost(std::string_view name);

// Whether `hosts`, text in the format of hosts(5), gives `name` an address. Lines that do not begin with an
// address do not count.
bool HostsHaveName(std::string_view hosts, std::string_view name);
// Whether `hosts` gives `address` a name. ::ffff:a.b.c.d counts as a.b.c.d.
bool HostsHaveAddress(std::string_view hosts, const IpAddress& address);

// Calls visit(context, name) for each name that has an address in `hosts`, without its trailing dot.
void EachNameOfHosts(std::string_view hosts, void (*visit)(void* context, std::string_view name),
                     void* context);

// Whether `name` must be left to libc: it is numeric, or stands for this machine, or `hosts` has it.
bool IsNeverFaked(std::string_view name, std::string_view own_name, std::string_view hosts);

// The text of a hosts file, read anew; empty when it cannot be read. No more than its beginning, which is
// more than the longest lists of unwanted names have.
inline constexpr size_t kMaxHostsSize = size_t{1} << 24;
std::string ReadHosts(const char* path = "/etc/hosts");

}  // namespace socksify
