// SPDX-License-Identifier: BSD-2-Clause
// The services that have a name even on a machine without /etc/services (Debian without netbase).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/fixed_text.h"

namespace socksify {

using ServiceName = FixedText<15>;

// IANA's Service Name and Transport Protocol Port Number Registry.
std::optional<uint16_t> BuiltInServicePort(std::string_view name);

// For "did you mean".
std::span<const ServiceName> BuiltInServiceNames();

}  // namespace socksify
