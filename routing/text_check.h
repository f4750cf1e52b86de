// SPDX-License-Identifier: BSD-2-Clause
// Whether a file is text at all.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace socksify {

struct BadText {
  size_t offset = 0;
  std::string message;
  std::string remedy;
};

// The first byte that has no place in a configuration: a NUL anywhere, or what is not UTF-8 (RFC 3629)
// outside of a comment. Comments may be in any encoding, because Dante never looks at them.
std::optional<BadText> FindBadText(std::string_view text);

}  // namespace socksify
