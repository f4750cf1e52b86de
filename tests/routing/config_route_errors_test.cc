// SPDX-License-Identifier: BSD-2-Clause
// The complete texts of errors in `route` blocks.
#include <gtest/gtest.h>

#include "tests/routing/bad_config.h"

namespace socksify {
namespace {

constexpr BadConfig kBadConfigs[] = {
    {"route { from: 0/0 to: 0/0 port = htp via: direct }\n",
     "test.conf:1:34: expected a port number or the name of a service, found 'htp'\n"
     "  route { from: 0/0 to: 0/0 port = htp via: direct }\n"
     "                                   ^\n"
     "  did you mean 'http'?\n"},
    {"route { from: 0/0 to: 0/0 via: d2 }\n"
     "server d1 { address: 10.0.0.1 }\n",
     "test.conf:1:32: expected direct, block or a server, found 'd2', which no 'server' block has\n"
     "  route { from: 0/0 to: 0/0 via: d2 }\n"
     "                                 ^\n"
     "  did you mean 'd1'?\n"},
    {"route { to: 0/0 via: proxyhost }\n",
     "test.conf:1:22: expected direct, block or a server, found 'proxyhost', which no 'server' block has\n"
     "  route { to: 0/0 via: proxyhost }\n"
     "                       ^\n"
     "  for a host of that name, write 'proxyhost port = 1080'\n"},
    {"route { from: 0/0 to: 10.0.0.0/255.0.255.0 via: direct }\n",
     "test.conf:1:23: expected a netmask whose one bits come first, found '255.0.255.0'\n"
     "  route { from: 0/0 to: 10.0.0.0/255.0.255.0 via: direct }\n"
     "                        ^\n"
     "  write one rule for each network, with masks like 255.255.0.0 or /16\n"},
    {"route { from: 0/0 to: 10.0.0.0/33 via: direct }\n",
     "test.conf:1:23: expected a prefix length from 0 to 32, found '33'\n"
     "  route { from: 0/0 to: 10.0.0.0/33 via: direct }\n"
     "                        ^\n"},
    {"route { from: 0/0 to: 10.0.0.256 via: direct }\n",
     "test.conf:1:23: expected an IP address, found '10.0.0.256'\n"
     "  route { from: 0/0 to: 10.0.0.256 via: direct }\n"
     "                        ^\n"},
    {"route { from: 0/0 to: ::ffff:10.0.0.1 via: direct }\n",
     "test.conf:1:23: expected an IPv4 address as such, found '::ffff:10.0.0.1'\n"
     "  route { from: 0/0 to: ::ffff:10.0.0.1 via: direct }\n"
     "                        ^\n"
     "  write '10.0.0.1'\n"},
    {"route { from: 0/0 to: 0 via: direct }\n",
     "test.conf:1:23: expected '0/0', found '0'\n"
     "  route { from: 0/0 to: 0 via: direct }\n"
     "                        ^\n"
     "  0/0 is every address and every name\n"},
    {"route { from: 0/0 to: 0/0 via: 10.0.0.1 port = 99999 }\n",
     "test.conf:1:48: expected a port number from 1 to 65535, found '99999'\n"
     "  route { from: 0/0 to: 0/0 via: 10.0.0.1 port = 99999 }\n"
     "                                                 ^\n"},
    {"route { from: 0/0 to: 0/0 via: 10.0.0.1 port > 1080 }\n",
     "test.conf:1:46: expected '=' after 'port', found '>'\n"
     "  route { from: 0/0 to: 0/0 via: 10.0.0.1 port > 1080 }\n"
     "                                               ^\n"
     "  a server has one port: port = 1080\n"},
    {"route { from: 0/0 to: 0/0 via: 10.0.0.1:1080 port = 1080 }\n",
     "test.conf:1:46: expected one port, found a second one\n"
     "  route { from: 0/0 to: 0/0 via: 10.0.0.1:1080 port = 1080 }\n"
     "                                               ^\n"
     "  remove 'port' or the ':' and number before it\n"},
    {"route { from: 0/0 to: 0/0 port 90-80 via: direct }\n",
     "test.conf:1:32: expected a range whose first port is not above its last, found '90-80'\n"
     "  route { from: 0/0 to: 0/0 port 90-80 via: direct }\n"
     "                                 ^\n"},
    {"route { from: 0/0 to: 0/0 port = 80-90 via: direct }\n",
     "test.conf:1:34: expected a port number from 0 to 65535, found '80-90'\n"
     "  route { from: 0/0 to: 0/0 port = 80-90 via: direct }\n"
     "                                   ^\n"
     "  a range stands without an operator: port 80-90\n"},
    {"route { from: 0/0 to: 0/0 port http via: direct }\n",
     "test.conf:1:32: expected an operator or a range after 'port', found 'http'\n"
     "  route { from: 0/0 to: 0/0 port http via: direct }\n"
     "                                 ^\n"
     "  write port = http, port >= 1024 or port 80-90\n"},
    {"route {\n"
     "\tfrom: 0/0 to: 0/0\n"
     "\tvia: direct\n"
     "\n"
     "route { to: 0/0 via: block }\n",
     "test.conf:5:1: expected '}' at the end of the route block, found 'route'\n"
     "  route { to: 0/0 via: block }\n"
     "  ^\n"
     "  the block begins in line 1\n"},
    {"route { to: 0/0 }\n",
     "test.conf:1:1: expected 'via:' in this route, found none\n"
     "  route { to: 0/0 }\n"
     "  ^\n"
     "  say where it goes: via: direct, via: block or via: SERVER\n"},
    {"route { via: direct }\n",
     "test.conf:1:1: expected 'to:' in this route, found none\n"
     "  route { via: direct }\n"
     "  ^\n"
     "  to: 0/0 is every destination\n"},
    {"route { from: 0/0 from: 0/0 to: 0/0 via: direct }\n",
     "test.conf:1:19: expected 'from' once, found it again\n"
     "  route { from: 0/0 from: 0/0 to: 0/0 via: direct }\n"
     "                    ^\n"
     "  remove one of them\n"},
    {"route { from: .example.org to: 0/0 via: direct }\n",
     "test.conf:1:15: expected an address, a network or an interface, found '.example.org'\n"
     "  route { from: .example.org to: 0/0 via: direct }\n"
     "                ^\n"
     "  a source is only known by its address; from: 0/0 is every source\n"},
    {"route { to: 0/0 via: direct; }\n",
     "test.conf:1:22: expected a host name or an address, found 'direct;'\n"
     "  route { to: 0/0 via: direct; }\n"
     "                       ^\n"
     "  statements are separated by blanks or new lines: remove the ';'\n"},
    {"route { to: 0/0 via: direct redirect from: 10.0.0.1 }\n",
     "test.conf:1:29: expected a keyword of a route, found 'redirect', which is not supported by this "
     "version\n"
     "  route { to: 0/0 via: direct redirect from: 10.0.0.1 }\n"
     "                              ^\n"
     "  remove it; the program's own bind(2) decides the source address\n"},
    {"route { to: 0/0 via: direct internal.tcp.so_rcvbuf: 1024 }\n",
     "test.conf:1:29: expected a keyword of a route, found 'internal.tcp.so_rcvbuf': socket options of "
     "routes are not supported by this version\n"
     "  route { to: 0/0 via: direct internal.tcp.so_rcvbuf: 1024 }\n"
     "                              ^\n"
     "  remove it; the program's own socket options stay as they are\n"},
    {"route { to: 0/0 via: direct debug: 1 }\n",
     "test.conf:1:29: expected a keyword of a route, found 'debug'\n"
     "  route { to: 0/0 via: direct debug: 1 }\n"
     "                              ^\n"
     "  'debug' stands outside of the blocks\n"},
    {"route { to: 0/0 via: socks5://alice:ge heim@10.0.0.1:1080 }\n",
     "test.conf:1:22: expected a URL, found a blank or a comma in its user name or password\n"
     "  route { to: 0/0 via: socks5://***\n"
     "                       ^\n"
     "  write a blank as %20 and a comma as %2C\n"},
    {"route { to: 0/0 via: socks5://alice:ge,heim@10.0.0.1:1080 }\n",
     "test.conf:1:22: expected a URL, found a blank or a comma in its user name or password\n"
     "  route { to: 0/0 via: socks5://***\n"
     "                       ^\n"
     "  write a blank as %20 and a comma as %2C\n"},
    {"route { to: 0/0 via: socks5://alice:geheim@10.0.0.1:port }\n",
     "test.conf:1:22: expected a port number from 1 to 65535, found 'port'\n"
     "  route { to: 0/0 via: socks5://***\n"
     "                       ^\n"},
    {"route { to: 0/0 via: https://10.0.0.1 }\n",
     "test.conf:1:22: expected a proxy's scheme, found 'https': TLS to the proxy is not supported by this "
     "version\n"
     "  route { to: 0/0 via: https://10.0.0.1 }\n"
     "                       ^\n"
     "  use http:// or socks5://, or put a TLS tunnel in front of the proxy\n"},
    {"route { to: 0/0 via: unix:///run/socks }\n"
     "server a { address: unix:/run/a:b:c }\n"
     "route { to: 0/0 via: socks5://unix:/run/socks }\n",
     "test.conf:1:22: expected a host and a port, found 'unix:///run/socks': a proxy behind a UNIX socket "
     "cannot "
     "be reached on the program's own internet socket\n"
     "  route { to: 0/0 via: unix:///run/socks }\n"
     "                       ^\n"
     "  let it listen on 127.0.0.1: ssh -D 1080, tor's SocksPort 9050, or socat "
     "TCP-LISTEN:1080,bind=127.0.0.1,fork UNIX-CONNECT:/path\n"
     "test.conf:2:21: expected a host and a port, found 'unix:/run/a:b:c': a proxy behind a UNIX socket "
     "cannot "
     "be reached on the program's own internet socket\n"
     "  server a { address: unix:/run/a:b:c }\n"
     "                      ^\n"
     "  let it listen on 127.0.0.1: ssh -D 1080, tor's SocksPort 9050, or socat "
     "TCP-LISTEN:1080,bind=127.0.0.1,fork UNIX-CONNECT:/path\n"
     "test.conf:3:22: expected a host and a port, found 'unix:/run/socks': a proxy behind a UNIX socket "
     "cannot "
     "be reached on the program's own internet socket\n"
     "  route { to: 0/0 via: socks5://unix:/run/socks }\n"
     "                       ^\n"
     "  let it listen on 127.0.0.1: ssh -D 1080, tor's SocksPort 9050, or socat "
     "TCP-LISTEN:1080,bind=127.0.0.1,fork UNIX-CONNECT:/path\n"},
    {"route { to: 0/0 via: sock5://10.0.0.1 }\n",
     "test.conf:1:22: expected a proxy's scheme, found 'sock5'\n"
     "  route { to: 0/0 via: sock5://10.0.0.1 }\n"
     "                       ^\n"
     "  did you mean 'socks5'?\n"},
    {"route { to: *.example.org via: direct }\n",
     "test.conf:1:13: expected a name or a domain, found '*.example.org'\n"
     "  route { to: *.example.org via: direct }\n"
     "              ^\n"
     "  write '.example.org' for the domain and all names below it\n"},
    {"route { to: 0/0 via: direct then 10.0.0.1 }\n",
     "test.conf:1:29: expected the end of the target, found 'then': a chain is made of servers\n"
     "  route { to: 0/0 via: direct then 10.0.0.1 }\n"
     "                              ^\n"
     "  remove 'direct' or what follows it\n"},
    {"route { to: 0/0 via: 10.0.0.1 then direct }\n",
     "test.conf:1:36: expected a server, found 'direct': a chain is made of servers\n"
     "  route { to: 0/0 via: 10.0.0.1 then direct }\n"
     "                                     ^\n"},
    {"route { to: 0/0 via: direct, }\n",
     "test.conf:1:30: expected direct, block or a server, found '}'\n"
     "  route { to: 0/0 via: direct, }\n"
     "                               ^\n"},
    {"route { to: 0/0 via: direct protocol: tpc }\n",
     "test.conf:1:39: expected a protocol, found 'tpc'\n"
     "  route { to: 0/0 via: direct protocol: tpc }\n"
     "                                        ^\n"
     "  did you mean 'tcp'?\n"},
    {"route { to: 0/0 via: direct command: conect balance: robin method: plain }\n",
     "test.conf:1:38: expected a command, found 'conect'\n"
     "  route { to: 0/0 via: direct command: conect balance: robin method: plain }\n"
     "                                       ^\n"
     "  did you mean 'connect'?\n"
     "test.conf:1:54: expected an order, found 'robin'\n"
     "  route { to: 0/0 via: direct command: conect balance: robin method: plain }\n"
     "                                                       ^\n"
     "  use one of: ordered, random, roundrobin, hash\n"
     "test.conf:1:68: expected an authentication method, found 'plain'\n"
     "  route { to: 0/0 via: direct command: conect balance: robin method: plain }\n"
     "                                                                     ^\n"
     "  use one of: none, username, gssapi, rfc931, pam, pam.username, pam.address, pam.any, bsdauth, "
     "digest\n"},
    {"route { to: 0/0 via: direct process: /usr/bin/curl }\n",
     "test.conf:1:38: expected the name of a program without its directory, found '/usr/bin/curl'\n"
     "  route { to: 0/0 via: direct process: /usr/bin/curl }\n"
     "                                       ^\n"
     "  programs are known by the last part of their path\n"},
    {"route { to: 0/0 via: direct user: 4294967295 }\n"
     "route { to: 0/0 via: direct user: }\n"
     "route { to: 0/0 via: direct user: 1 user: 2 }\n",
     "test.conf:1:35: expected a login name or a user id, found '4294967295'\n"
     "  route { to: 0/0 via: direct user: 4294967295 }\n"
     "                                    ^\n"
     "test.conf:2:35: expected a login name or a user id, found '}'\n"
     "  route { to: 0/0 via: direct user: }\n"
     "                                    ^\n"
     "test.conf:3:37: expected 'user' once, found it again\n"
     "  route { to: 0/0 via: direct user: 1 user: 2 }\n"
     "                                      ^\n"
     "  remove one of them\n"},
    {"route { to: 0/0 via: a.b weight = 2, c.d }\n"
     "route { to: 0/0 via: a.b balance: hash fallback: c.d weight = 2 }\n"
     "route { to: 0/0 via: a.b weight 2 balance: hash }\n"
     "route { to: 0/0 via: a.b weight = 0 balance: hash }\n"
     "route { to: 0/0 via: a.b weight = 1001 balance: hash }\n"
     "route { to: 0/0 via: a.b weight = 2 then c.d balance: hash }\n"
     "route { to: 0/0 via: a.b weight = 2 port = 1080 balance: hash }\n",
     "test.conf:1:26: expected no weight in a group that is tried in its order, found one\n"
     "  route { to: 0/0 via: a.b weight = 2, c.d }\n"
     "                           ^\n"
     "  weights count only with balance: random, roundrobin or hash\n"
     "test.conf:2:54: expected no weight behind a fallback, found one\n"
     "  route { to: 0/0 via: a.b balance: hash fallback: c.d weight = 2 }\n"
     "                                                       ^\n"
     "  remove it: fallbacks are tried in their order\n"
     "test.conf:3:33: expected '=' after 'weight', found '2'\n"
     "  route { to: 0/0 via: a.b weight 2 balance: hash }\n"
     "                                  ^\n"
     "  write weight = 2\n"
     "test.conf:4:35: expected a number from 1 to 1000, found '0'\n"
     "  route { to: 0/0 via: a.b weight = 0 balance: hash }\n"
     "                                    ^\n"
     "test.conf:5:35: expected a number from 1 to 1000, found '1001'\n"
     "  route { to: 0/0 via: a.b weight = 1001 balance: hash }\n"
     "                                    ^\n"
     "test.conf:6:37: expected the end of the target, found 'then'\n"
     "  route { to: 0/0 via: a.b weight = 2 then c.d balance: hash }\n"
     "                                      ^\n"
     "  a chain has one weight, behind its last server\n"
     "test.conf:7:37: expected the end of the target, found 'port'\n"
     "  route { to: 0/0 via: a.b weight = 2 port = 1080 balance: hash }\n"
     "                                      ^\n"
     "  write the weight last: port = 1080 weight = 2\n"},
    {"route { to: 0/0 via: a.b chain: dynamic }\n"
     "route { to: 0/0 via: a.b chain.length: 1 }\n"
     "route { to: 0/0 via: a.b then c.d chain: loose }\n"
     "route { to: 0/0 via: a.b then c.d chain: dynamic chain.length: 1 }\n"
     "route { to: 0/0 via: a.b then c.d chain.length: 1 }\n"
     "route { to: 0/0 via: a.b then c.d chain: random }\n"
     "route { to: 0/0 via: a.b then c.d then e.f, a.b then c.d chain: random chain.length: 3 }\n"
     "route { to: 0/0 via: a.b then c.d chain: random chain.length: 0 }\n"
     "route { to: 0/0 via: a.b then c.d chain: random chain: random }\n",
     "test.conf:1:33: expected a chain in 'via' or 'fallback' of this route, found none\n"
     "  route { to: 0/0 via: a.b chain: dynamic }\n"
     "                                  ^\n"
     "  servers are joined by 'then': via: a then b\n"
     "test.conf:2:40: expected a chain in 'via' or 'fallback' of this route, found none\n"
     "  route { to: 0/0 via: a.b chain.length: 1 }\n"
     "                                         ^\n"
     "  servers are joined by 'then': via: a then b\n"
     "test.conf:3:42: expected a kind of chain, found 'loose'\n"
     "  route { to: 0/0 via: a.b then c.d chain: loose }\n"
     "                                           ^\n"
     "  use one of: strict, dynamic, random, roundrobin\n"
     "test.conf:4:64: expected no 'chain.length' where 'chain' is dynamic, found one\n"
     "  route { to: 0/0 via: a.b then c.d chain: dynamic chain.length: 1 }\n"
     "                                                                 ^\n"
     "  it counts only with chain: random or roundrobin\n"
     "test.conf:5:49: expected no 'chain.length' where 'chain' is strict, found one\n"
     "  route { to: 0/0 via: a.b then c.d chain.length: 1 }\n"
     "                                                  ^\n"
     "  it counts only with chain: random or roundrobin\n"
     "test.conf:6:42: expected 'chain.length:' beside 'chain: random', found none\n"
     "  route { to: 0/0 via: a.b then c.d chain: random }\n"
     "                                           ^\n"
     "  say how many of the servers one connection goes through: chain.length: 2\n"
     "test.conf:7:86: expected a number from 1 to 2, found '3'\n"
     "  route { to: 0/0 via: a.b then c.d then e.f, a.b then c.d chain: random chain.length: 3 }\n"
     "                                                                                       ^\n"
     "  a chain of this route has no more servers\n"
     "test.conf:8:63: expected a number from 1 to 64, found '0'\n"
     "  route { to: 0/0 via: a.b then c.d chain: random chain.length: 0 }\n"
     "                                                                ^\n"
     "test.conf:9:49: expected 'chain' once, found it again\n"
     "  route { to: 0/0 via: a.b then c.d chain: random chain: random }\n"
     "                                                  ^\n"
     "  remove one of them\n"},
    {"route\n", "test.conf:2:1: expected '{', found the end of the text\n"},
};

TEST(ConfigRouteErrorsTest, ReportsWholeText) {
  ExpectErrors(kBadConfigs);
}

TEST(ConfigRouteErrorsTest, BoundsChainsThatAreNotStrict) {
  std::string chain = "h.test";
  for (size_t i = 1; i < Target::kMaxChosenHops; ++i) chain += " then h.test";
  FakeMachine machine;
  EXPECT_EQ(machine.ErrorsOf("route { to: 0/0 via:\n" + chain + "\nchain: dynamic }\n"), "");
  chain += "\nthen h.test";
  EXPECT_EQ(machine.ErrorsOf("route { to: 0/0 via:\n" + chain + "\nchain: strict }\n"), "");
  const std::string errors = machine.ErrorsOf("route { to: 0/0 via:\n" + chain + "\nchain: dynamic }\n");
  EXPECT_EQ(errors.substr(0, errors.find('\n')),
            "test.conf:2:1: expected at most 64 servers in a chain that is not strict, found 65");
}

}  // namespace
}  // namespace socksify
