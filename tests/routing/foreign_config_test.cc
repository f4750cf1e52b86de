// SPDX-License-Identifier: BSD-2-Clause
// Whose language a file is in, and what the loader makes of one that is not ours. What becomes of the files
// themselves is in foreign_formats_test.cc.
#include "routing/foreign_config.h"

#include <gtest/gtest.h>

#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

TEST(ForeignConfigTest, RecognizesALanguageByItsFirstWords) {
  struct {
    const char* text;
    const char* format;
  } const cases[] = {
      {"", "socksify"},
      {"# nothing but a comment: sockd\n", "socksify"},
      {"direct 10.0.0.0 255.0.0.0\n", "socks4.2"},
      {"deny 10.0.0.0 255.0.0.0 : mail -s via: root\n", "socks4.2"},
      {"DIRECT 10.0.0.0 255.0.0.0\n", "hummingbird"},
      {"DIRECT 10.0.0.0 255.0.0.0\nsockd @=a 0.0.0.0 0.0.0.0\n", "socks4.2"},
      {"DIRECT 10.0.0.0 255.0.0.0\nSOCKD5 @=a 0.0.0.0 0.0.0.0\n", "hummingbird"},
      {"BALANCE\nDIRECT 10.0.0.0 255.0.0.0\n", "hummingbird"},
      {"noproxy - 10. -\n", "nec"},
      {"SOCKS5 - - - - a.example\n", "nec"},
      {"socks5 10.0.0.1 1080\n", "socksify"},
      {"[ProxyList]\nsocks5 10.0.0.1 1080 user pass\n", "proxychains"},
      {"strict_chain\nproxy_dns\n", "proxychains"},
      {"server = 10.0.0.1\n", "tsocks"},
      {"server=10.0.0.1\n", "tsocks"},
      {"path {\n  reaches = 10.0.0.0/255.0.0.0\n}\n", "tsocks"},
      {"TorAddress 127.0.0.1\n", "torsocks"},
      // One statement of ours outvotes everything, mistyped or not.
      {"route { from: 0/0 to: 0/0 via:\n  direct\n}\n", "socksify"},
      {"deny 10.0.0.0 255.0.0.0\ndeny 10.0.0.0 255.0.0.0\nresolveprotocol: fake\n", "socksify"},
      {"rout { from: 0/0 to: 0/0 via:\n direct 10.0.0.1 }\n", "socksify"},
      {"routee {\n direct 10.0.0.1\n}\n", "socksify"},
      {"server a { adress = 10.0.0.1 }\ndirect 10.0.0.1\n", "socksify"},
      {"socks5://10.0.0.1:1080\ndirect 10.0.0.1 255.0.0.0\n", "socks4.2"},
  };
  for (const auto& c : cases) EXPECT_EQ(FormatName(RecognizeFormat(c.text)), c.format) << c.text;
}

TEST(ForeignConfigTest, KnowsWhatCanOnlyBeOurs) {
  for (const char* const text : {"resolveprotocol: fake\n", "noproxy - 10. -\nroute { via: direct }\n"})
    EXPECT_TRUE(IsPlainlyOwn(text)) << text;
  for (const char* const text : {"", "\n", "# route { via: direct }\n", "socks5 - - - - a.example:1080\n",
                                 "socks5 10.0.0.1 1080\n", "direct 10.0.0.0 255.0.0.0\n"})
    EXPECT_FALSE(IsPlainlyOwn(text)) << text;
}

TEST(ForeignConfigTest, NamesItsLanguages) {
  EXPECT_EQ(FormatNames(), "use one of: socksify, socks4.2, nec, hummingbird, tsocks, proxychains, torsocks");
  EXPECT_EQ(FormatOfName("nec"), ConfigFormat::kNec);
  EXPECT_EQ(FormatOfName("NEC"), std::nullopt);
}

TEST(ForeignConfigTest, HidesWhatMayBeAPassword) {
  EXPECT_EQ(WithoutForeignSecrets(ConfigFormat::kProxychains,
                                  "[ProxyList]\nsocks5 10.0.0.1 1080 alice s3cret # x\n\tsocsk5 h 1 u p\n"),
            "[ProxyList]\nsocks5 10.0.0.1 1080 ***\n\tsocsk5 h 1 ***\n");
  EXPECT_EQ(WithoutForeignSecrets(ConfigFormat::kTorsocks, "SOCKS5Password s3cret\r\nTorPort 9050"),
            "SOCKS5Password ***\nTorPort 9050\n");
  EXPECT_EQ(WithoutForeignSecrets(ConfigFormat::kTsocks, "default_pass=s3cret\ndefault_passs = a b\n"),
            "default_pass=***\ndefault_passs ***\n");
  EXPECT_EQ(WithoutForeignSecrets(ConfigFormat::kNec, "socks5 - - - alice 10.0.0.1\n"),
            "socks5 - - - alice 10.0.0.1\n");
}

TEST(ForeignConfigTest, ShowsTheLineOfTheUsersOwnFile) {
  FakeMachine machine;
  EXPECT_EQ(machine.ErrorsOf("# office\nsockd @=10.0.0.1 10.0.0.0 255.0.0.0 eq 1000000\n"),
            "test.conf:2:40: expected a port number or the name of a service, found '1000000'\n"
            "  sockd @=10.0.0.1 10.0.0.0 255.0.0.0 eq 1000000\n"
            "                                         ^\n");
  // The parser of our own language finds this one, and knows no column of the original.
  EXPECT_EQ(machine.ErrorsOf("# office\r\n\r\nsockd @=10.0.0.1 10.0.0.0 255.0.0.0 eq htp\r\n"),
            "test.conf:3: expected a port number or the name of a service, found 'htp'\n"
            "  sockd @=10.0.0.1 10.0.0.0 255.0.0.0 eq htp\n"
            "  did you mean 'http'?\n");
  EXPECT_EQ(machine.ErrorsOf("direct 10.0.0.0 255.0.0.0\n\x80\n"),
            "test.conf:2:1: expected UTF-8 text, found a byte that is none\n"
            "  \x80\n"
            "  ^\n"
            "  save the file as UTF-8\n");
}

TEST(ForeignConfigTest, LanguageCanBeSaidAloud) {
  FakeMachine machine;
  machine.files["a.conf"] = "direct 10.0.0.0 255.0.0.0\n";
  const auto hummingbird =
      machine.Load({.file = "a.conf", .proxies = {}, .format = ConfigFormat::kHummingbird});
  ASSERT_TRUE(hummingbird.has_value()) << FakeMachine::Join(hummingbird);
  EXPECT_EQ(hummingbird->origin, "a.conf (hummingbird)");
  EXPECT_EQ(hummingbird->format, ConfigFormat::kHummingbird);
  EXPECT_EQ(FakeMachine::Join(machine.Load({.file = "a.conf", .proxies = {}, .format = ConfigFormat::kOwn})),
            "a.conf:1:1: expected a setting, 'server' or 'route', found 'direct'\n"
            "  direct 10.0.0.0 255.0.0.0\n"
            "  ^\n");
}

TEST(ForeignConfigTest, VariableSpeaksForAFileThatNobodyNames) {
  FakeMachine machine;
  machine.files["a.conf"] = "direct 10.0.0.0 255.0.0.0\n";
  machine.variables["SOCKS_CONF"] = "a.conf";
  machine.variables["SOCKSIFY_FORMAT"] = "hummingbird";
  const auto by_variable = machine.Load({});
  ASSERT_TRUE(by_variable.has_value()) << FakeMachine::Join(by_variable);
  EXPECT_EQ(by_variable->format, ConfigFormat::kHummingbird);
  const auto by_name = machine.Load({"a.conf", {}});
  ASSERT_TRUE(by_name.has_value()) << FakeMachine::Join(by_name);
  EXPECT_EQ(by_name->format, ConfigFormat::kSocks42);
  machine.variables["SOCKSIFY_FORMAT"] = "dante";
  EXPECT_EQ(FakeMachine::Join(machine.Load({})),
            "SOCKSIFY_FORMAT: expected the name of a format, found 'dante'\n"
            "  use one of: socksify, socks4.2, nec, hummingbird, tsocks, proxychains, torsocks\n");
}

TEST(ForeignConfigTest, VariableOfTheTranslationIsNotUnused) {
  FakeMachine machine;
  machine.variables["SOCKS_SERVER"] = "10.0.0.1";
  machine.variables["SOCKS5_SERVER"] = "10.0.0.2";
  machine.files["a.conf"] = "sockd 0.0.0.0 0.0.0.0\n";
  const auto config = machine.Load({"a.conf", {}});
  ASSERT_TRUE(config.has_value()) << FakeMachine::Join(config);
  EXPECT_EQ(FakeMachine::Join(config->warnings),
            "SOCKS5_SERVER: warning: this variable is not used, because a.conf is read\n");
}

}  // namespace
}  // namespace socksify
