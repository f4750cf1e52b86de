// SPDX-License-Identifier: BSD-2-Clause
// The complete texts of errors: they are what a user has to go by. Of settings, and of texts as a whole.
#include <gtest/gtest.h>

#include "tests/routing/bad_config.h"

namespace socksify {
namespace {

constexpr BadConfig kBadConfigs[] = {
    {"rout {\n"
     "  from: 0/0\n"
     "}\n",
     "test.conf:1:1: expected a setting, 'server' or 'route', found 'rout'\n"
     "  rout {\n"
     "  ^\n"
     "  did you mean 'route'?\n"},
    {"resolveprotocol: upd\n"
     "logoutputt: stderr\n"
     "timeout.connect: soon\n"
     "autoroute: wan\n"
     "fakefamily: ipv5\n",
     "test.conf:1:18: expected a way to resolve names, found 'upd'\n"
     "  resolveprotocol: upd\n"
     "                   ^\n"
     "  did you mean 'udp'?\n"
     "test.conf:2:1: expected a setting, 'server' or 'route', found 'logoutputt'\n"
     "  logoutputt: stderr\n"
     "  ^\n"
     "  did you mean 'logoutput'?\n"
     "test.conf:3:18: expected a number from 0 to 86400, found 'soon'\n"
     "  timeout.connect: soon\n"
     "                   ^\n"
     "test.conf:4:12: expected loopback, lan or none, found 'wan'\n"
     "  autoroute: wan\n"
     "             ^\n"
     "  did you mean 'lan'?\n"
     "test.conf:5:13: expected ipv4, ipv6 or both, found 'ipv5'\n"
     "  fakefamily: ipv5\n"
     "              ^\n"
     "  did you mean 'ipv4'?\n"},
    {"resolveprotocol: remote\n"
     "route { to: 0/0 via: direct resolve: tpc }\n"
     "route { to: 0/0 resolve: via: direct }\n"
     "route { to: 0/0 via: direct resolve: tcp resolve: udp }\n",
     "test.conf:1:18: expected a way to resolve names, found 'remote'\n"
     "  resolveprotocol: remote\n"
     "                   ^\n"
     "  use one of: fake, local, local-then-fake, tcp, udp\n"
     "test.conf:2:38: expected a way to resolve names, found 'tpc'\n"
     "  route { to: 0/0 via: direct resolve: tpc }\n"
     "                                       ^\n"
     "  did you mean 'tcp'?\n"
     "test.conf:3:26: expected a way to resolve names, found 'via'\n"
     "  route { to: 0/0 resolve: via: direct }\n"
     "                           ^\n"
     "  use one of: fake, local, local-then-fake, tcp, udp\n"
     "test.conf:4:42: expected 'resolve' once, found it again\n"
     "  route { to: 0/0 via: direct resolve: tcp resolve: udp }\n"
     "                                           ^\n"
     "  remove one of them\n"},
    {"nameserver: ns.test\n"
     "nameserver: 10.0.0.256\n"
     "nameserver: ::ffff:10.0.0.1\n"
     "nameserver: 10.0.0.53 port = 0\n"
     "nameserver: 10.0.0.53:54 port = 55\n"
     "nameserver: 10.0.0.53:5x\n"
     "nameserver: 10.0.0.53 10.0.0.54\n"
     "nameserver: 10.0.0.53,\n"
     "autoroute: loopback\n",
     "test.conf:1:13: expected the IP address of a name server, found 'ns.test'\n"
     "  nameserver: ns.test\n"
     "              ^\n"
     "  write its address: there is nobody to ask for its name\n"
     "test.conf:2:13: expected an IP address, found '10.0.0.256'\n"
     "  nameserver: 10.0.0.256\n"
     "              ^\n"
     "test.conf:3:13: expected an IPv4 address as such, found '::ffff:10.0.0.1'\n"
     "  nameserver: ::ffff:10.0.0.1\n"
     "              ^\n"
     "  write '10.0.0.1'\n"
     "test.conf:4:30: expected a port number from 1 to 65535, found '0'\n"
     "  nameserver: 10.0.0.53 port = 0\n"
     "                               ^\n"
     "test.conf:5:26: expected one port, found a second one\n"
     "  nameserver: 10.0.0.53:54 port = 55\n"
     "                           ^\n"
     "  remove 'port' or the ':' and number before it\n"
     "test.conf:6:13: expected a port number from 1 to 65535, found '5x'\n"
     "  nameserver: 10.0.0.53:5x\n"
     "              ^\n"
     "test.conf:7:23: expected a comma between two name servers, found '10.0.0.54'\n"
     "  nameserver: 10.0.0.53 10.0.0.54\n"
     "                        ^\n"
     "test.conf:9:1: expected the IP address of a name server, found 'autoroute:'\n"
     "  autoroute: loopback\n"
     "  ^\n"},
    {"internal: eth0 port = 1080\n"
     "client pass { from: 0/0 to: 0/0 }\n"
     "user.privileged: root\n"
     "debug: 1\n",
     "test.conf:1:1: expected a setting, found 'internal', which belongs to Dante's server (sockd.conf)\n"
     "  internal: eth0 port = 1080\n"
     "  ^\n"
     "  remove it: this is a client's configuration\n"
     "test.conf:2:1: expected a setting, found 'client', which belongs to Dante's server (sockd.conf)\n"
     "  client pass { from: 0/0 to: 0/0 }\n"
     "  ^\n"
     "  remove it: this is a client's configuration\n"
     "test.conf:3:1: expected a setting, found 'user.privileged', which belongs to Dante's server "
     "(sockd.conf)\n"
     "  user.privileged: root\n"
     "  ^\n"
     "  remove it: this is a client's configuration\n"},
    {"autoroute: none\n"
     "autoroute: lan\n",
     "test.conf:2:1: expected 'autoroute' once, found it again\n"
     "  autoroute: lan\n"
     "  ^\n"
     "  remove one of them\n"},
    {"debug 1\n",
     "test.conf:1:7: expected ':' after 'debug', found '1'\n"
     "  debug 1\n"
     "        ^\n"},
    {"fakerange: 198.18.0.0/30\n",
     "test.conf:1:12: expected a network of 8 to 24 bits, found '198.18.0.0/30'\n"
     "  fakerange: 198.18.0.0/30\n"
     "             ^\n"},
    {"}\n"
     "debug: x\n",
     "test.conf:1:1: expected a keyword, found '}'\n"
     "  }\n"
     "  ^\n"
     "test.conf:2:8: expected a number from 0 to 1000000, found 'x'\n"
     "  debug: x\n"
     "         ^\n"},
    {"\xff\n",
     "test.conf:1:1: expected UTF-8 text, found a byte that is none\n"
     "  \xff\n"
     "  ^\n"
     "  save the file as UTF-8\n"},
};

TEST(ConfigErrorsTest, ReportsWholeText) {
  ExpectErrors(kBadConfigs);
}

}  // namespace
}  // namespace socksify
