// SPDX-License-Identifier: BSD-2-Clause
// Names that belong to this machine and are therefore never faked: localhost, its own name, /etc/hosts.
#pragma once

#include <string_view>
#include <vector>

#include "base/ip_address.h"

namespace socksify {

// The addresses that the text of a hosts file gives to `name` (hosts(5)), in its order; case does not count.
std::vector<IpAddress> FindInHosts(std::string_view hosts, std::string_view name);

// The same for this machine, whose localhost (RFC 6761 section 6.3) is known without a file. Empty: not
// local.
std::vector<IpAddress> FindLocalName(std::string_view name);

}  // namespace socksify
