// SPDX-License-Identifier: BSD-2-Clause
// The system's name servers.
#pragma once

#include <cstdint>
#include <vector>

#include "base/endpoint.h"

namespace socksify {

inline constexpr uint16_t kDnsPort = 53;

// The `nameserver` lines of `path`, in its order, with port 53; 127.0.0.1 where it has none or cannot be
// read, as resolv.conf(5) says. Addresses with a %scope are left out: c-ares cannot read them. Empty only for
// want of memory. The file is read anew each time. Thread-safe.
std::vector<Endpoint> ReadNameServers(const char* path = "/etc/resolv.conf");

}  // namespace socksify
