// SPDX-License-Identifier: BSD-2-Clause
// The complete texts of errors in `server` blocks.
#include <gtest/gtest.h>

#include "tests/routing/bad_config.h"

namespace socksify {
namespace {

constexpr BadConfig kBadConfigs[] = {
    {"server a { proxyprotocol: socks_v5 }\n",
     "test.conf:1:1: expected 'address:' in this server, found none\n"
     "  server a { proxyprotocol: socks_v5 }\n"
     "  ^\n"
     "  write address: HOST port = 1080\n"},
    {"server a { address: 10.0.0.1 }\n"
     "server a { address: 10.0.0.2 }\n",
     "test.conf:2:8: expected a new name for the server, found 'a' again\n"
     "  server a { address: 10.0.0.2 }\n"
     "         ^\n"
     "  rename one of them\n"},
    {"server direct { address: 10.0.0.1 }\n",
     "test.conf:1:8: expected a name for the server, found 'direct'\n"
     "  server direct { address: 10.0.0.1 }\n"
     "         ^\n"
     "  a name has letters, digits, '-', '_' and '.', and is no keyword of 'via'\n"},
    {"server a { address: socks5://10.0.0.1 proxyprotocol: socks_v4 }\n",
     "test.conf:1:39: expected no 'proxyprotocol', because the URL's scheme says it\n"
     "  server a { address: socks5://10.0.0.1 proxyprotocol: socks_v4 }\n"
     "                                        ^\n"
     "  remove one of them\n"},
    {"server a { address: 10.0.0.1 }\n"
     "route { to: 0/0 via: a proxyprotocol: socks_v4 method: none }\n",
     "test.conf:2:24: expected no 'proxyprotocol' in a route whose servers have blocks of their own\n"
     "  route { to: 0/0 via: a proxyprotocol: socks_v4 method: none }\n"
     "                         ^\n"
     "  write it in the 'server' block\n"
     "test.conf:2:48: expected no 'method' in a route whose servers have blocks of their own\n"
     "  route { to: 0/0 via: a proxyprotocol: socks_v4 method: none }\n"
     "                                                 ^\n"
     "  write it in the 'server' block\n"},
    {"server a { address: 10.0.0.1 password: geheim }\n",
     "test.conf:1:1: expected 'username:' beside the password of this server, found none\n"
     "  server a { address: 10.0.0.1 password:***\n"
     "  ^\n"},
    {"server a { address: 10.0.0.1; password: geheim }\n"
     "route { to: 0/0 via: a }\n",
     "test.conf:1:21: expected a host name or an address, found '10.0.0.1;'\n"
     "  server a { address: 10.0.0.1; password:***\n"
     "                      ^\n"
     "  statements are separated by blanks or new lines: remove the ';'\n"},
    {"server a { address: 10.0.0.1 username: u password: ge heim }\n"
     "route { to: 0/0 via: a }\n",
     "test.conf:1:52: expected one word as the password, found several\n"
     "  server a { address: 10.0.0.1 username: u password:***\n"
     "                                                     ^\n"
     "  write a password with blanks or braces in quotes: \"...\"\n"},
    {"server a { address: 10.0.0.1 username: u\n"
     "  password: \"geheim\n"
     "}\n",
     "test.conf:2:3: expected '\"' at the end of the password, found none\n"
     "    password:***\n"
     "    ^\n"},
    {"server a { address: 10.0.0.1 username: u password:\n"
     "  geheim\n"
     "}\n",
     "test.conf:1:42: expected a password on the line of 'password:', found none\n"
     "  server a { address: 10.0.0.1 username: u password:\n"
     "                                           ^\n"},
    {"server a { address: 10.0.0.1 pasword: geheim }\n"
     "route { to: 0/0 via: a }\n",
     "test.conf:1:30: expected a keyword of a server, found 'pasword'\n"
     "  server a { address: 10.0.0.1 pasword:***\n"
     "                               ^\n"
     "  did you mean 'password'?\n"},
    {"server a { address: 10.0.0.1 username: u password.file: none.pass }\n",
     "test.conf:1:57: cannot read the password file 'none.pass': ENOENT\n"
     "  server a { address: 10.0.0.1 username: u password.file: none.pass }\n"
     "                                                          ^\n"
     "  the first line of that file must be the password\n"},
    {"server a { address: socks5://u:geheim@10.0.0.1 password: geheim }\n",
     "test.conf:1:30: expected one password, found a second one\n"
     "  server a { address: socks5://***\n"
     "                               ^\n"
     "  keep one of 'password', 'password.file', 'password.command', 'password.prompt' and the URL's\n"},
    {"server a { address: 10.0.0.1 username: u password.command: x password.prompt: yes }\n"
     "server b { address: 10.0.0.1 username: u password.prompt: yes password: geheim }\n"
     "server c { address: 10.0.0.1 password.command: x }\n"
     "server d { address: 10.0.0.1 password.prompt: yes }\n"
     "server e { address: 10.0.0.1 username: u password.prompt: maybe }\n"
     "server f { address: 10.0.0.1 username: u password.command: \" \" }\n"
     "server g { address: 10.0.0.1 username: u password.command: }\n"
     "server h { address: 10.0.0.1 username: u password.command: \"x }\n"
     "route { to: 0/0 via: direct credentials: x }\n"
     "credentials: \"\"\n"
     "credentials: x\n",
     "test.conf:1:59: expected one password, found a second one\n"
     "  server a { address: 10.0.0.1 username: u password.command:***\n"
     "                                                            ^\n"
     "  keep one of 'password', 'password.file', 'password.command', 'password.prompt' and the URL's\n"
     "test.conf:2:73: expected one password, found a second one\n"
     "  server b { address: 10.0.0.1 username: u password.prompt: yes password:***\n"
     "                                                                          ^\n"
     "  keep one of 'password', 'password.file', 'password.command', 'password.prompt' and the URL's\n"
     "test.conf:3:1: expected 'username:' beside the password of this server, found none\n"
     "  server c { address: 10.0.0.1 password.command:***\n"
     "  ^\n"
     "test.conf:4:1: expected 'username:' beside the password of this server, found none\n"
     "  server d { address: 10.0.0.1 password.prompt: yes }\n"
     "  ^\n"
     "test.conf:5:59: expected yes or no, found 'maybe'\n"
     "  server e { address: 10.0.0.1 username: u password.prompt: maybe }\n"
     "                                                            ^\n"
     "  use one of: yes, no\n"
     "test.conf:6:60: expected a command, found nothing in the quotes\n"
     "  server f { address: 10.0.0.1 username: u password.command:***\n"
     "                                                             ^\n"
     "test.conf:7:60: expected a command, found '}'\n"
     "  server g { address: 10.0.0.1 username: u password.command:***\n"
     "                                                             ^\n"
     "test.conf:8:60: expected a command, found a quote without an end\n"
     "  server h { address: 10.0.0.1 username: u password.command:***\n"
     "                                                             ^\n"
     "  close the quote on the same line\n"
     "test.conf:9:29: expected a keyword of a route, found 'credentials'\n"
     "  route { to: 0/0 via: direct credentials: x }\n"
     "                              ^\n"
     "  'credentials' stands outside of the blocks\n"
     "test.conf:10:14: expected the name of a file, found nothing in the quotes\n"
     "  credentials: \"\"\n"
     "               ^\n"
     "test.conf:11:1: expected 'credentials' once, found it again\n"
     "  credentials: x\n"
     "  ^\n"
     "  remove one of them\n"},
    {"server a { address: 10.0.0.1 method: digest }\n"
     "server b { address: 10.0.0.1 proxyprotocol: http_v1.0 socks_v5 method: digest username }\n"
     "server c { address: http://10.0.0.1 method: digest }\n"
     "route { to: 0/0 via: a, b, c, socks5://10.0.0.1 method: none digest }\n"
     "route { to: 0/0 via: http://10.0.0.1 method: digest }\n",
     "test.conf:1:30: expected 'method: digest' for HTTP proxies alone, found it for a server that is none\n"
     "  server a { address: 10.0.0.1 method: digest }\n"
     "                               ^\n"
     "  use method: username, or proxyprotocol: http_v1.0\n"
     "test.conf:2:64: expected 'method: digest' for HTTP proxies alone, found it for a server that is none\n"
     "  server b { address: 10.0.0.1 proxyprotocol: http_v1.0 socks_v5 method: digest username }\n"
     "                                                                 ^\n"
     "  use method: username, or proxyprotocol: http_v1.0\n"
     "test.conf:4:49: expected 'method: digest' for HTTP proxies alone, found it for a server that is none\n"
     "  route { to: 0/0 via: a, b, c, socks5://10.0.0.1 method: none digest }\n"
     "                                                  ^\n"
     "  use method: username, or proxyprotocol: http_v1.0\n"},
    {"server a { address: 10.0.0.1 handshake: eager }\n",
     "test.conf:1:41: expected a way to send the handshake, found 'eager'\n"
     "  server a { address: 10.0.0.1 handshake: eager }\n"
     "                                          ^\n"
     "  use one of: auto, strict, pipelined\n"},
    {"server a { address: http://10.0.0.1 handshake: pipelined }\n",
     "test.conf:1:1: expected proxyprotocol: socks_v5 beside 'handshake: pipelined', found another one\n"
     "  server a { address: http://10.0.0.1 handshake: pipelined }\n"
     "  ^\n"
     "  the other protocols send everything in one flight anyway\n"},
    {"server a { address: 10.0.0.1 early-data: maybe }\n",
     "test.conf:1:42: expected yes or no, found 'maybe'\n"
     "  server a { address: 10.0.0.1 early-data: maybe }\n"
     "                                           ^\n"
     "  use one of: yes, no\n"},
    {"server a { address: http://10.0.0.1 early-data: yes }\n"
     "server b { early-data: yes proxyprotocol: socks_v5 http_v1.0 address: 10.0.0.2 }\n",
     "test.conf:1:1: expected a SOCKS server beside 'early-data: yes', found an HTTP proxy\n"
     "  server a { address: http://10.0.0.1 early-data: yes }\n"
     "  ^\n"
     "  one that refuses a CONNECT would take the program's data for its next request\n"
     "test.conf:2:1: expected a SOCKS server beside 'early-data: yes', found an HTTP proxy\n"
     "  server b { early-data: yes proxyprotocol: socks_v5 http_v1.0 address: 10.0.0.2 }\n"
     "  ^\n"
     "  one that refuses a CONNECT would take the program's data for its next request\n"},
    {"server a { address: 10.0.0.1 handshake: strict early-data: yes }\n",
     "test.conf:1:1: expected 'handshake: auto' or 'pipelined' beside 'early-data: yes', found 'strict'\n"
     "  server a { address: 10.0.0.1 handshake: strict early-data: yes }\n"
     "  ^\n"
     "  remove one of them\n"},
};

TEST(ConfigServerErrorsTest, ReportsWholeText) {
  ExpectErrors(kBadConfigs);
}

}  // namespace
}  // namespace socksify
