// SPDX-License-Identifier: BSD-2-Clause
// Builds the struct hostent of the gethostby*(3) family in a caller's buffer.
#pragma once

#include <netdb.h>

#include <span>
#include <string_view>

#include "base/ip_address.h"

namespace socksify {

// One name, no aliases, at least one address, all of one version. False when the buffer is too small (ERANGE
// in the `_r` functions).
bool FillHostEntry(std::string_view name, std::span<const IpAddress> addresses, std::span<char> buffer,
                   hostent* entry);

}  // namespace socksify
