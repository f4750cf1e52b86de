// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "routing/route_table.h"

namespace socksify {
namespace {

// The next number of a sequence that starts anywhere and visits all 64-bit states (SplitMix64).
uint64_t NextNumber(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// FNV-1a. The port does not count, so that all connections to one host take the same way.
uint64_t HashHost(const Endpoint& destination) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  if (destination.is_name()) {
    for (const char c : destination.name()) add(static_cast<uint8_t>(ToLowerAscii(c)));
  } else {
    for (const uint8_t byte : destination.ip().bytes()) add(byte);
  }
  return NextNumber(&hash);
}

}  // namespace

size_t OrderTargets(const Rule& rule, const Endpoint& destination, uint64_t draw,
                    std::span<const Target*, RouteTable::kMaxTargets> out) {
  const size_t group_size = std::min(rule.group.size(), out.size());
  const auto rotate_by = [&](uint64_t offset) {
    const auto first = static_cast<size_t>(offset % group_size);
    for (size_t i = 0; i < group_size; ++i) out[i] = &rule.group[(i + first) % group_size];
  };
  if (group_size != 0) {
    rotate_by(rule.balance == Balance::kRoundRobin ? draw
              : rule.balance == Balance::kHash     ? HashHost(destination)
                                                   : 0);
  }
  if (rule.balance == Balance::kRandom) {
    uint64_t state = draw;
    for (size_t i = group_size; i > 1; --i)
      std::swap(out[i - 1], out[static_cast<size_t>(NextNumber(&state) % i)]);
  }
  size_t count = group_size;
  for (const Target& target : rule.fallback) {
    if (count == out.size()) break;
    out[count++] = &target;
  }
  return count;
}

}  // namespace socksify
