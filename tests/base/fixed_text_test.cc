// SPDX-License-Identifier: BSD-2-Clause
#include "base/fixed_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <type_traits>

namespace socksify {
namespace {

constexpr auto kWords = std::to_array<FixedText<5>>({"tcp", "", "seven"});

TEST(FixedTextTest, IsWhatWasWritten) {
  EXPECT_EQ(std::string_view(kWords[0]), "tcp");
  EXPECT_EQ(std::string_view(kWords[1]), "");
  EXPECT_EQ(std::string_view(kWords[2]), "seven");
  EXPECT_EQ(std::string_view(FixedText<3>(std::string_view("udp"))), "udp");
  EXPECT_EQ(std::string_view(FixedText<3>()), "");
}

TEST(FixedTextTest, ComparesAsAText) {
  EXPECT_TRUE(kWords[0] == std::string_view("tcp"));
  EXPECT_FALSE(kWords[0] == std::string_view("tcpx"));
  EXPECT_FALSE(kWords[0] == std::string_view("tc"));
  EXPECT_FALSE(kWords[0] == std::string_view("tcp\0", 4));
  EXPECT_TRUE(kWords[0] == kWords[0]);
  EXPECT_FALSE(kWords[0] == kWords[1]);
  EXPECT_EQ(std::ranges::find(kWords, std::string_view("seven")), kWords.end() - 1);
  EXPECT_EQ(std::ranges::find(kWords, std::string_view("eight")), kWords.end());
}

// What it is for: there is nothing in it that would have to be relocated.
TEST(FixedTextTest, HoldsTheLettersThemselves) {
  static_assert(std::is_trivially_copyable_v<FixedText<5>>);
  const auto* const begin = reinterpret_cast<const char*>(kWords.data());
  EXPECT_EQ(std::string(begin, begin + 3), "tcp");
}

}  // namespace
}  // namespace socksify
