// SPDX-License-Identifier: BSD-2-Clause
// What tells one socket from all others in a table that outlives processes and boots. Its SO_COOKIE
// (socket(7)) alone does not: the kernel counts anew at each boot, and before Linux 5.10 in each network
// namespace.
#pragma once

#include <cstdint>

#include "resolver/boot_id.h"

namespace socksify {

// A number for the boot; 0 for one that is not known.
constexpr uint64_t BootTag(const BootId& boot) {
  if (!IsKnown(boot)) return 0;
  uint64_t tag = 0xcbf29ce484222325;  // FNV-1a
  for (const char each : boot) tag = (tag ^ static_cast<unsigned char>(each)) * 0x100000001b3;
  return tag;
}

// Of the socket with `cookie`. `local_port` stands in where cookies come again: in a boot that is not known,
// and in the other namespaces of an old kernel. Elsewhere it is 0, which saves asking for it.
constexpr uint64_t SocketIdentity(uint64_t cookie, uint64_t boot_tag, uint16_t local_port) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;
  return cookie ^ boot_tag ^ uint64_t { local_port } * kMultiplier;
}

}  // namespace socksify
