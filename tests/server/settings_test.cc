// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/settings.h"

#include <gtest/gtest.h>

namespace socksify::testserver {
namespace {

Origin Page(const char* text) {
  return {.kind = OriginKind::kPage, .text = text};
}

TEST(SettingsTest, TheMostExactPatternWins) {
  Settings settings;
  settings.AddOrigin("*.test", Page("suffix"));
  settings.AddOrigin("*.deep.test", Page("longer suffix"));
  settings.AddOrigin("web.test", Page("exact"));
  settings.AddOrigin("web.test:81", Page("exact with port"));
  settings.AddOrigin("[2001:db8::1]:80", Page("v6"));
  EXPECT_EQ(settings.FindOrigin("a.test", 80).text, "suffix");
  EXPECT_EQ(settings.FindOrigin("a.deep.test", 80).text, "longer suffix");
  EXPECT_EQ(settings.FindOrigin("WEB.Test", 80).text, "exact");
  EXPECT_EQ(settings.FindOrigin("web.test", 81).text, "exact with port");
  EXPECT_EQ(settings.FindOrigin("2001:db8::1", 80).text, "v6");
  EXPECT_EQ(settings.FindOrigin("2001:db8::1", 81).kind, OriginKind::kAddress);
  EXPECT_EQ(settings.FindOrigin("test", 80).kind, OriginKind::kUnknown);
  EXPECT_EQ(settings.FindOrigin("web.test.example", 80).kind, OriginKind::kUnknown);
}

TEST(SettingsTest, TheLastOfEqualPatternsWins) {
  Settings settings;
  settings.AddOrigin("web.test", Page("old"));
  settings.AddOrigin("web.test", Page("new"));
  EXPECT_EQ(settings.FindOrigin("web.test", 80).text, "new");
}

TEST(SettingsTest, AStarTakesWhatNothingElseNames) {
  Settings settings;
  settings.AddOrigin("*", Page("all"));
  settings.AddOrigin("*.test", Page("suffix"));
  EXPECT_EQ(settings.FindOrigin("web.example", 80).text, "all");
  EXPECT_EQ(settings.FindOrigin("192.0.2.1", 80).text, "all");
  EXPECT_EQ(settings.FindOrigin("web.test", 80).text, "suffix");
}

TEST(SettingsTest, AScriptOfTheServerHoldsWhereNoPatternDoes) {
  Settings settings;
  Script all;
  all.reply.code = 1;
  Script one;
  one.reply.code = 2;
  settings.SetScript(all);
  settings.AddScript("web.test", one);
  EXPECT_EQ(settings.FindScript("web.test", 80).reply.code, 2);
  EXPECT_EQ(settings.FindScript("other.test", 80).reply.code, 1);
}

}  // namespace
}  // namespace socksify::testserver
