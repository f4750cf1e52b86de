// SPDX-License-Identifier: BSD-2-Clause
// Both functions take blocks of 64 bytes, the last of which ends in the message's length in bits; MD5 writes
// its numbers least significant byte first, SHA-256 most significant byte first. Their tables of constants
// are computed as their specifications define them.
#include "tests/server/message_digest.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace socksify::testserver {
namespace {

enum class Order : uint8_t { kLeastFirst, kMostFirst };

constexpr size_t kBlockSize = 64;

// The place of byte `i` in a number of `size` bytes, as a shift.
unsigned ShiftOf(size_t i, size_t size, Order order) {
  return 8 * static_cast<unsigned>(order == Order::kLeastFirst ? i : size - 1 - i);
}

std::string Pad(std::string_view message, Order order) {
  std::string padded(message);
  padded += '\x80';
  while (padded.size() % kBlockSize != kBlockSize - 8) padded += '\0';
  const uint64_t bits = uint64_t{message.size()} * 8;
  for (size_t i = 0; i < 8; ++i) padded += static_cast<char>(bits >> ShiftOf(i, 8, order));
  return padded;
}

std::array<uint32_t, 16> WordsOf(std::string_view block, Order order) {
  std::array<uint32_t, 16> words{};
  for (size_t i = 0; i < kBlockSize; ++i) {
    words[i / 4] |= uint32_t{static_cast<uint8_t>(block[i])} << ShiftOf(i % 4, 4, order);
  }
  return words;
}

std::string ToHex(std::span<const uint32_t> words, Order order) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const uint32_t word : words) {
    for (size_t i = 0; i < 4; ++i) {
      const uint32_t byte = word >> ShiftOf(i, 4, order) & 0xff;
      hex += kDigits[byte >> 4];
      hex += kDigits[byte & 15];
    }
  }
  return hex;
}

// The first 32 bits of the fractional part of `number`, which is positive.
uint32_t FractionOf(double number) {
  return static_cast<uint32_t>((number - std::floor(number)) * 4294967296.0);
}

// RFC 1321 section 3.4.
void Md5Block(const std::array<uint32_t, 16>& words, std::array<uint32_t, 4>* state) {
  constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  auto [a, b, c, d] = *state;
  for (unsigned i = 0; i < 64; ++i) {
    uint32_t mixed = 0;
    unsigned word = 0;
    switch (i / 16) {
      case 0: mixed = (b & c) | (~b & d), word = i; break;
      case 1: mixed = (d & b) | (~d & c), word = 5 * i + 1; break;
      case 2: mixed = b ^ c ^ d, word = 3 * i + 5; break;
      default: mixed = c ^ (b | ~d), word = 7 * i; break;
    }
    const auto sine = static_cast<uint32_t>(std::fabs(std::sin(i + 1.0)) * 4294967296.0);
    const uint32_t turned = std::rotl(a + mixed + sine + words[word % 16], kShifts[i / 16][i % 4]);
    a = d;
    d = c;
    c = b;
    b += turned;
  }
  const std::array<uint32_t, 4> sum{a, b, c, d};
  for (size_t i = 0; i < sum.size(); ++i) (*state)[i] += sum[i];
}

bool IsPrime(unsigned number) {
  for (unsigned divisor = 2; divisor * divisor <= number; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return true;
}

std::array<uint32_t, 64> MakeSha256Constants() {
  std::array<uint32_t, 64> constants{};
  unsigned prime = 1;
  for (uint32_t& constant : constants) {
    do ++prime;
    while (!IsPrime(prime));
    constant = FractionOf(std::cbrt(prime));
  }
  return constants;
}

// FIPS 180-4 section 6.2.2.
void Sha256Block(const std::array<uint32_t, 16>& words, std::array<uint32_t, 8>* state) {
  static const std::array<uint32_t, 64> constants = MakeSha256Constants();
  std::array<uint32_t, 64> schedule{};
  for (size_t i = 0; i < 64; ++i) {
    if (i < 16) {
      schedule[i] = words[i];
      continue;
    }
    const uint32_t early = schedule[i - 15];
    const uint32_t late = schedule[i - 2];
    schedule[i] = schedule[i - 16] + schedule[i - 7] +
                  (std::rotr(early, 7) ^ std::rotr(early, 18) ^ (early >> 3)) +
                  (std::rotr(late, 17) ^ std::rotr(late, 19) ^ (late >> 10));
  }
  auto [a, b, c, d, e, f, g, h] = *state;
  for (size_t i = 0; i < 64; ++i) {
    const uint32_t first = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                           ((e & f) ^ (~e & g)) + constants[i] + schedule[i];
    const uint32_t second =
        (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  const std::array<uint32_t, 8> sum{a, b, c, d, e, f, g, h};
  for (size_t i = 0; i < sum.size(); ++i) (*state)[i] += sum[i];
}

}  // namespace

std::string Md5Hex(std::string_view message) {
  std::array<uint32_t, 4> state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const std::string padded = Pad(message, Order::kLeastFirst);
  for (size_t at = 0; at < padded.size(); at += kBlockSize) {
    Md5Block(WordsOf(std::string_view(padded).substr(at, kBlockSize), Order::kLeastFirst), &state);
  }
  return ToHex(state, Order::kLeastFirst);
}

std::string Sha256Hex(std::string_view message) {
  std::array<uint32_t, 8> state{};
  constexpr unsigned kPrimes[] = {2, 3, 5, 7, 11, 13, 17, 19};
  for (size_t i = 0; i < state.size(); ++i) state[i] = FractionOf(std::sqrt(kPrimes[i]));
  const std::string padded = Pad(message, Order::kMostFirst);
  for (size_t at = 0; at < padded.size(); at += kBlockSize) {
    Sha256Block(WordsOf(std::string_view(padded).substr(at, kBlockSize), Order::kMostFirst), &state);
  }
  return ToHex(state, Order::kMostFirst);
}

}  // namespace socksify::testserver
