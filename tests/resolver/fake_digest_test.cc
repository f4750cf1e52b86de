// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/fake_digest.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <string_view>

namespace socksify {
namespace {

FakeKey KeyOf(std::string_view name) {
  FakeKey key;
  key.words.fill(0x5555'5555'5555'5555);
  EXPECT_TRUE(key.Assign(name)) << name;
  return key;
}

TEST(FakeDigestTest, IsOfTheNameAlone) {
  std::mt19937_64 generator(2);
  for (size_t size = 2; size <= FakeKey::kMaxNameSize; ++size) {
    const FakeDigester digester(generator());
    const std::string name(size, 'q');
    FakeKey other = KeyOf(name);
    for (size_t i = other.word_count(); i < FakeKey::kWords; ++i) other.words[i] = generator();
    EXPECT_EQ(digester.Of(KeyOf(name)), digester.Of(other)) << size;
    EXPECT_NE(digester.Of(KeyOf(name)).check, digester.Of(KeyOf(name.substr(1))).check) << size;
  }
}

// Every bit of a name changes each bit of the digest for half of the seeds: 3,000 of them, of which at least
// 1,300 are 7 standard deviations.
TEST(FakeDigestTest, EveryBitOfANameHasASayInEveryBitOfTheDigest) {
  constexpr int kSeeds = 3000;
  const std::string name = "a-name-of-four-words.example.test";
  std::mt19937_64 generator(3);
  constexpr int kHashBits = 32;
  for (size_t place = 0; place < name.size(); ++place) {
    for (int bit = 0; bit < 5; ++bit) {
      std::string other = name;
      other[place] = static_cast<char>(other[place] ^ 1 << bit);
      if (KeyOf(other).name() == name) continue;
      int changed[kHashBits + FakeDigest::kCheckBits] = {};
      for (int i = 0; i < kSeeds; ++i) {
        const FakeDigester digester(generator());
        const FakeDigest one = digester.Of(KeyOf(name));
        const FakeDigest two = digester.Of(KeyOf(other));
        for (int j = 0; j < kHashBits; ++j) changed[j] += (one.hash ^ two.hash) >> j & 1;
        for (int j = 0; j < FakeDigest::kCheckBits; ++j)
          changed[kHashBits + j] += static_cast<int>((one.check ^ two.check) >> j & 1);
      }
      for (const int count : changed) {
        ASSERT_GT(count, 1300) << place << " " << bit;
        ASSERT_LT(count, 1700) << place << " " << bit;
      }
    }
  }
}

// Letters and digits that differ in high bits only, at places that a simple hash would let cancel out. Three
// in 4,096 names meet by chance in one of 500 hashes of 32 bits; of 48, none does.
TEST(FakeDigestTest, WhoDoesNotKnowTheSeedCannotMakeNamesMeet) {
  std::mt19937_64 generator(4);
  for (int round = 0; round < 20; ++round) {
    const FakeDigester digester(generator());
    std::set<uint32_t> hashes;
    std::set<uint64_t> checks;
    constexpr unsigned kPlaces = 12;
    for (unsigned i = 0; i < 1U << kPlaces; ++i) {
      std::string name(8 * kPlaces / 2 + 8, '0');
      for (unsigned place = 0; place < kPlaces; ++place) {
        if ((i >> place & 1) != 0) name[place * 4 + 2] = 'p';
      }
      const FakeDigest digest = digester.Of(KeyOf(name));
      hashes.insert(digest.hash);
      checks.insert(digest.check);
    }
    EXPECT_GE(hashes.size(), (1U << kPlaces) - 3);
    EXPECT_EQ(checks.size(), 1U << kPlaces);
  }
}

// So no name looks like none: neither by what a seed makes of it, of which one in 2^48 would be 0, nor in a
// slot, where there is room for so many bits.
TEST(FakeDigestTest, ACheckHasItsBitsAndIsNotNothing) {
  const FakeDigester digester(5);
  uint64_t all = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t check = digester.Of(KeyOf(std::to_string(i))).check;
    EXPECT_NE(check, 0U);
    all |= check;
  }
  EXPECT_EQ(all, (uint64_t{1} << FakeDigest::kCheckBits) - 1);
}

// Programs of other word sizes and versions share the table: what a seed makes of a name is a part of its
// layout. The numbers are those of a program for whole numbers of any size; the last of them lacks 1 where no
// carry goes from the lower half of a sum to the upper one.
TEST(FakeDigestTest, IsTheSumModulo2To128) {
  const struct {
    uint64_t seed;
    uint64_t size;
    uint32_t hash;
    uint64_t check;
  } kCases[] = {{0, 7, 0xcb39ab53, 0xa267456c07a3},
                {0xfedcba9876543210, 31, 0x3b02baec, 0x4002d092d08b},
                {1006, 255, 0x96b2722c, 0x951fea947c36}};
  for (const auto& test : kCases) {
    FakeKey key;
    // The size is the first byte in either byte order.
    key.words[0] = test.size << 56 | 0x61626364656600 | test.size;
    for (size_t i = 1; i < FakeKey::kWords; ++i) key.words[i] = 0x9e3779b97f4a7c15 * i | 0xffff000000000000;
    const FakeDigest digest = FakeDigester(test.seed).Of(key);
    EXPECT_EQ(digest.hash, test.hash) << test.size;
    EXPECT_EQ(digest.check, test.check) << test.size;
  }
}

// Words whose check would be 0 with this seed.
TEST(FakeDigestTest, ACheckThatWouldBeNothingIsOne) {
  FakeKey key;
  constexpr uint64_t kSize = 15;
  key.words[0] = kSize << 56 | kSize;
  key.words[1] = 0x55c209e3a0cd;
  EXPECT_EQ(FakeDigester(5).Of(key).check, 1U);
}

}  // namespace
}  // namespace socksify
