// SPDX-License-Identifier: BSD-2-Clause
#include "routing/foreign_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "routing/address_parser.h"
#include "tests/routing/fake_machine.h"
#include "tests/routing/foreign_text.h"

namespace socksify {
namespace {

using testing::ElementsAre;

TEST(ForeignServerTest, WritesCredentialsOfAnyByte) {
  std::string every_byte;
  for (int byte = 1; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  FakeMachine machine;
  const ForeignServer server{.scheme = "socks5",
                             .address = *Endpoint::FromHost("2001:db8::1", 1080),
                             .username = every_byte,
                             .password = every_byte};
  const auto config = machine.LoadText(ServerBlock("a", server) + "\n" + RouteLine("0/0", "via: a"));
  ASSERT_TRUE(config.has_value()) << FakeMachine::Join(config);
  const Rule* const rule = config->routes.Decide(
      {*Endpoint::FromHost("web.test", 80), Transport::kTcp, Command::kConnect, nullptr, ""});
  ASSERT_NE(rule, nullptr);
  const Server& read = *rule->group[0].hops[0];
  EXPECT_EQ(read.username, every_byte);
  EXPECT_EQ(read.password, every_byte);
  EXPECT_EQ(read.address.ToString(), "[2001:db8::1]:1080");
}

TEST(ForeignServerTest, TellsNoPasswordFromAnEmptyOne) {
  ForeignServer server{
      .scheme = "http", .address = *Endpoint::FromHost("p.test", 3128), .username = {}, .password = {}};
  EXPECT_EQ(ServerBlock("a", server), "server a { address: http://p.test:3128 }");
  server.username = "u";
  EXPECT_EQ(ServerBlock("a", server), "server a { address: http://u@p.test:3128 }");
  server.password = "";
  EXPECT_EQ(ServerBlock("a", server), "server a { address: http://u:@p.test:3128 }");
}

TEST(ForeignServerTest, WritesNetworksWithoutNames) {
  EXPECT_THAT(AddressesAlone(*ParseNetwork("10.1.0.0/16")), ElementsAre("10.1.0.0/16"));
  EXPECT_THAT(AddressesAlone(*ParseNetwork("0.0.0.0/0")), ElementsAre("0.0.0.0/1", "128.0.0.0/1"));
  EXPECT_THAT(AddressesAlone(*ParseNetwork("::/0")), ElementsAre("::/1", "8000::/1"));
}

// Line by line; `text` without line feeds.
std::string Shown(ConfigFormat format, const std::string& text) {
  std::string shown = WithoutForeignSecrets(format, text + "\n");
  EXPECT_TRUE(shown.ends_with('\n'));
  shown.pop_back();
  return shown;
}

TEST(ForeignSecretsTest, ShowsNoPasswords) {
  EXPECT_EQ(Shown(ConfigFormat::kTsocks, "\tdefault_pass = geheim"), "\tdefault_pass ***");
  EXPECT_EQ(Shown(ConfigFormat::kTsocks, "default_pass=geheim # x"), "default_pass=***");
  EXPECT_EQ(Shown(ConfigFormat::kTsocks, "default_pas = geheim"), "default_pas ***");
  EXPECT_EQ(Shown(ConfigFormat::kTsocks, "defualt_pas geheim"), "defualt_pas ***");
  EXPECT_EQ(Shown(ConfigFormat::kTsocks, "server = passport.example.org"), "server = passport.example.org");
  EXPECT_EQ(Shown(ConfigFormat::kTsocks, "default_user = alice"), "default_user = alice");
  EXPECT_EQ(Shown(ConfigFormat::kTorsocks, "SOCKS5Password ge=heim"), "SOCKS5Password ***");
  EXPECT_EQ(Shown(ConfigFormat::kTorsocks, "Socks5Pasword geheim"), "Socks5Pasword ***");
  EXPECT_EQ(Shown(ConfigFormat::kTorsocks, "SOCKS5Username alice"), "SOCKS5Username alice");
  EXPECT_EQ(Shown(ConfigFormat::kProxychains, " socks5 10.0.0.1 1080  alice geheim"),
            " socks5 10.0.0.1 1080  ***");
  // The port was forgotten.
  EXPECT_EQ(Shown(ConfigFormat::kProxychains, "sock5 10.0.0.1 alice geheim"), "sock5 10.0.0.1 alice ***");
  EXPECT_EQ(Shown(ConfigFormat::kProxychains, "socks5 10.0.0.1 1080"), "socks5 10.0.0.1 1080");
  EXPECT_EQ(Shown(ConfigFormat::kProxychains, "dnat 1.1.1.1 1.1.1.2"), "dnat 1.1.1.1 1.1.1.2");
}

// The line of an error that is found before the file is translated.
TEST(ForeignSecretsTest, ShowsNoPasswordsOfWhatIsNoText) {
  FakeMachine machine;
  EXPECT_EQ(machine.ErrorsOf("server = 10.0.0.1\ndefault_pass = geheim\xe4\n"),
            "test.conf:2:14: expected UTF-8 text, found a byte that is none\n  default_pass ***\n"
            "               ^\n  save the file as UTF-8\n");
  EXPECT_EQ(machine.ErrorsOf("debug: 1 # x\nlogoutput: \xe4\n"),
            "test.conf:2:12: expected UTF-8 text, found a byte that is none\n  logoutput: \xe4\n"
            "             ^\n  save the file as UTF-8\n");
}

}  // namespace
}  // namespace socksify
