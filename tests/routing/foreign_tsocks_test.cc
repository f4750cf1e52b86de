// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include "routing/foreign_config.h"
#include "tests/routing/fake_machine.h"
#include "tests/routing/foreign_text.h"

namespace socksify {
namespace {

std::string Translated(const std::string& text) {
  const ForeignConfig config = TranslateTsocks(text, {});
  if (config.errors.empty()) {
    FakeMachine machine;
    EXPECT_EQ(machine.ErrorsOf(OwnText(config)), "");
  }
  return TextOf(config);
}

// Each line with its errors.
std::string ErrorOf(const std::string& text) {
  return ErrorsOf(TranslateTsocks(text, {}));
}

TEST(TsocksTest, TranslatesLocalNetworksPathsAndDefault) {
  EXPECT_EQ(Translated("# comment\n"
                       "local = 192.168.0.0/255.255.255.0\n"
                       "local = 10.0.0.0/255.0.0.0 # inside\n"
                       "\n"
                       "path {\n"
                       "\treaches = 150.0.0.0/255.255.0.0\r\n"
                       "\treaches = 150.1.0.0:80/255.255.0.0\n"
                       "\treaches = 150.2.0.0:80-1024/255.255.0.0\n"
                       "\tserver = 10.1.7.25\n"
                       "\tserver_type = 5\n"
                       "\tdefault_user = delius\n"
                       "\tdefault_pass = a#b\"}\\%\n"
                       "}\n"
                       "server = socks.example.org\n"
                       "server_port = 1081\n"),
            "0| resolveprotocol: local\n"
            "9| server path1 { address: socks5://delius:a%23b%22%7D%5C%25@10.1.7.25:1080 }\n"
            "14| server default { address: socks4://socks.example.org:1081 }\n"
            "2| route { to: 192.168.0.0/24  via: direct }\n"
            "3| route { to: 10.0.0.0/8  via: direct }\n"
            "6| route { to: 150.0.0.0/16  via: path1 }\n"
            "7| route { to: 150.1.0.0/16 port = 80  via: path1 }\n"
            "8| route { to: 150.2.0.0/16 port 80-1024  via: path1 }\n"
            "14| route { to: 0/0  via: default }\n");
}

TEST(TsocksTest, TriesTheLastPathFirst) {
  EXPECT_EQ(Translated("path {\nserver = 10.0.0.1\nserver_type = 5\nreaches = 150.0.0.0/255.255.0.0\n}\n"
                       "path {\nserver = 10.0.0.2\nserver_type = 5\nreaches = 150.0.0.0/255.0.0.0\n}\n"
                       "server = 10.0.0.3\n"),
            "0| resolveprotocol: local\n"
            "2| server path1 { address: socks5://10.0.0.1:1080 }\n"
            "7| server path2 { address: socks5://10.0.0.2:1080 }\n"
            "11| server default { address: socks4://10.0.0.3:1080 }\n"
            "9| route { to: 150.0.0.0/8  via: path2 }\n"
            "4| route { to: 150.0.0.0/16  via: path1 }\n"
            "11| route { to: 0/0  via: default }\n");
}

TEST(TsocksTest, LeavesNamesToTheProxyWhereAddressesDecideNothing) {
  EXPECT_EQ(Translated("server = 10.0.0.3\nserver_type = 5\n"),
            "0| resolveprotocol: fake\n"
            "1| server default { address: socks5://10.0.0.3:1080 }\n"
            "1| route { to: 0/0  via: default }\n");
  EXPECT_EQ(Translated("server = 10.0.0.3\nserver_type = 5\n"
                       "path {\nserver = 10.0.0.1\nserver_type = 5\nreaches = 0.0.0.0:25/0.0.0.0\n}\n"),
            "0| resolveprotocol: fake\n"
            "4| server path1 { address: socks5://10.0.0.1:1080 }\n"
            "1| server default { address: socks5://10.0.0.3:1080 }\n"
            "6| route { to: 0.0.0.0/0 port = 25  via: path1 }\n"
            "1| route { to: 0/0  via: default }\n");
  // A path by SOCKS 4 needs addresses.
  EXPECT_EQ(Translated("server = 10.0.0.3\nserver_type = 5\n"
                       "path {\nserver = 10.0.0.1\nreaches = 0.0.0.0:25/0.0.0.0\n}\n")
                .substr(0, 25),
            "0| resolveprotocol: local");
}

TEST(TsocksTest, KnowsTheSwitchesOfTorsocks1) {
  EXPECT_EQ(Translated("server = 10.0.0.3\nserver_type = 5\nlocal = 10.0.0.0/255.0.0.0\n"
                       "tordns_enable = true\ntordns_deadpool_range = 127.0.69.0/255.255.255.0\n"
                       "tordns_cache_size = 256\n"),
            "4| resolveprotocol: fake\n"
            "5| fakerange: 127.0.69.0/24\n"
            "1| server default { address: socks5://10.0.0.3:1080 }\n"
            "3| route { to: 10.0.0.0/8  via: direct }\n"
            "1| route { to: 0/0  via: default }\n"
            "warning 6: 'tordns_cache_size' has no effect: there is room for every name\n");
  EXPECT_EQ(
      Translated("server = 10.0.0.3\nserver_type = 5\ntordns_enable = no\n"
                 "tordns_deadpool_range = 127.0.69.0/255.255.255.128\n"),
      "3| resolveprotocol: local\n"
      "1| server default { address: socks5://10.0.0.3:1080 }\n"
      "1| route { to: 0/0  via: default }\n"
      "warning 4: the range is not used: one of 8 to 24 bits can hold the stand-in addresses (remove the "
      "line, or write a range like 198.18.0.0/255.254.0.0)\n");
}

// 0.0.0.0/0 would match every name as well.
TEST(TsocksTest, KeepsNamesOutOfLocalNetworks) {
  EXPECT_EQ(Translated("server = 10.0.0.3\nlocal = 0.0.0.0/0.0.0.0\n"),
            "0| resolveprotocol: local\n"
            "1| server default { address: socks4://10.0.0.3:1080 }\n"
            "2| route { to: 0.0.0.0/1  via: direct }\n"
            "2| route { to: 128.0.0.0/1  via: direct }\n"
            "1| route { to: 0/0  via: default }\n");
}

TEST(TsocksTest, GoesDirectByFallbackOnlyWithoutADefaultServer) {
  EXPECT_EQ(
      Translated("fallback = yes\n"),
      "0| resolveprotocol: local\n"
      "1| route { to: 0/0  via: direct }\n"
      "warning 1: everything that no path reaches goes direct ('fallback = no' blocks it; 'server' sends "
      "it to a proxy)\n");
  EXPECT_EQ(Translated("fallback = no\n"),
            "0| resolveprotocol: local\n"
            "0| route { to: 0/0  via: block }\n"
            "warning 0: everything that no path reaches is blocked: there is no default server\n");
  EXPECT_EQ(Translated("fallback = yes\nserver = 10.0.0.3\n"),
            "0| resolveprotocol: local\n"
            "2| server default { address: socks4://10.0.0.3:1080 }\n"
            "2| route { to: 0/0  via: default }\n"
            "warning 1: 'fallback' has no effect beside a default server, as in tsocks\n");
}

TEST(TsocksTest, WarnsOfCredentialsWithoutEffect) {
  const std::string rest =
      "0| resolveprotocol: local\n"
      "1| server default { address: socks4://10.0.0.3:1080 }\n"
      "1| route { to: 0/0  via: default }\n";
  const std::string why =
      ": user name and password have no effect with a SOCKS 4 server, as in tsocks (if the server speaks "
      "SOCKS "
      "5, write 'server_type = 5': without it the type is 4)\n";
  EXPECT_EQ(Translated("server = 10.0.0.3\ndefault_user = alice\ndefault_pass = x\n"),
            rest + "warning 2" + why);
  EXPECT_EQ(Translated("server = 10.0.0.3\ndefault_pass = x\n"), rest + "warning 2" + why);
  EXPECT_EQ(Translated("server = 10.0.0.3\nserver_type = 5\ndefault_pass = x\n"),
            "0| resolveprotocol: fake\n"
            "1| server default { address: socks5://10.0.0.3:1080 }\n"
            "1| route { to: 0/0  via: default }\n"
            "warning 3: the password has no effect without 'default_user': the login name is not used\n");
  EXPECT_EQ(Translated("server = 10.0.0.3\nserver_type = 5\ndefault_user = alice\n"),
            "0| resolveprotocol: fake\n"
            "1| server default { address: socks5://alice@10.0.0.3:1080 }\n"
            "1| route { to: 0/0  via: default }\n");
}

TEST(TsocksTest, WarnsOfAPathThatReachesNothing) {
  EXPECT_EQ(Translated("server = 10.0.0.3\npath {\nserver = 10.0.0.1\n}\n"),
            "0| resolveprotocol: local\n"
            "3| server path1 { address: socks4://10.0.0.1:1080 }\n"
            "1| server default { address: socks4://10.0.0.3:1080 }\n"
            "1| route { to: 0/0  via: default }\n"
            "warning 2: nothing goes this path: it has no 'reaches'\n");
}

TEST(TsocksTest, ReportsLines) {
  const std::string pair = "expected KEYWORD = VALUE, found something else";
  const std::string blanks = " (write a blank on both sides of the '=', and one word behind it)\n";
  EXPECT_EQ(ErrorOf("server_port=1081\n"), "error 1:1: " + pair + blanks);
  EXPECT_EQ(ErrorOf(" default_pass = geheim nis\n"), "error 1:2: " + pair + blanks);
  EXPECT_EQ(ErrorOf("servr 10.0.0.1\n"), "error 1:1: " + pair + " (did you mean 'server'?)\n");
  EXPECT_EQ(ErrorOf("servr = 10.0.0.1\n"),
            "error 1:1: expected a keyword of tsocks.conf, found 'servr' (did you mean 'server'?)\n");
  EXPECT_EQ(ErrorOf("server_type = 6\n"), "error 1:15: expected a server type of 4 or 5, found '6'\n");
  EXPECT_EQ(ErrorOf("server_port = 0\n"), "error 1:15: expected a port number from 1 to 65535, found '0'\n");
  EXPECT_EQ(ErrorOf("server = 10.0.0.300\n"), "error 1:10: expected an IP address, found '10.0.0.300'\n");
  EXPECT_EQ(ErrorOf("server = a\nserver = b\n"),
            "error 2:1: expected 'server' once outside of paths, found it again\n");
  EXPECT_EQ(ErrorOf("fallback = perhaps\n"), "error 1:12: expected yes or no, found 'perhaps'\n");
  EXPECT_EQ(ErrorOf("reaches = 10.0.0.0/255.0.0.0\n"),
            "error 1:1: expected 'reaches' in a path, found it outside\n");
  EXPECT_EQ(ErrorOf("default_pass = " + std::string(256, 'x') + "\n"),
            "error 1: expected a password of 1 to 255 bytes, found 256\n");
}

TEST(TsocksTest, ReportsPaths) {
  EXPECT_EQ(ErrorOf("path\n}\n"),
            "error 1:1: expected 'path {' on a line of its own\n"
            "error 2:1: expected '}' at the end of a path, found no path\n");
  EXPECT_EQ(ErrorOf("path {\nserver = a\n"), "error 1: expected '}' at the end of this path, found none\n");
  EXPECT_EQ(ErrorOf("path {\nserver = a\npath {\n} x\n}\n"),
            "error 3:1: expected '}' before the next path, found none: the last one begins in line 1\n"
            "error 4:1: expected '}' on a line of its own\n");
  EXPECT_EQ(ErrorOf("path {\nreaches = 10.0.0.0/255.0.0.0\n}\n"),
            "error 1: expected 'server = ADDRESS' in this path, found none\n");
  EXPECT_EQ(ErrorOf("path {\nserver = a\nserver = b\nlocal = 10.0.0.0/255.0.0.0\n}\n"),
            "error 3:1: expected 'server' once in this path, found it again\n"
            "error 4:1: expected 'local' outside of a path; this one begins in line 1\n");
}

TEST(TsocksTest, ReportsNetworks) {
  const std::string where = "error 1:9: ";
  EXPECT_EQ(ErrorOf("local = 10.0.0.0\n"),
            where + "expected a network like 10.0.0.0/255.0.0.0, found '10.0.0.0'\n");
  EXPECT_EQ(ErrorOf("local = 10.0.0.1/255.0.0.0\n"),
            where +
                "expected an address without bits outside of its mask, found '10.0.0.1/255.0.0.0' (the "
                "network is 10.0.0.0/8)\n");
  EXPECT_EQ(ErrorOf("local = 10.0.0.0/255.0.255.0\n"),
            where +
                "expected a netmask whose one bits come first, found '255.0.255.0' (write one rule for each "
                "network, with masks like 255.255.0.0 or /16)\n");
  EXPECT_EQ(ErrorOf("local = 10.0.0.0:80/255.0.0.0\n"),
            where + "expected a local network without ports, found '10.0.0.0:80/255.0.0.0'\n");
  const std::string path = "path {\nserver = a\nreaches = ";
  EXPECT_EQ(ErrorOf(path + "10.0.0.0:90-80/255.0.0.0\n}\n"),
            "error 3:11: expected a range of ports from low to high, found '90-80'\n");
  EXPECT_EQ(ErrorOf(path + "10.0.0.0:90-x/255.0.0.0\n}\n"),
            "error 3:11: expected a port number from 1 to 65535, found 'x'\n");
  EXPECT_EQ(ErrorOf(path + "10.0.0.0:0/255.0.0.0\n}\n"),
            "error 3:11: expected a port number from 1 to 65535, found '0'\n");
}

}  // namespace
}  // namespace socksify
