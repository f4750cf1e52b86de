// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/fake_key.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include "base/text.h"

namespace socksify {
namespace {

// Of a copy that ends where its memory ends, so that a sanitizer sees what is read beyond.
FakeKey KeyOf(std::string_view name) {
  const std::unique_ptr<char[]> copy(new char[name.size()]);
  name.copy(copy.get(), name.size());
  FakeKey key;
  key.words.fill(0x5555'5555'5555'5555);
  EXPECT_TRUE(key.Assign({copy.get(), name.size()})) << name;
  return key;
}

std::string BytesOf(const FakeKey& key) {
  return {reinterpret_cast<const char*>(key.words.data()), key.word_count() * sizeof(uint64_t)};
}

TEST(FakeKeyTest, HoldsSizeNameAndZeroes) {
  std::mt19937 generator(1);
  for (size_t size = 1; size <= FakeKey::kMaxNameSize; ++size) {
    std::string name;
    // Any byte but a dot at the end.
    for (size_t i = 0; i < size; ++i) name += static_cast<char>(generator());
    if (name.back() == '.') name.back() = 'Z';
    std::string expected = static_cast<char>(size) + ToLowerAscii(name);
    expected.resize((size / 8 + 1) * 8);
    EXPECT_EQ(BytesOf(KeyOf(name)), expected) << size;
    EXPECT_EQ(BytesOf(KeyOf(name + '.')), expected) << size;
    EXPECT_EQ(KeyOf(name).name(), ToLowerAscii(name));
  }
}

TEST(FakeKeyTest, EveryByteIsLoweredAsTextIs) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    for (const size_t place : {0, 6, 7, 8, 15, 18}) {
      std::string name = "abcdefghijklmnopqrs";
      name[place] = static_cast<char>(byte);
      if (name.ends_with('.')) continue;
      EXPECT_EQ(KeyOf(name).name(), ToLowerAscii(name)) << byte << " at " << place;
    }
  }
}

TEST(FakeKeyTest, RefusesWhatIsNoName) {
  FakeKey key;
  EXPECT_FALSE(key.Assign(""));
  EXPECT_FALSE(key.Assign("."));
  EXPECT_FALSE(key.Assign(std::string(256, 'a')));
  EXPECT_TRUE(key.Assign(std::string(255, 'a') + '.'));
}

TEST(FakeKeyTest, HashesTheNameAlone) {
  std::mt19937_64 generator(2);
  for (size_t size = 2; size <= FakeKey::kMaxNameSize; ++size) {
    const uint64_t seed = generator();
    const std::string name(size, 'q');
    FakeKey other = KeyOf(name);
    for (size_t i = other.word_count(); i < FakeKey::kWords; ++i) other.words[i] = generator();
    EXPECT_EQ(KeyOf(name).Hash(seed), other.Hash(seed)) << size;
    EXPECT_NE(KeyOf(name).Hash(seed), KeyOf(name.substr(1)).Hash(seed)) << size;
  }
}

// Letters and digits that differ in high bits only, at places that a simple hash would let cancel out. Three
// in 4,096 names meet by chance in one of 500 hashes of 32 bits.
TEST(FakeKeyTest, WhoDoesNotKnowTheSeedCannotMakeNamesMeet) {
  std::mt19937_64 generator(3);
  for (int round = 0; round < 20; ++round) {
    const uint64_t seed = generator();
    std::set<uint32_t> hashes;
    constexpr unsigned kPlaces = 12;
    for (unsigned i = 0; i < 1U << kPlaces; ++i) {
      std::string name(8 * kPlaces / 2 + 8, '0');
      for (unsigned place = 0; place < kPlaces; ++place) {
        if ((i >> place & 1) != 0) name[place * 4 + 2] = 'p';
      }
      hashes.insert(KeyOf(name).Hash(seed));
    }
    EXPECT_GE(hashes.size(), (1U << kPlaces) - 3) << seed;
  }
}

}  // namespace
}  // namespace socksify
