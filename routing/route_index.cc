// SPDX-License-Identifier: BSD-2-Clause
// A name matches a domain if the domain is what stands behind one of its dots, or all of it. So a name has as
// few keys as it has labels, and walking it from the right gives their hashes one after the other.
#include "routing/route_index.h"

#include <endian.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>

#include "base/text.h"

namespace socksify {
namespace {

// The hash of a name, taken from its last byte to its first.
class NameHash {
 public:
  void Add(char c) {
    state_ = (std::rotl(state_, 5) ^ static_cast<uint8_t>(ToLowerAscii(c))) * 0x9e3779b97f4a7c15;
  }
  uint32_t value() const { return static_cast<uint32_t>(state_ >> 32); }

 private:
  uint64_t state_ = 0;
};

uint32_t HashOf(std::string_view name) {
  NameHash hash;
  for (size_t i = name.size(); i > 0; --i) hash.Add(name[i - 1]);
  return hash.value();
}

uint64_t LeadingOnes(unsigned count) {
  return count == 0 ? 0 : ~uint64_t{0} << (64 - count);
}

}  // namespace

RouteIndex::Bits RouteIndex::Bits::Of(const IpAddress& address) {
  if (address.is_v4()) return {uint64_t{address.v4_value()} << 32, 0};
  Bits bits;
  std::memcpy(&bits.high, address.bytes().data(), 8);
  std::memcpy(&bits.low, address.bytes().data() + 8, 8);
  return {be64toh(bits.high), be64toh(bits.low)};
}

RouteIndex::Bits RouteIndex::Bits::Prefix(unsigned size) const {
  return {high & LeadingOnes(std::min(size, 64U)), low & LeadingOnes(size > 64 ? size - 64 : 0)};
}

// Collects what the rules of a table match, then writes the lists.
class RouteIndex::Builder {
 public:
  explicit Builder(RouteIndex* index) : index_(*index) { index_.lists_.push_back(Candidates::kEnd); }

  void Enter(uint32_t number, const Rule& rule) {
    if (rule.to.empty()) EnterEverywhere(number);
    for (const AddressPattern& pattern : rule.to) EnterPattern(number, pattern);
  }

  void Finish() {
    BuildNetworks(&v4_, &index_.v4_);
    BuildNetworks(&v6_, &index_.v6_);
    BuildNames();
    index_.every_name_ = BeginList();
    for (const uint32_t rule : every_name_) AddToList(rule);
    EndList();
  }

 private:
  struct NetworkEntry {
    Bits start;
    unsigned prefix_bits = 0;
    uint32_t rule = 0;
    friend auto operator<=>(const NetworkEntry&, const NetworkEntry&) = default;
  };
  struct NameEntry {
    uint32_t hash = 0;
    uint32_t rule = 0;
    friend auto operator<=>(const NameEntry&, const NameEntry&) = default;
  };

  void EnterEverywhere(uint32_t number) {
    v4_.push_back({{}, 0, number});
    v6_.push_back({{}, 0, number});
    every_name_.push_back(number);
  }

  void EnterPattern(uint32_t number, const AddressPattern& pattern) {
    using Kind = AddressPattern::Kind;
    switch (pattern.kind) {
      case Kind::kEverything: EnterEverywhere(number); break;
      case Kind::kNothing: break;
      case Kind::kEveryName: every_name_.push_back(number); break;
      case Kind::kName:
      case Kind::kDomain: names_.push_back({HashOf(pattern.name), number}); break;
      case Kind::kNetwork:
        if (pattern.prefix_bits > pattern.network.bytes().size() * 8) break;
        (pattern.network.is_v4() ? v4_ : v6_)
            .push_back({Bits::Of(pattern.network).Prefix(pattern.prefix_bits), pattern.prefix_bits, number});
        if (pattern.prefix_bits == 0) every_name_.push_back(number);
        break;
    }
  }

  // A rule may come several times in a row, by several patterns.
  uint32_t BeginList() {
    last_ = Candidates::kEnd;
    return static_cast<uint32_t>(index_.lists_.size());
  }
  void AddToList(uint32_t rule) {
    if (rule != last_) index_.lists_.push_back(rule);
    last_ = rule;
  }
  void EndList() { index_.lists_.push_back(Candidates::kEnd); }

  void BuildNetworks(std::vector<NetworkEntry>* entries, Networks* networks) {
    std::ranges::sort(*entries);
    networks->starts.push_back({});
    networks->rest.push_back({});
    uint32_t last = 0;
    for (auto entry = entries->begin(); entry != entries->end();) {
      if (entry->prefix_bits != 0) {
        while (networks->starts[last] != entry->start.Prefix(networks->rest[last].prefix_bits)) {
          last = networks->rest[last].parent;
        }
        networks->starts.push_back(entry->start);
        networks->rest.push_back({last, 0, entry->prefix_bits});
        last = static_cast<uint32_t>(networks->rest.size() - 1);
      }
      networks->rest[last].list = BeginList();
      const NetworkEntry first = *entry;
      for (; entry != entries->end() &&
             std::tie(entry->start, entry->prefix_bits) == std::tie(first.start, first.prefix_bits);
           ++entry) {
        AddToList(entry->rule);
      }
      EndList();
    }
    networks->starts.shrink_to_fit();
    networks->rest.shrink_to_fit();
  }

  void BuildNames() {
    if (names_.empty()) return;
    std::ranges::sort(names_);
    const size_t size = std::bit_ceil(2 * names_.size());
    index_.names_.resize(size);
    index_.name_shift_ = 32 - static_cast<unsigned>(std::countr_zero(size));
    for (auto entry = names_.begin(); entry != names_.end();) {
      const uint32_t hash = entry->hash;
      size_t slot = hash >> index_.name_shift_;
      while (index_.names_[slot].list != 0) slot = (slot + 1) & (size - 1);
      index_.names_[slot] = {hash, BeginList()};
      for (; entry != names_.end() && entry->hash == hash; ++entry) AddToList(entry->rule);
      EndList();
    }
  }

  RouteIndex& index_;
  std::vector<NetworkEntry> v4_;
  std::vector<NetworkEntry> v6_;
  std::vector<NameEntry> names_;
  std::vector<uint32_t> every_name_;
  uint32_t last_ = Candidates::kEnd;
};

RouteIndex::RouteIndex(std::span<const Rule> rules, size_t max_scanned)
    : size_(static_cast<uint32_t>(rules.size())) {
  if (rules.size() <= max_scanned) return;
  Builder builder(this);
  for (size_t i = 0; i < rules.size(); ++i) builder.Enter(static_cast<uint32_t>(i), rules[i]);
  builder.Finish();
  lists_.shrink_to_fit();
}

Candidates RouteIndex::ForAddress(const IpAddress& address) const {
  if (lists_.empty()) return Candidates(size_);
  const Networks& networks = address.is_v4() ? v4_ : v6_;
  const Bits bits = Bits::Of(address);
  Candidates candidates;
  const auto behind = std::ranges::upper_bound(networks.starts, bits);
  auto i = static_cast<uint32_t>(behind - networks.starts.begin() - 1);
  for (; i != 0; i = networks.rest[i].parent) {
    const Network& network = networks.rest[i];
    if (bits.Prefix(network.prefix_bits) == networks.starts[i]) candidates.Add(List(network.list));
  }
  candidates.Add(List(networks.rest[0].list));
  candidates.Close(size_);
  return candidates;
}

Candidates RouteIndex::ForName(std::string_view host) const {
  if (lists_.empty()) return Candidates(size_);
  if (host.size() > 1 && host.back() == '.') host.remove_suffix(1);
  Candidates candidates;
  candidates.Add(List(every_name_));
  NameHash hash;
  for (size_t i = host.size(); !names_.empty(); --i) {
    if (i == 0 || host[i - 1] == '.') candidates.Add(List(FindName(hash.value())));
    if (i == 0) break;
    hash.Add(host[i - 1]);
  }
  candidates.Close(size_);
  return candidates;
}

uint32_t RouteIndex::FindName(uint32_t hash) const {
  size_t slot = hash >> name_shift_;
  while (names_[slot].list != 0 && names_[slot].hash != hash) slot = (slot + 1) & (names_.size() - 1);
  return names_[slot].list;
}

Candidates RouteIndex::ForRulesThatCover(const Rule& rule) const {
  using Kind = AddressPattern::Kind;
  const auto has_place = [](const AddressPattern& pattern) { return pattern.kind != Kind::kNothing; };
  const auto pattern = std::ranges::find_if(rule.to, has_place);
  // Whatever covers everything, or every name, is a candidate for any name.
  if (pattern == rule.to.end()) return ForName({});
  return pattern->kind == Kind::kNetwork ? ForAddress(pattern->network) : ForName(pattern->name);
}

}  // namespace socksify
