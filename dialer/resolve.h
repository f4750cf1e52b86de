// SPDX-License-Identifier: BSD-2-Clause
// Local look-up of a stream destination's addresses through a given getaddrinfo(3).
#pragma once

#include <netdb.h>

#include <cstddef>
#include <span>

#include "base/ip_address.h"

namespace socksify {

// Writes the addresses of `name` in the order of RFC 6724, at most out.size(), and returns how many. The two
// functions are libc's, or whatever stands in for them where libc's are replaced.
size_t ResolveWith(decltype(&::getaddrinfo) get, decltype(&::freeaddrinfo) release, const char* name,
                   std::span<IpAddress> out);

}  // namespace socksify
