// SPDX-License-Identifier: BSD-2-Clause
// FakeKey: a name as the fake table stores and compares it: lower case, without the trailing dot, packed into
// words with its size in front, so that two names are equal when their words are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace socksify {

struct FakeKey {
  static constexpr size_t kMaxNameSize = 255;  // RFC 1928 section 5: SOCKS5 counts a name in one octet
  static constexpr size_t kWords = (1 + kMaxNameSize) / sizeof(uint32_t);

  // Byte 0 is the size, then the name, then zeroes to the end of the last word in use. The rest is not
  // initialised.
  std::array<uint32_t, kWords> words;

  // Fails for a name that is not 1 to 255 bytes without its trailing dot, or holds a NUL.
  static std::optional<FakeKey> FromName(std::string_view name);

  size_t size() const { return bytes()[0]; }
  // How many words hold a name of `size` bytes.
  static constexpr size_t WordsFor(size_t size) { return size / sizeof(uint32_t) + 1; }
  size_t word_count() const { return WordsFor(size()); }
  // Valid as long as this object.
  std::string_view name() const { return {text() + 1, size()}; }

  // Depends on the table's `seed`, so that nobody outside can choose names that collide.
  uint32_t Hash(uint64_t seed) const;

 private:
  const char* text() const { return reinterpret_cast<const char*>(words.data()); }
  const uint8_t* bytes() const { return reinterpret_cast<const uint8_t*>(words.data()); }
};

}  // namespace socksify
