// SPDX-License-Identifier: BSD-2-Clause
// DNS by the way that the route table has for the name server: over TCP, or over UDP where that is direct or
// TCP fails.
#pragma once

#include <cstdint>
#include <span>

#include "base/endpoint.h"
#include "preload/runtime.h"

namespace socksify {

// Sends `query` to `server` (an address, or a name for the proxy to resolve) and reads its response into
// `out`; the part of it that was written, empty when there is none: no way, no answer in time, or one that is
// too long for `out`. Takes at most kCarryTimeLimitMs. No cancellation point; leaves errno alone.
inline constexpr int kCarryTimeLimitMs = 4000;
std::span<uint8_t> CarryQuery(Runtime* runtime, const Endpoint& server, std::span<const uint8_t> query,
                              std::span<uint8_t> out);

}  // namespace socksify
