// SPDX-License-Identifier: BSD-2-Clause
// The addresses of names that never leave this machine: localhost, its own name, /etc/hosts, and numbers in
// the odd forms that inet_aton(3) takes.
#pragma once

#include <string_view>
#include <vector>

#include "base/ip_address.h"

namespace socksify {

// In the order that getaddrinfo(3) gives them; empty for any other name, about which nobody is asked.
std::vector<IpAddress> FindLocalAddresses(std::string_view name);

}  // namespace socksify
