// SPDX-License-Identifier: BSD-2-Clause
// Names in DNS messages (RFC 1035 sections 3.1 and 4.1.4): labels, each behind an octet that counts it, up to
// one of no bytes. For the sources of dns_message.h alone, which says how a name looks as text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "resolver/dns_wire.h"

namespace socksify {

// Reads a name without compression into `name` (nothing when no text stands for it). False when there is no
// such name, and the reader is then anywhere.
bool ReadDnsName(DnsReader* reader, std::optional<std::string>* name);

// Steps over a name, which may end in a pointer to an earlier place. False as above.
bool SkipDnsName(DnsReader* reader);

// The size of the name on the wire; nothing for a text that stands for none.
std::optional<size_t> DnsNameSize(std::string_view name);

// Writes a name that has a size.
void WriteDnsName(DnsWriter* writer, std::string_view name);

}  // namespace socksify
