// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/fake_key.h"

#include <bit>
#include <cstring>

namespace socksify {
namespace {

constexpr size_t kWord = sizeof(uint64_t);
constexpr uint64_t kEach = 0x0101'0101'0101'0101;
constexpr uint64_t kHigh = 0x80 * kEach;
constexpr bool kIsLittleEndian = std::endian::native == std::endian::little;

// The first byte in memory is the lowest one of a word, or the highest. `bits` are less than 64.
constexpr uint64_t MoveForward(uint64_t word, size_t bits) {
  return kIsLittleEndian ? word >> bits : word << bits;
}
constexpr uint64_t MoveBack(uint64_t word, size_t bits) {
  return kIsLittleEndian ? word << bits : word >> bits;
}
constexpr uint64_t FirstByte(uint8_t byte) {
  return kIsLittleEndian ? byte : uint64_t{byte} << 56;
}

uint64_t Load(const char* text) {
  uint64_t word = 0;
  std::memcpy(&word, text, kWord);
  return word;
}

// The last `count` bytes of `text`, 1 to 7, then zeroes.
uint64_t LoadEnd(std::string_view text, size_t count) {
  const char* const end = text.data() + text.size();
  if (text.size() >= kWord) return MoveForward(Load(end - kWord), 8 * (kWord - count));
  uint64_t word = 0;
  std::memcpy(&word, end - count, count);
  return word;
}

// What ToLowerAscii() makes of each byte. Without its high bit a byte is at most 127, and no sum carries into
// the next one.
constexpr uint64_t ToLower(uint64_t word) {
  const uint64_t low = word & ~kHigh;
  const uint64_t from_a = low + (0x80 - 'A') * kEach;
  const uint64_t beyond_z = low + (0x7f - 'Z') * kEach;
  return word | ((from_a & ~beyond_z & ~word & kHigh) >> 2);
}

}  // namespace

bool FakeKey::Assign(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  const size_t size = name.size();
  if (size == 0 || size > kMaxNameSize) return false;
  const char* const text = name.data();
  const uint64_t first = ToLower(size >= kWord ? Load(text) : LoadEnd(name, size));
  words[0] = MoveBack(first, 8) | FirstByte(static_cast<uint8_t>(size));
  size_t end = kWord;  // of the words so far
  for (; end + kWord <= size + 1; end += kWord) words[end / kWord] = ToLower(Load(text + end - 1));
  if (end < size + 1) words[end / kWord] = ToLower(LoadEnd(name, size + 1 - end));
  return true;
}

}  // namespace socksify
