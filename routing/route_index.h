// SPDX-License-Identifier: BSD-2-Clause
// RouteIndex: which rules of a table can match a destination at all, so that a decision need not try them one
// by one. Immutable; asking it allocates nothing and makes no system call.
//
// It only leaves out rules whose `to` does not match: what it yields is to be asked by Rule::Matches() or
// Rule::MayMeetName(), in the order in which it comes, which is that of the table.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "routing/rule.h"

namespace socksify {

// Numbers of rules, ascending, each once. Points into the index that it comes from.
class Candidates {
 public:
  static constexpr uint32_t kEnd = UINT32_MAX;

  // The next number, kEnd when there is none left.
  uint32_t Next() {
    if (count_ == 0) return next_ < total_ ? next_++ : kEnd;
    uint32_t least = kEnd;
    for (size_t i = 0; i < count_; ++i) least = std::min(least, *lists_[i]);
    if (least == kEnd) return kEnd;
    for (size_t i = 0; i < count_; ++i) lists_[i] += *lists_[i] == least ? 1 : 0;
    return least;
  }

 private:
  friend class RouteIndex;

  // More lists than any sane table has for one destination; beyond it all rules are candidates.
  static constexpr size_t kMaxLists = 48;

  // None yet. The array is left as it is: to fill it would take as long as to search a small table.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  Candidates() {}
  // Every number below `total`.
  explicit Candidates(uint32_t total) : Candidates() { total_ = total; }

  // Adds those of `list`, which is ascending and ends with kEnd.
  void Add(const uint32_t* list) {
    if (*list == kEnd) return;
    if (count_ < kMaxLists) lists_[count_] = list;
    ++count_;
  }
  // To be called when all have been added, of a table of `total` rules.
  void Close(uint32_t total) {
    if (count_ <= kMaxLists) return;
    count_ = 0;
    total_ = total;
  }

  size_t count_ = 0;
  uint32_t next_ = 0;
  uint32_t total_ = 0;
  std::array<const uint32_t*, kMaxLists> lists_;  // the first count_ have a value
};

class RouteIndex {
 public:
  // A table of no more rules is gone through from the start: that is nearly as fast, and needs no
  // memory.
  static constexpr size_t kMaxScanned = 8;

  RouteIndex() = default;
  // Keeps nothing of `rules`.
  explicit RouteIndex(std::span<const Rule> rules, size_t max_scanned = kMaxScanned);

  Candidates For(const Endpoint& destination) const {
    return destination.is_name() ? ForName(destination.name()) : ForAddress(destination.ip());
  }
  Candidates ForAddress(const IpAddress& address) const;
  // Of any size and shape; see AddressPattern::MatchesName.
  Candidates ForName(std::string_view host) const;
  // Among them is every rule that covers `rule` (Rule::Covers): it matches all destinations of `rule`, so it
  // is a candidate for any one of them. Not so where `rule` matches no destination at all.
  Candidates ForRulesThatCover(const Rule& rule) const;

 private:
  // An address or the start of a network: the bits in host order, those of IPv4 in front.
  struct Bits {
    uint64_t high = 0;
    uint64_t low = 0;

    static Bits Of(const IpAddress& address);
    Bits Prefix(unsigned size) const;
    friend auto operator<=>(const Bits&, const Bits&) = default;
  };
  struct Network {
    uint32_t parent = 0;  // the next larger network that contains it
    uint32_t list = 0;
    unsigned prefix_bits = 0;
  };
  // The networks of one IP version. The first is that of all addresses, and its own parent. They are sorted
  // by their start, the larger first, so that all that contain an address are the ancestors of the last one
  // that does not start behind it, or that one itself.
  struct Networks {
    std::vector<Bits> starts;
    std::vector<Network> rest;  // of the same network
  };
  // Open addressing: the list of a name is in the first slot from the top bits of its hash on that has this
  // hash. Names that share a hash share a list, which costs a rule tried in vain.
  struct Slot {
    uint32_t hash = 0;
    uint32_t list = 0;  // 0: the slot is free
  };
  class Builder;

  const uint32_t* List(uint32_t begin) const { return lists_.data() + begin; }
  uint32_t FindName(uint32_t hash) const;

  uint32_t size_ = 0;            // of the table
  std::vector<uint32_t> lists_;  // numbers of rules, kEnd behind each list; the first list is empty.
                                 // Without any there is no index: all rules are candidates
  Networks v4_;
  Networks v6_;
  std::vector<Slot> names_;  // none, or a power of two of them, at most half of which are taken
  unsigned name_shift_ = 0;  // brings the bits of a hash down that are the number of its slot
  uint32_t every_name_ = 0;  // the list of the rules that all names match
};

}  // namespace socksify
