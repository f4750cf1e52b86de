// SPDX-License-Identifier: BSD-2-Clause
// The word that somebody who mistyped probably meant.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fixed_text.h"

namespace socksify {

// How many single-byte insertions, deletions, replacements and swaps of neighbours turn `a` into `b`,
// whatever their case; `limit + 1` as soon as it is clear that there are more than `limit`.
size_t EditDistance(std::string_view a, std::string_view b, size_t limit);

// The candidate nearest to `word`, or an empty view when none is near enough to be meant.
std::string_view ClosestWord(std::string_view word, std::span<const std::string_view> candidates);

// "did you mean 'X'?", or `otherwise` when no candidate is near.
std::string DidYouMean(std::string_view word, std::span<const std::string_view> candidates,
                       std::string_view otherwise = {});
// Likewise, of constant tables.
template <size_t kMaxSize>
std::string DidYouMean(std::string_view word, std::span<const FixedText<kMaxSize>> candidates,
                       std::string_view otherwise = {}) {
  const std::vector<std::string_view> views(candidates.begin(), candidates.end());
  return DidYouMean(word, std::span<const std::string_view>(views), otherwise);
}
template <size_t kMaxSize, size_t kCount>
std::string DidYouMean(std::string_view word, const std::array<FixedText<kMaxSize>, kCount>& candidates,
                       std::string_view otherwise = {}) {
  return DidYouMean(word, std::span<const FixedText<kMaxSize>>(candidates), otherwise);
}

}  // namespace socksify
