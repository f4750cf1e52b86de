// SPDX-License-Identifier: BSD-2-Clause
#include "routing/diagnostic.h"

#include <gtest/gtest.h>

#include <array>

#include "routing/quoting.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

Location At(const char* source, unsigned line, unsigned column) {
  return {std::make_shared<const std::string>(source), line, column};
}

TEST(LocationTest, NamesFileAndLine) {
  EXPECT_EQ(At("/etc/socks.conf", 12, 3).ToString(), "/etc/socks.conf:12");
  EXPECT_EQ(At("/etc/socks.conf", 12, 3).ToShortString(), "socks.conf:12");
  EXPECT_EQ(At("SOCKS_SERVER", 0, 0).ToString(), "SOCKS_SERVER");
  EXPECT_EQ(At("/dir/", 0, 0).ToShortString(), "/dir/");
  EXPECT_EQ(Location{}.ToString(), "?");
}

TEST(DiagnosticTest, PutsTheCaretUnderTheColumn) {
  Diagnostic diagnostic{Diagnostic::Severity::kError, At("a.conf", 3, 4), "expected x, found y",
                        "\t\tbad line", "mend it"};
  EXPECT_EQ(diagnostic.ToString(), "a.conf:3:4: expected x, found y\n  \t\tbad line\n  \t\t ^\n  mend it\n");
  diagnostic.source_line = "\xc3\xa9\xc3\xa9 bad";  // two letters of two bytes each
  diagnostic.where.column = 6;
  EXPECT_EQ(diagnostic.ToString(),
            "a.conf:3:6: expected x, found y\n  \xc3\xa9\xc3\xa9 bad\n     ^\n  mend it\n");
  diagnostic.where.column = 0;
  diagnostic.remedy.clear();
  diagnostic.severity = Diagnostic::Severity::kWarning;
  EXPECT_EQ(diagnostic.ToString(), "a.conf:3: warning: expected x, found y\n  \xc3\xa9\xc3\xa9 bad\n");
}

TEST(QuotingTest, CutsLinesBeforeSecrets) {
  EXPECT_EQ(WithoutSecrets("  username: alice  password: geheim }"), "  username: alice  password:***");
  EXPECT_EQ(WithoutSecrets("{password : geheim"), "{password :***");
  EXPECT_EQ(WithoutSecrets("passwd: geheim"), "passwd:***");
  EXPECT_EQ(WithoutSecrets("Passwort: geheim"), "Passwort:***");
  EXPECT_EQ(WithoutSecrets("pass: geheim"), "pass:***");
  EXPECT_EQ(WithoutSecrets("paswsord: geheim"), "paswsord:***");
  EXPECT_EQ(WithoutSecrets("usernamepassword: geheim"), "usernamepassword:***");
  EXPECT_EQ(WithoutSecrets("password.file: /etc/x"), "password.file: /etc/x");
  EXPECT_EQ(WithoutSecrets("via: socks5://a:ge heim@h"), "via: socks5://***");
  EXPECT_EQ(WithoutSecrets("via: a:geheim@h"), "via: ***");
  EXPECT_EQ(WithoutSecrets("route { to: 0/0 }"), "route { to: 0/0 }");
  EXPECT_EQ(WithoutSecrets("a\x1b[31mb\tc"), "a?[31mb\tc");
}

// Whatever somebody took for a configuration.
TEST(QuotingTest, TakesLinesOfAnyLength) {
  const auto repeated = [](std::string_view part) {
    std::string text;
    while (text.size() < 1'000'000) text += part;
    return text;
  };
  EXPECT_EQ(WithoutSecrets(repeated(" @=1")), repeated(" @=1").substr(0, 400) + "...");
  EXPECT_EQ(WithoutSecrets(repeated("socks5://")), repeated("socks5://").substr(0, 400) + "...");
  EXPECT_EQ(WithoutSecrets("password: " + repeated("x")), "password:***");
  EXPECT_EQ(WithoutSecrets(repeated("x ") + "via: socks5://a:geheim@h"),
            repeated("x ").substr(0, 400) + "***");
}

TEST(QuotingTest, QuotesForPeople) {
  EXPECT_EQ(Quoted("x\x01y"), "'x?y'");
  EXPECT_EQ(Quoted("geheim@host"), "'***@host'");
  EXPECT_EQ(Quoted(std::string(65, 'a')), "'" + std::string(64, 'a') + "...'");
}

TEST(SuggestionTest, CountsEdits) {
  EXPECT_EQ(EditDistance("http", "http", 3), 0u);
  EXPECT_EQ(EditDistance("htp", "http", 3), 1u);
  EXPECT_EQ(EditDistance("htpt", "http", 3), 1u);
  EXPECT_EQ(EditDistance("HTTP", "http", 3), 0u);
  EXPECT_EQ(EditDistance("kitten", "sitting", 3), 3u);
  EXPECT_EQ(EditDistance("abc", "xyzuvw", 3), 4u);
  EXPECT_EQ(EditDistance(std::string(100, 'a'), "a", 3), 4u);
}

TEST(SuggestionTest, FindsTheNearestWord) {
  constexpr std::array<std::string_view, 3> kWords = {"from", "to", "via"};
  EXPECT_EQ(ClosestWord("form", kWords), "from");
  EXPECT_EQ(ClosestWord("vai", kWords), "via");
  EXPECT_EQ(ClosestWord("elsewhere", kWords), "");
  EXPECT_EQ(ClosestWord("", kWords), "");
  EXPECT_EQ(DidYouMean("elsewhere", kWords, "use from"), "use from");
}

}  // namespace
}  // namespace socksify
