// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/socket_identity.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

constexpr const char* kUuid = "0d6f0a5e-9f6b-4d0c-8a51-2f1f3b8f0c11";

uint64_t TagOfFile(const std::string& content) {
  const TemporaryDirectory directory;
  std::ofstream(directory.File("boot_id"), std::ios::binary) << content;
  return BootTag(ReadBootId(directory.File("boot_id").c_str()));
}

TEST(SocketIdentityTest, BootsHaveTagsOfTheirOwn) {
  const uint64_t tag = TagOfFile(std::string(kUuid) + "\n");
  EXPECT_NE(tag, 0U);
  EXPECT_EQ(tag, TagOfFile(std::string(kUuid) + "\n"));
  for (size_t i = 0; i < 36; ++i) {
    std::string other = std::string(kUuid) + "\n";
    other[i] = other[i] == '7' ? '8' : '7';
    EXPECT_NE(TagOfFile(other), tag) << i;
  }
}

TEST(SocketIdentityTest, ABootThatCannotBeReadHasNoTag) {
  EXPECT_EQ(BootTag(ReadBootId("/nonexistent/boot_id")), 0U);
  EXPECT_EQ(TagOfFile(""), 0U);
  EXPECT_EQ(TagOfFile(std::string(kUuid).substr(1)), 0U);
}

TEST(SocketIdentityTest, ThisBootHasATag) {
  if (!std::ifstream(kBootIdPath)) GTEST_SKIP() << "there is no /proc";
  EXPECT_NE(BootTag(ReadBootId()), 0U);
}

TEST(SocketIdentityTest, CookieBootAndPortTellSocketsApart) {
  const uint64_t identity = SocketIdentity(1234, 0x1111'2222'3333'4444, 0);
  EXPECT_EQ(identity, SocketIdentity(1234, 0x1111'2222'3333'4444, 0));
  EXPECT_NE(identity, SocketIdentity(1235, 0x1111'2222'3333'4444, 0));
  EXPECT_NE(identity, SocketIdentity(1234, 0x1111'2222'3333'4445, 0));
  EXPECT_NE(identity, SocketIdentity(1234, 0x1111'2222'3333'4444, 40'000));
  EXPECT_NE(SocketIdentity(1234, 0, 40'000), SocketIdentity(1234, 0, 40'001));
}

}  // namespace
}  // namespace socksify
