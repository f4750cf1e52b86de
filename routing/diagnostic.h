// SPDX-License-Identifier: BSD-2-Clause
// Diagnostic: one thing that is wrong with a configuration, its place, and how to mend it.
#pragma once

#include <string>

#include "routing/location.h"

namespace socksify {

struct Diagnostic {
  enum class Severity : unsigned char { kError, kWarning };
  Severity severity = Severity::kError;
  Location where;
  std::string message;      // "expected a port number, found 'htp'"
  std::string source_line;  // the text of the line; empty where there is none
  std::string remedy;       // "did you mean 'http'?"; may be empty

  // FILE:LINE:COLUMN: MESSAGE, the line, a caret below the column, and the remedy; lines end with \n.
  std::string ToString() const;
};

}  // namespace socksify
