// SPDX-License-Identifier: BSD-2-Clause
// The order of a group, without any state but the caller's number and in whole numbers: the same everywhere,
// and the preload needs neither libm nor memory.
#include <array>
#include <bit>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "base/wide_product.h"
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

// FNV-1a.
class Hash {
 public:
  void Add(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3; }
  void Add(std::string_view text) {
    for (const char c : text) Add(static_cast<uint8_t>(c));
    Add(uint8_t{0});
  }
  void AddHost(const Endpoint& endpoint) {
    if (endpoint.is_name()) {
      for (const char c : endpoint.name()) Add(static_cast<uint8_t>(ToLowerAscii(c)));
    } else {
      for (const uint8_t byte : endpoint.ip().bytes()) Add(byte);
    }
  }
  uint64_t Get() const {
    uint64_t state = value_;
    return NextNumber(&state);
  }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

// What a target is, wherever it stands in the list and whatever else is in it.
uint64_t HashTarget(const Target& target) {
  Hash hash;
  hash.Add(static_cast<uint8_t>(target.kind));
  for (const Server* const hop : target.hops) {
    hash.AddHost(hop->address);
    hash.Add(static_cast<uint8_t>(hop->address.port() >> 8));
    hash.Add(static_cast<uint8_t>(hop->address.port()));
    hash.Add(hop->name);
    hash.Add(hop->username);
  }
  return hash.Get();
}

uint64_t SumOfWeights(std::span<const Target> group) {
  return std::accumulate(group.begin(), group.end(), uint64_t{0},
                         [](uint64_t sum, const Target& target) { return sum + target.weight; });
}

// A draw without replacement: each target comes next with its share of what is left.
void OrderAtRandom(uint64_t draw, std::span<const Target*> order) {
  uint64_t state = draw;
  uint64_t left = 0;
  for (const Target* const target : order) left += target->weight;
  for (size_t i = 0; i + 1 < order.size() && left > 0; ++i) {
    uint64_t ticket = NextNumber(&state) % left;
    size_t chosen = i;
    while (ticket >= order[chosen]->weight) ticket -= order[chosen++]->weight;
    std::swap(order[i], order[chosen]);
    left -= order[i]->weight;
  }
}

// Who is first in turn number `draw`. A cycle has as many turns as the weights have in sum. It is a line from
// 0 to 1 on which each target has `weight` marks at equal distances, begun so that targets of equal weight
// alternate in the order of the file; the turns are the marks from left to right. The mark of a turn is found
// by bisection, since the marks up to a point can be counted without looking at any.
size_t FirstInTurn(std::span<const Target> group, uint64_t draw) {
  constexpr unsigned kBits = 32;  // a point on the line is a fraction of so many bits
  constexpr uint64_t kOne = uint64_t{1} << kBits;
  const uint64_t turns = SumOfWeights(group);
  const uint64_t turn = draw % turns;
  if (turns == group.size()) return static_cast<size_t>(turn);
  std::array<uint64_t, RouteTable::kMaxTargets> begin{};  // one distance less the place of the first mark
  uint64_t before = 0;
  for (size_t i = 0; i < group.size(); ++i) {
    begin[i] = kOne - ((2 * before + group[i].weight) << (kBits - 1)) / turns;
    before += group[i].weight;
  }
  const auto marks_of = [&](size_t i, uint64_t point) {
    return (group[i].weight * point + begin[i]) >> kBits;
  };
  uint64_t point = 0;  // the last one that has at most `turn` marks up to it
  for (uint64_t step = kOne / 2; step != 0; step /= 2) {
    uint64_t marks = 0;
    for (size_t i = 0; i < group.size(); ++i) marks += marks_of(i, point + step);
    if (marks <= turn) point += step;
  }
  uint64_t skipped = turn;  // of the marks at the next point, those whose turn is over
  for (size_t i = 0; i < group.size(); ++i) skipped -= marks_of(i, point);
  // Of two marks at one point the later target goes first: that keeps the marks of a heavy one apart.
  for (size_t i = group.size(); i-- > 0;) {
    if (marks_of(i, point + 1) == marks_of(i, point)) continue;
    if (skipped-- == 0) return i;
  }
  return 0;
}

// -log2((number + 1) / 2^64) with 32 bits behind the point, digit by digit: squaring a number doubles its
// logarithm.
uint64_t NegativeLog(uint64_t number) {
  constexpr unsigned kDigits = 32;
  if (number == UINT64_MAX) return 0;
  ++number;
  const auto zeros = static_cast<unsigned>(std::countl_zero(number));
  uint64_t mantissa = number << zeros;  // 1 <= mantissa / 2^63 < 2
  uint64_t fraction = 0;
  for (unsigned i = 0; i < kDigits; ++i) {
    const WideProduct square = Multiply(mantissa, mantissa);
    const bool is_two_or_more = (square.high >> 63) != 0;
    fraction = fraction << 1 | (is_two_or_more ? 1 : 0);
    mantissa = is_two_or_more ? square.high : square.high << 1 | square.low >> 63;
  }
  return ((uint64_t{zeros} + 1) << kDigits) - fraction;
}

// Weighted rendezvous hashing: each target draws a number from (0, 1] for the destination, u, and they stand
// in the order of -log(u) / weight. A target's number depends on nothing but itself and the destination, so
// that one which goes or comes takes no other's destinations along. The port does not count: all connections
// to one host take the same way.
void OrderByHash(const Endpoint& destination, std::span<const Target*> order) {
  Hash host;
  host.AddHost(destination);
  std::array<uint64_t, RouteTable::kMaxTargets> keys{};
  std::array<uint64_t, RouteTable::kMaxTargets> costs{};
  for (size_t i = 0; i < order.size(); ++i) {
    const Target* const target = order[i];
    keys[i] = HashTarget(*target);
    // The same target again is another one.
    uint64_t state = keys[i];
    for (size_t j = 0; j < i; ++j) {
      if (keys[j] == keys[i]) NextNumber(&state);
    }
    state ^= host.Get();
    const uint64_t cost = NegativeLog(NextNumber(&state));
    size_t place = i;
    for (; place > 0 && cost * order[place - 1]->weight < costs[place - 1] * target->weight; --place) {
      costs[place] = costs[place - 1];
      order[place] = order[place - 1];
    }
    costs[place] = cost;
    order[place] = target;
  }
}

}  // namespace

size_t OrderTargets(const Rule& rule, const Endpoint& destination, uint64_t draw,
                    std::span<const Target*, RouteTable::kMaxTargets> out) {
  const std::span<const Target> group = std::span(rule.group).first(std::min(rule.group.size(), out.size()));
  const std::span<const Target*> order = out.first(group.size());
  const size_t first = rule.balance == Balance::kRoundRobin && !group.empty() ? FirstInTurn(group, draw) : 0;
  for (size_t i = 0, next = first; i < group.size(); ++i, ++next) {
    if (next == group.size()) next = 0;
    order[i] = &group[next];
  }
  if (rule.balance == Balance::kRandom) OrderAtRandom(draw, order);
  if (rule.balance == Balance::kHash) OrderByHash(destination, order);
  size_t count = group.size();
  for (const Target& target : rule.fallback) {
    if (count == out.size()) break;
    out[count++] = &target;
  }
  return count;
}

}  // namespace socksify
