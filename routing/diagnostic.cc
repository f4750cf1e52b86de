// SPDX-License-Identifier: BSD-2-Clause
#include "routing/diagnostic.h"

#include <algorithm>

namespace socksify {
namespace {

bool IsContinuationByte(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// The blanks that put a caret below `column`: tabs stay tabs, so that it lines up whatever their width is,
// and a character of several bytes takes one column.
std::string CaretLine(const std::string& line, unsigned column) {
  const size_t before = std::min<size_t>(column - 1, line.size());
  std::string carets;
  for (size_t i = 0; i < before; ++i) {
    if (line[i] == '\t') {
      carets += '\t';
    } else if (!IsContinuationByte(line[i])) {
      carets += ' ';
    }
  }
  return carets + "^\n";
}

}  // namespace

std::string Diagnostic::ToString() const {
  std::string text = where.ToString();
  if (where.line != 0 && where.column != 0) text += ':' + std::to_string(where.column);
  text += ": ";
  if (severity == Severity::kWarning) text += "warning: ";
  text += message;
  text += '\n';
  if (!source_line.empty()) {
    text += "  " + source_line + '\n';
    if (where.column != 0) text += "  " + CaretLine(source_line, where.column);
  }
  if (!remedy.empty()) text += "  " + remedy + '\n';
  return text;
}

}  // namespace socksify
