// SPDX-License-Identifier: BSD-2-Clause
// Rows of text in columns.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socksify {

using TextRow = std::vector<std::string>;

// "0.12 ms", "1.2 ms", "120.0 ms".
std::string Milliseconds(double ms);

// The rows below each other, each column as wide as its widest cell (in bytes) and two blanks from the next,
// numbers on the right of their column where `right_columns` names it. No blanks at the ends of lines. All
// rows have equally many cells.
std::string ToText(std::span<const TextRow> rows, std::initializer_list<size_t> right_columns);

}  // namespace socksify
