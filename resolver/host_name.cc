// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/host_name.h"

#include <algorithm>

#include "resolver/local_names.h"

namespace socksify {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsNameByte(char c) {
  if (static_cast<unsigned char>(c) >= 0x80) return true;
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '-' || c == '_' || c == '.';
}

}  // namespace

bool IsHostName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMaxHostNameSize || name[0] == '-') return false;
  if (!std::ranges::all_of(name, IsNameByte)) return false;
  if (std::ranges::all_of(name, [](char c) { return IsDigit(c) || c == '.'; })) return false;
  for (std::string_view rest = name;;) {
    const size_t label_size = std::min(rest.find('.'), rest.size());
    if (label_size == 0 || label_size > kMaxLabelSize) return false;
    if (label_size == rest.size()) return !IsNumericHost(name);
    rest.remove_prefix(label_size + 1);
  }
}

}  // namespace socksify
