// SPDX-License-Identifier: BSD-2-Clause
// FakeRange: the two address ranges that stand for names, and the arithmetic between slots and addresses.
//
// Plain values; immutable use is thread-safe and async-signal-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ip_address.h"

namespace socksify {

// The two ranges, network addresses and prefix lengths. The number of slots is the smaller of the two ranges
// and FakeTable::kMaxNames.
struct FakeRange {
  IpAddress v4;
  unsigned v4_bits = 15;
  IpAddress v6;
  unsigned v6_bits = 96;
};

// Slot i stands for the i-th address of either range.
class FakeRangeMap {
 public:
  // Host bits of the network addresses are cleared. Fails when an address is of the wrong version or a prefix
  // is longer than its address.
  static std::optional<FakeRangeMap> Make(const FakeRange& range, uint32_t max_slots);

  uint32_t capacity() const { return capacity_; }
  const FakeRange& range() const { return range_; }

  // `slot` is below capacity().
  IpAddress AddressOf(uint32_t slot, IpVersion version) const;
  // The slot that `address` belongs to, below capacity(). ::ffff:a.b.c.d counts as a.b.c.d.
  std::optional<uint32_t> SlotOf(const IpAddress& address) const;
  // Whether `address` lies in one of the ranges, even past the last slot.
  bool Contains(const IpAddress& address) const;

  // 198.18.0.0-15-100::-96: part of a file name.
  std::string ToString() const;

 private:
  FakeRange range_;
  uint32_t capacity_ = 0;
};

}  // namespace socksify
