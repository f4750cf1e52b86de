// SPDX-License-Identifier: BSD-2-Clause
// What tells one boot of a machine from every other one, of this machine and of others.
#pragma once

#include <array>

namespace socksify {

// The text of /proc/sys/kernel/random/boot_id (random(4)), a UUID and a line end; zeroes where it cannot be
// read.
using BootId = std::array<char, 40>;

inline constexpr const char* kBootIdPath = "/proc/sys/kernel/random/boot_id";

// Three system calls. errno is whatever.
BootId ReadBootId(const char* path = kBootIdPath);

constexpr bool IsKnown(const BootId& boot) {
  return boot.front() != '\0';
}

}  // namespace socksify
