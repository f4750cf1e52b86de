// SPDX-License-Identifier: BSD-2-Clause
#include "tools/text_table.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace socksify {

std::string Milliseconds(double ms) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), ms < 1 ? "%.2f ms" : "%.1f ms", ms);
  return text.data();
}

std::string ToText(std::span<const TextRow> rows, std::initializer_list<size_t> right_columns) {
  if (rows.empty()) return {};
  std::vector<size_t> widths(rows[0].size());
  for (const TextRow& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const TextRow& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      const bool is_right = std::ranges::find(right_columns, i) != right_columns.end();
      line += is_right ? padding + row[i] : row[i] + padding;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

}  // namespace socksify
