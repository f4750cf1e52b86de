// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/fake_digest.h"

#include <algorithm>

namespace socksify {
namespace {

// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators"): numbers that look
// random, from one that is.
class Generator {
 public:
  explicit Generator(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t value = state_;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
  }
  WideProduct NextWide() {
    const uint64_t high = Next();
    return {.high = high, .low = Next()};
  }

 private:
  uint64_t state_;
};

// sum += factor * word, modulo 2^128.
void AddProduct(const WideProduct& factor, uint64_t word, WideProduct* sum) {
  const WideProduct product = Multiply(factor.low, word);
  sum->low += product.low;
  sum->high += product.high + factor.high * word + (sum->low < product.low ? 1 : 0);
}

}  // namespace

FakeDigester::FakeDigester(uint64_t seed) {
  Generator generator(seed);
  for (Factors& factors : factors_) {
    factors.hash = generator.NextWide();
    factors.check = generator.NextWide();
  }
}

// A word that is not there counts as zero.
FakeDigest FakeDigester::Of(const FakeKey& key) const {
  WideProduct hash = factors_[0].hash;
  WideProduct check = factors_[0].check;
  const size_t count = key.word_count();
  for (size_t i = 0; i < count; ++i) {
    AddProduct(factors_[i + 1].hash, key.words[i], &hash);
    AddProduct(factors_[i + 1].check, key.words[i], &check);
  }
  // The upper half is the one that is strongly universal.
  return {.hash = static_cast<uint32_t>(hash.high >> 32),
          .check = std::max<uint64_t>(check.high >> (64 - FakeDigest::kCheckBits), 1)};
}

}  // namespace socksify
