// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include "routing/foreign_config.h"
#include "tests/routing/fake_machine.h"
#include "tests/routing/foreign_text.h"

namespace socksify {
namespace {

std::string Translated(const std::string& text) {
  const ForeignConfig config = TranslateTorsocks(text, {});
  if (config.errors.empty()) {
    FakeMachine machine;
    EXPECT_EQ(machine.ErrorsOf(OwnText(config)), "");
  }
  return TextOf(config);
}

std::string ErrorOf(const std::string& text) {
  return ErrorsOf(TranslateTorsocks(text, {}));
}

TEST(TorsocksTest, BlocksAllButTcpByDefault) {
  EXPECT_EQ(Translated("# nothing\n"),
            "0| autoroute: none\n"
            "0| resolveprotocol: fake\n"
            "0| server tor { address: socks5://127.0.0.1:9050 }\n"
            "0| route { to: 127.0.0.0/8  via: block }\n"
            "0| route { to: .localhost  via: block }\n"
            "0| route { to: ::/1  via: block }\n"
            "0| route { to: 8000::/1  via: block }\n"
            "0| route { to: 0/0  command: bind  via: block }\n"
            "0| route { to: 0/0  protocol: tcp  via: tor }\n"
            "0| route { to: 0/0  protocol: udp  via: block }\n");
}

TEST(TorsocksTest, TranslatesEveryKeyword) {
  EXPECT_EQ(Translated("TorAddress ::1\n"
                       "TorPort 9150 # the browser's\n"
                       "OnionAddrRange 10.192.0.0/10\n"
                       "SOCKS5Username #alice\n"
                       "SOCKS5Password ge@heim\n"
                       "AllowInbound 1\n"
                       "AllowOutboundLocalhost 1\r\n"
                       "IsolatePID 0\n"
                       "EnableIPv6 1\n"),
            "0| autoroute: none\n"
            "0| resolveprotocol: fake\n"
            "3| fakerange: 10.192.0.0/10\n"
            "1| server tor { address: socks5://%23alice:ge%40heim@[::1]:9150 }\n"
            "7| route { to: 127.0.0.0/8  protocol: tcp  via: direct }\n"
            "7| route { to: ::1  protocol: tcp  via: direct }\n"
            "7| route { to: .localhost  protocol: tcp  via: direct }\n"
            "6| route { to: 0/0  command: bind  via: direct }\n"
            "1| route { to: 0/0  protocol: tcp  via: tor }\n"
            "0| route { to: 0/0  protocol: udp  via: block }\n");
  EXPECT_EQ(Translated("TorPort 9150\nAllowOutboundLocalhost 1\nAllowOutboundLocalhost 2\nEnableIPv6 0\n"
                       "AllowInbound 0\n"),
            "0| autoroute: none\n"
            "0| resolveprotocol: fake\n"
            "1| server tor { address: socks5://127.0.0.1:9150 }\n"
            "3| route { to: 127.0.0.0/8  via: direct }\n"
            "3| route { to: .localhost  via: direct }\n"
            "4| route { to: ::/1  via: block }\n"
            "4| route { to: 8000::/1  via: block }\n"
            "5| route { to: 0/0  command: bind  via: block }\n"
            "1| route { to: 0/0  protocol: tcp  via: tor }\n"
            "0| route { to: 0/0  protocol: udp  via: block }\n");
}

// What warnings the file has; it must be translated.
std::string WarningsOf(const std::string& text) {
  ForeignConfig config = TranslateTorsocks(text, {});
  FakeMachine machine;
  EXPECT_EQ(machine.ErrorsOf(OwnText(config)), "");
  config.lines.clear();
  return TextOf(config);
}

TEST(TorsocksTest, WarnsOfWhatIsNotTheSame) {
  EXPECT_EQ(WarningsOf("OnionAddrRange 127.42.42.0/24\n"),
            "warning 1: the range has room for 256 names at a time, and not only those of .onion take an "
            "address (remove the line for a range of 131072, or write a larger one)\n");
  EXPECT_EQ(
      WarningsOf("OnionAddrRange 127.42.42.0/25\n"),
      "warning 1: the range is not used: one of 8 to 24 bits can hold the stand-in addresses (remove the "
      "line, or write a range like 198.18.0.0/15)\n");
  EXPECT_EQ(WarningsOf("IsolatePID 1\n"),
            "warning 1: processes share circuits: 'IsolatePID' is not supported ('SOCKS5Username' and "
            "'SOCKS5Password' keep one configuration's circuits apart)\n");
  EXPECT_EQ(WarningsOf("SOCKS5Username a\n"),
            "warning 1: the user name has no effect without 'SOCKS5Password', as in torsocks\n");
  EXPECT_EQ(WarningsOf("\nSOCKS5Password a\n"),
            "warning 2: the password has no effect without 'SOCKS5Username', as in torsocks\n");
}

TEST(TorsocksTest, ReportsErrors) {
  EXPECT_EQ(
      ErrorOf("TorAdress 127.0.0.1\n"),
      "error 1:1: expected a keyword of torsocks.conf, found 'TorAdress' (did you mean 'TorAddress'?)\n");
  EXPECT_EQ(ErrorOf("  TorAddress\nTorPort 1 2\n"),
            "error 1:3: expected one value behind 'TorAddress', found none\n"
            "error 2:1: expected one value behind 'TorPort', found more\n");
  EXPECT_EQ(ErrorOf("TorAddress localhost\n"), "error 1:12: expected an IP address, found 'localhost'\n");
  EXPECT_EQ(ErrorOf("TorPort 65536\n"), "error 1:9: expected a port number from 1 to 65535, found '65536'\n");
  EXPECT_EQ(ErrorOf("OnionAddrRange 127.42.42.0\nOnionAddrRange ::/16\nOnionAddrRange x/8\n"),
            "error 1:16: expected a range like 127.42.42.0/24, found '127.42.42.0'\n"
            "error 2:16: expected a range like 127.42.42.0/24, found '::/16'\n"
            "error 3:16: expected a range like 127.42.42.0/24, found 'x/8'\n");
  EXPECT_EQ(ErrorOf("AllowInbound 2\nAllowOutboundLocalhost 3\nIsolatePID yes\nEnableIPv6 -1\n"),
            "error 1:14: expected 0 or 1, found '2'\n"
            "error 2:24: expected 0, 1 or 2, found '3'\n"
            "error 3:12: expected 0 or 1, found 'yes'\n"
            "error 4:12: expected 0 or 1, found '-1'\n");
  EXPECT_EQ(ErrorOf("SOCKS5Password " + std::string(256, 'x') + "\n"),
            "error 1: expected a password of 1 to 255 bytes, found 256\n");
}

}  // namespace
}  // namespace socksify
