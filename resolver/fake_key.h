// SPDX-License-Identifier: BSD-2-Clause
// FakeKey: a name as the fake table stores and compares it: lower case, without the trailing dot, packed into
// words with its size in front, so that two names are equal when their words are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace socksify {

struct FakeKey {
  static constexpr size_t kMaxNameSize = 255;  // RFC 1928 section 5: SOCKS5 counts a name in one octet
  static constexpr size_t kWords = (1 + kMaxNameSize) / sizeof(uint64_t);

  // As bytes in memory: the size, then the name, then zeroes to the end of the last word in use. The rest is
  // not initialised.
  std::array<uint64_t, kWords> words;

  // False for a name that is not 1 to 255 bytes without its trailing dot; this is no key then.
  bool Assign(std::string_view name);

  size_t size() const { return *reinterpret_cast<const uint8_t*>(words.data()); }
  // How many words hold a name of `size` bytes.
  static constexpr size_t WordsFor(size_t size) { return size / sizeof(uint64_t) + 1; }
  size_t word_count() const { return WordsFor(size()); }
  // Valid as long as this object.
  std::string_view name() const { return {reinterpret_cast<const char*>(words.data()) + 1, size()}; }
};

}  // namespace socksify
