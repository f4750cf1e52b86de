// SPDX-License-Identifier: BSD-2-Clause
// FakeDigest: what the table of fake addresses tells names by.
//
// A look-up compares digests and not names, so it need not fetch the name from memory. Two numbers, each of a
// family that is strongly universal (Lemire and Kaser, "Strongly universal string hashing is fast", section
// 3: multilinear hashing of 64-bit words modulo 2^128, of which the upper half is taken): of two different
// names, whoever has chosen them, each of these bits agrees by chance only, as far as the factors that are
// made of the seed look random, for who does not know it. The index has 14 bits of `hash` at a place that
// most of the others give, the slot has all of `check`: a look-up meets one or two entries of other names, so
// a new name is taken for another once in 2^60 times.
#pragma once

#include <array>
#include <cstdint>

#include "base/wide_product.h"
#include "resolver/fake_key.h"

namespace socksify {

struct FakeDigest {
  static constexpr int kCheckBits = 48;

  uint32_t hash;   // the place in the index
  uint64_t check;  // kCheckBits, never 0

  bool operator==(const FakeDigest&) const = default;
};

class FakeDigester {
 public:
  explicit FakeDigester(uint64_t seed);

  FakeDigest Of(const FakeKey& key) const;

 private:
  // One for each word and one in front; numbers of 128 bits, as a product is.
  struct Factors {
    WideProduct hash;
    WideProduct check;
  };
  std::array<Factors, 1 + FakeKey::kWords> factors_{};
};

}  // namespace socksify
