// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/fake_key.h"

#include "base/text.h"

namespace socksify {

std::optional<FakeKey> FakeKey::FromName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMaxNameSize) return std::nullopt;
  FakeKey key;  // NOLINT(cppcoreguidelines-pro-type-member-init): only the words in use are written.
  key.words[WordsFor(name.size()) - 1] = 0;
  auto* out = reinterpret_cast<uint8_t*>(key.words.data());
  *out++ = static_cast<uint8_t>(name.size());
  for (const char c : name) {
    if (c == '\0') return std::nullopt;
    *out++ = static_cast<uint8_t>(ToLowerAscii(c));
  }
  return key;
}

uint32_t FakeKey::Hash(uint64_t seed) const {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;
  uint64_t hash = seed;
  for (size_t i = 0; i < word_count(); ++i) {
    hash = (hash ^ words[i]) * kMultiplier;
    hash ^= hash >> 32;
  }
  return static_cast<uint32_t>(hash * kMultiplier >> 32);
}

}  // namespace socksify
