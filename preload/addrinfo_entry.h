// SPDX-License-Identifier: BSD-2-Clause
// The entry of a getaddrinfo(3) list where there is one alone, as glibc makes it.
//
// glibc can make it from the numeric form of the address, which it has to read again, for as much time as all
// the rest of a look-up takes.
#pragma once

#include <netdb.h>

#include "base/ip_address.h"

namespace socksify {

// The flags that results show: those of `hints`, or what glibc takes without any (getaddrinfo(3)).
int ShownFlags(const addrinfo* hints);

// The one entry for `address`, `service` and `hints`, for freeaddrinfo(3): a block of its own with the
// address behind it, without canonical name. Null where libc has to judge (services by name, hints that more
// entries than one, or none, would fit, flags that it may not know) and when there is no memory.
addrinfo* MakeSingleEntry(const IpAddress& address, const char* service, const addrinfo* hints);

}  // namespace socksify
