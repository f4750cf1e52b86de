// SPDX-License-Identifier: BSD-2-Clause
#include "routing/source_text.h"

#include <algorithm>
#include <utility>

#include "routing/quoting.h"

namespace socksify {

SourceText::SourceText(std::string source, std::string text, Lines lines)
    : source_(std::make_shared<const std::string>(std::move(source))), text_(std::move(text)), lines_(lines) {
  line_starts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }
}

Location SourceText::At(size_t offset) const {
  if (lines_ == Lines::kNone) return {source_, 0, 0};
  const auto next = std::ranges::upper_bound(line_starts_, std::min(offset, text_.size()));
  const size_t start = *(next - 1);
  return {source_, static_cast<unsigned>(next - line_starts_.begin()),
          static_cast<unsigned>(offset - start + 1)};
}

std::string SourceText::LineOf(const Location& where) const {
  const size_t index = where.line == 0 ? 0 : where.line - 1;
  if (index >= line_starts_.size()) return {};
  std::string_view line = std::string_view(text_).substr(line_starts_[index]);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return WithoutSecrets(line);
}

}  // namespace socksify
