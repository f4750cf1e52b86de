// SPDX-License-Identifier: BSD-2-Clause
// Puts things into the order of their places in the file. What has no line (environment, command line) comes
// behind, as it was. There is never more than one file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "routing/location.h"

namespace socksify {

// `where_of(item)` gives the item's Location.
template <typename Item, typename WhereOf>
std::vector<Item> InPlaceOrder(std::vector<Item> items, WhereOf where_of) {
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) {
    const Location& where = where_of(items[i]);
    return std::tuple(where.line == 0, where.line, where.column, i);
  });
  std::vector<Item> sorted;
  sorted.reserve(items.size());
  for (const size_t i : order) sorted.push_back(std::move(items[i]));
  return sorted;
}

}  // namespace socksify
