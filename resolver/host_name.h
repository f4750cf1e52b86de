// SPDX-License-Identifier: BSD-2-Clause
// Which texts can be the name of a host.
#pragma once

#include <cstddef>
#include <string_view>

namespace socksify {

// What DNS can carry without the dot of the root (RFC 1035 section 2.3.4: 255 octets with the length of each
// label and the root's).
inline constexpr size_t kMaxHostNameSize = 253;
inline constexpr size_t kMaxLabelSize = 63;

// Whether getaddrinfo(3) would ask for `name`: with glibc it says EAI_NONAME, and sends nothing, for a name
// of more than 253 bytes, an empty label or one of more than 63 bytes, ASCII other than letters, digits, '-'
// and
// '_', a '-' in front, and digits and dots that are no address. One dot at the end is no part of a name. So
// no name holds a blank, a control character, or what could change the meaning of a log or of a request to a
// proxy.
//
// Two things are decided otherwise than glibc has them. Bytes past ASCII pass, because what a proxy makes of
// them is its own affair. An address is no name even with a dot behind it: the proxy would read 10.0.0.1 as
// an address, past the rules for addresses.
//
// Async-signal-safe.
bool IsHostName(std::string_view name);

}  // namespace socksify
