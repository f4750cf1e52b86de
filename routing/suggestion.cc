// SPDX-License-Identifier: BSD-2-Clause
#include "routing/suggestion.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"

namespace socksify {
namespace {

// Longer words are nobody's keyword, and the table below grows with the square of the length.
constexpr size_t kMaxWordSize = 64;

}  // namespace

// Optimal string alignment: three rows of the dynamic programming table are enough.
size_t EditDistance(std::string_view a, std::string_view b, size_t limit) {
  const size_t too_far = limit + 1;
  if (a.size() > kMaxWordSize || b.size() > kMaxWordSize) return too_far;
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = ToLowerAscii(a[i - 1]) == ToLowerAscii(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && ToLowerAscii(a[i - 1]) == ToLowerAscii(b[j - 2]) &&
                           ToLowerAscii(a[i - 2]) == ToLowerAscii(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return std::min(above[b.size()], too_far);
}

std::string_view ClosestWord(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty()) return {};
  // A third of the letters may be wrong, but never so many that any short word is near every other.
  const size_t limit = std::min<size_t>(3, word.size() / 3 + (word.size() == 2 ? 1 : 0));
  size_t best = 2 * (limit + 1);
  std::string_view closest;
  for (const std::string_view candidate : candidates) {
    // The first letter is rarely the wrong one.
    const size_t distance = 2 * EditDistance(word, candidate, limit) +
                            (ToLowerAscii(word[0]) == ToLowerAscii(candidate[0]) ? 0 : 1);
    if (distance < best) {
      best = distance;
      closest = candidate;
    }
  }
  return closest;
}

std::string DidYouMean(std::string_view word, std::span<const std::string_view> candidates,
                       std::string_view otherwise) {
  const std::string_view closest = ClosestWord(word, candidates);
  if (closest.empty()) return std::string(otherwise);
  return "did you mean '" + std::string(closest) + "'?";
}

}  // namespace socksify
