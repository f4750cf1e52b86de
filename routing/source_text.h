// SPDX-License-Identifier: BSD-2-Clause
// SourceText: a configuration's text and where it came from; turns offsets into Locations.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "routing/location.h"

namespace socksify {

class SourceText {
 public:
  enum class Lines : unsigned char {
    kNumbered,    // a file
    kNone,        // an environment variable or an argument: one line, of which no column is given
    kTranslated,  // a file in another language than ours; has a constructor of its own
  };

  SourceText(std::string source, std::string text, Lines lines);
  // A file of which `text` is a translation: places are the lines of the original, without columns.
  // `origins[i]` is the line of the original, 1-based, that line i of `text` stands for, 0 for none.
  SourceText(std::string source, std::string original, std::string text, std::vector<unsigned> origins);

  std::string_view text() const { return text_; }
  const std::string& source() const { return *source_; }
  Location At(size_t offset) const;
  // A place in the file itself; either number may be 0.
  Location AtLine(unsigned line, unsigned column) const { return {source_, line, column}; }
  // The line of `where`, which must have come from At() or AtLine(), fit to be shown.
  std::string LineOf(const Location& where) const;

 private:
  std::shared_ptr<const std::string> source_;
  std::string text_;
  std::string original_;  // of a translation
  Lines lines_;
  std::vector<size_t> line_starts_;  // offsets in text_; the first is 0
  std::vector<unsigned> origins_;    // of a translation
};

}  // namespace socksify
