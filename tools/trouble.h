// SPDX-License-Identifier: BSD-2-Clause
// Trouble: why a tool cannot go on, and what its user can do about it.
#pragma once

#include <string>

namespace socksify {

struct Trouble {
  std::string message;  // without the tool's name and the line end
  std::string remedy;   // may be empty
};

}  // namespace socksify
