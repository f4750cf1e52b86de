// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/fake_key.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
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

}  // namespace
}  // namespace socksify
