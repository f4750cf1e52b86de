// SPDX-License-Identifier: BSD-2-Clause
#include "tools/rule_text.h"

#include <gtest/gtest.h>

namespace socksify {
namespace {

TEST(RuleTextTest, ExtractsTheBlockThatBeginsOnALine) {
  constexpr std::string_view kFile =
      "# head\n"
      "route { via: a }\n"
      "route {  # not a { brace\n"
      "  via: b\n"
      "}\n"
      "route {";
  EXPECT_EQ(ExtractBlock(kFile, 2), "route { via: a }");
  EXPECT_EQ(ExtractBlock(kFile, 3), "route {  # not a { brace\n  via: b\n}");
  EXPECT_EQ(ExtractBlock(kFile, 6), "route {");
  EXPECT_EQ(ExtractBlock(kFile, 7), "");
  EXPECT_EQ(ExtractBlock("", 1), "");
}

TEST(RuleTextTest, StopsSomewhere) {
  std::string file = "route {\n";
  for (int i = 0; i < 100; ++i) file += "x\n";
  std::string expected = "route {";
  for (int i = 0; i < 19; ++i) expected += "\nx";
  EXPECT_EQ(ExtractBlock(file, 1), expected);
}

TEST(RuleTextTest, HidesPasswords) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"via: socks5://u:secret@10.0.0.1:1080 then b", "via: socks5://u:***@10.0.0.1:1080 then b"},
      {"a://u:p@h,b://v:q@i", "a://u:***@h,b://v:***@i"},
      {"a://u:p:q@r/s@h", "a://u:***@h"},
      {"a://:p@h", "a://:***@h"},
      {"a://u@h:1080", "a://u@h:1080"},
      {"a://h:1080", "a://h:1080"},
      {"a://h:1080 x@y", "a://h:1080 x@y"},
      {"password: secret }", "password: *** }"},
      {"password: \"se cret\" }", "password: *** }"},
      {"password:secret", "password:***"},
      {"password.file: /etc/p", "password.file: /etc/p"},
      {"plain", "plain"},
  };
  for (const auto& [text, shown] : cases) EXPECT_EQ(HidePasswords(text), shown);
}

TEST(RuleTextTest, HasNoTextWithoutALine) {
  EXPECT_EQ(ReadRuleText({}), "");
  EXPECT_EQ(
      ReadRuleText({.source = std::make_shared<const std::string>("autoroute"), .line = 0, .column = 0}), "");
  EXPECT_EQ(ReadRuleText({.source = std::make_shared<const std::string>("/nowhere"), .line = 3, .column = 1}),
            "");
}

}  // namespace
}  // namespace socksify
