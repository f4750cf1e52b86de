// SPDX-License-Identifier: BSD-2-Clause
// Whether a process is still the one that wrote its id somewhere.
//
// Process ids are those of the caller's PID namespace. Async-signal-safe; errno may change.
#pragma once

#include <cstdint>
#include <optional>

namespace socksify {

// Whether no process with this id runs: it has ended, even if nobody has waited for it.
bool IsDead(uint32_t pid);

// When the process with this id started, in seconds since the system's boot; nothing where it cannot be told.
std::optional<int64_t> StartOfProcess(uint32_t pid);

// Now, on the same clock (CLOCK_BOOTTIME).
int64_t SecondsSinceBoot();

}  // namespace socksify
