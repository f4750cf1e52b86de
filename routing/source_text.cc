// SPDX-License-Identifier: BSD-2-Clause
#include "routing/source_text.h"

#include <algorithm>
#include <utility>

#include "routing/quoting.h"

namespace socksify {

namespace {

std::string_view NthLine(std::string_view text, unsigned number) {
  for (unsigned i = 1; i < number; ++i) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

}  // namespace

SourceText::SourceText(std::string source, std::string text, Lines lines)
    : source_(std::make_shared<const std::string>(std::move(source))), text_(std::move(text)), lines_(lines) {
  line_starts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }
}

SourceText::SourceText(std::string source, std::string original, std::string text,
                       std::vector<unsigned> origins)
    : SourceText(std::move(source), std::move(text), Lines::kTranslated) {
  original_ = std::move(original);
  origins_ = std::move(origins);
}

Location SourceText::At(size_t offset) const {
  if (lines_ == Lines::kNone) return {source_, 0, 0};
  const auto next = std::ranges::upper_bound(line_starts_, std::min(offset, text_.size()));
  const auto line = static_cast<unsigned>(next - line_starts_.begin());
  if (lines_ == Lines::kTranslated) return {source_, line <= origins_.size() ? origins_[line - 1] : 0, 0};
  return {source_, line, static_cast<unsigned>(offset - *(next - 1) + 1)};
}

std::string SourceText::LineOf(const Location& where) const {
  if (where.line == 0 && lines_ != Lines::kNone) return {};
  std::string_view line;
  if (lines_ == Lines::kTranslated) {
    line = NthLine(original_, where.line);
  } else {
    const size_t index = where.line == 0 ? 0 : where.line - 1;
    if (index >= line_starts_.size()) return {};
    line = std::string_view(text_).substr(line_starts_[index]);
    line = line.substr(0, line.find('\n'));
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  return WithoutSecrets(line);
}

}  // namespace socksify
