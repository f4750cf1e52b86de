// SPDX-License-Identifier: BSD-2-Clause
// Netrc: user names and passwords from a text in the format of netrc(5). Pure.
//
//   machine HOST [port N] [login USER] [password PASS]
//   default [login USER] [password PASS]
//
// Words are separated by blanks and line ends. A word in double quotes may hold both; \" and \\ stand for a
// quote and a backslash in it, \n, \r and \t for what they do in C. A '#' where a keyword may stand begins a
// comment. `account` and its word are skipped, `macdef` up to the next empty line.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"

namespace socksify {

struct NetrcEntry {
  bool is_default = false;  // for every machine
  std::string machine;      // as it was written
  uint16_t port = 0;        // 0: any
  bool has_login = false;
  bool has_password = false;
  std::string login;     // at most 255 bytes
  std::string password;  // likewise; never printed
};

// What is wrong, without a word of the text but keywords.
struct NetrcProblem {
  unsigned line = 0;  // 1-based
  std::string message;
  std::string remedy;
};

std::expected<std::vector<NetrcEntry>, NetrcProblem> ParseNetrc(std::string_view text);

// The first entry with a password for a server at `address`, which the configuration calls `name` (may be
// empty): its machine is either of them, its port that of the server, its login `username`. An entry without
// a login is good for any; where `username` is empty every login is, but there must be one. Null: there is
// none.
const NetrcEntry* FindNetrcEntry(std::span<const NetrcEntry> entries, const Endpoint& address,
                                 std::string_view name, std::string_view username);

}  // namespace socksify
