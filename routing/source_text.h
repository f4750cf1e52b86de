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
    kNumbered,  // a file
    kNone,      // an environment variable or an argument: one line, of which no column is given
  };

  SourceText(std::string source, std::string text, Lines lines);

  std::string_view text() const { return text_; }
  const std::string& source() const { return *source_; }
  Location At(size_t offset) const;
  // The line of `where`, which must have come from At(), fit to be shown.
  std::string LineOf(const Location& where) const;

 private:
  std::shared_ptr<const std::string> source_;
  std::string text_;
  Lines lines_;
  std::vector<size_t> line_starts_;  // offsets; the first is 0
};

}  // namespace socksify
