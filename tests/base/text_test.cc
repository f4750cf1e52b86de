// SPDX-License-Identifier: BSD-2-Clause
#include "base/text.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace socksify {
namespace {

std::string Json(std::string_view text) {
  std::string out = "x";
  AppendJsonString(&out, text);
  EXPECT_TRUE(out.starts_with('x')) << "it appends";
  return out.substr(1);
}

TEST(TextTest, LowersAsciiOnly) {
  EXPECT_EQ(ToLowerAscii("Web.TEST-09_@[`{"), "web.test-09_@[`{");
  EXPECT_EQ(ToLowerAscii("\xc3\x84"), "\xc3\x84");
  EXPECT_EQ(ToLowerAscii('Z'), 'z');
}

TEST(TextTest, ComparesIgnoringAsciiCase) {
  EXPECT_TRUE(EqualsIgnoreCase("Web.Test", "wEB.tEST"));
  EXPECT_TRUE(EqualsIgnoreCase("", ""));
  EXPECT_FALSE(EqualsIgnoreCase("web", "webs"));
  EXPECT_FALSE(EqualsIgnoreCase("web", "wed"));
  EXPECT_FALSE(EqualsIgnoreCase("@", "`"));
  EXPECT_FALSE(EqualsIgnoreCase("\xc4", "\xe4"));
}

TEST(TextTest, TrimsBothEnds) {
  EXPECT_EQ(Trim(" \t\r\n\v\fa b\t \n"), "a b");
  EXPECT_EQ(Trim("a"), "a");
  EXPECT_EQ(Trim(""), "");
  EXPECT_EQ(Trim(" \t\n"), "");
}

TEST(TextTest, QuotesJson) {
  const struct {
    std::string_view text;
    std::string_view json;
  } kCases[] = {
      {"", R"("")"},
      {"plain text/", R"("plain text/")"},
      {"say \"hi\" \\o/", R"("say \"hi\" \\o/")"},
      {std::string_view("\0\n\x1f\x7f", 4), R"("\u0000\u000a\u001f\u007f")"},
      {"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\""},
  };
  for (const auto& test : kCases) EXPECT_EQ(Json(test.text), test.json);
}

TEST(TextTest, EscapesBytesThatAreNotUtf8) {
  const struct {
    std::string_view text;
    std::string_view json;
  } kCases[] = {
      {"\x80", R"("\u0080")"},                                // a stray continuation
      {"a\xc3", R"("a\u00c3")"},                              // cut short
      {"\xe2\x82", R"("\u00e2\u0082")"},                      // cut short
      {"\xc3(", R"("\u00c3(")"},                              // no continuation
      {"\xc0\x80", R"("\u00c0\u0080")"},                      // overlong
      {"\xe0\x80\x80", R"("\u00e0\u0080\u0080")"},            // overlong
      {"\xed\xa0\x80", R"("\u00ed\u00a0\u0080")"},            // a surrogate
      {"\xf0\x80\x80\x80", R"("\u00f0\u0080\u0080\u0080")"},  // overlong
      {"\xf4\x90\x80\x80", R"("\u00f4\u0090\u0080\u0080")"},  // past U+10FFFF
      {"\xff\xfe", R"("\u00ff\u00fe")"},
  };
  for (const auto& test : kCases) EXPECT_EQ(Json(test.text), test.json);
}

TEST(TextTest, EscapesAsDnsDoes) {
  const struct {
    std::string_view text;
    std::string_view escaped;
  } kCases[] = {
      {"", ""},
      {"Web-1_x.test!~", "Web-1_x.test!~"},
      {"a b\\c", "a\\032b\\\\c"},
      {std::string_view("\0\n\x1b[31m\x7f", 8), "\\000\\010\\027[31m\\127"},
      {"\xc3\xa4\xff", "\\195\\164\\255"},
  };
  for (const auto& test : kCases) {
    std::string out = "x";
    AppendEscaped(&out, test.text);
    EXPECT_EQ(out, "x" + std::string(test.escaped));
  }
}

}  // namespace
}  // namespace socksify
