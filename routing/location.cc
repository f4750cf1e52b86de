// SPDX-License-Identifier: BSD-2-Clause
#include "routing/location.h"

#include <string_view>

namespace socksify {
namespace {

std::string WithLine(std::string_view source, unsigned line) {
  std::string text(source);
  if (line != 0) text += ':' + std::to_string(line);
  return text;
}

}  // namespace

std::string Location::ToString() const {
  return WithLine(source ? std::string_view(*source) : "?", line);
}

std::string Location::ToShortString() const {
  std::string_view name = source ? std::string_view(*source) : "?";
  const size_t slash = name.rfind('/');
  if (slash != std::string_view::npos && slash + 1 < name.size()) name.remove_prefix(slash + 1);
  return WithLine(name, line);
}

}  // namespace socksify
