// SPDX-License-Identifier: BSD-2-Clause
#include "routing/text_check.h"

#include <algorithm>
#include <cstdint>

namespace socksify {
namespace {

struct LeadByte {
  uint8_t first;
  uint8_t last;
  uint8_t size;
  uint8_t second_least;  // the bounds of the byte after it, which rule out overlong forms and surrogates
  uint8_t second_most;
};
// RFC 3629 section 4.
constexpr LeadByte kLeadBytes[] = {
    {0x00, 0x7f, 1, 0x00, 0xff}, {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f}};

// The bytes of the UTF-8 sequence at the start of `text`, or 0.
size_t SequenceSize(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  for (const LeadByte& lead : kLeadBytes) {
    if (byte(0) < lead.first || byte(0) > lead.last) continue;
    if (text.size() < lead.size) return 0;
    if (lead.size > 1 && (byte(1) < lead.second_least || byte(1) > lead.second_most)) return 0;
    for (size_t i = 2; i < lead.size; ++i) {
      if ((byte(i) & 0xc0) != 0x80) return 0;
    }
    return lead.size;
  }
  return 0;
}

}  // namespace

std::optional<BadText> FindBadText(std::string_view text) {
  const size_t nul = text.find('\0');
  if (nul != std::string_view::npos) {
    return BadText{nul, "expected text, found a NUL byte", "this is not a configuration file"};
  }
  for (size_t i = 0; i < text.size();) {
    const bool begins_word = i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t' || text[i - 1] == '\n';
    if (text[i] == '#' && begins_word) {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    const size_t size = SequenceSize(text.substr(i));
    if (size == 0)
      return BadText{i, "expected UTF-8 text, found a byte that is none", "save the file as UTF-8"};
    i += size;
  }
  return std::nullopt;
}

}  // namespace socksify
