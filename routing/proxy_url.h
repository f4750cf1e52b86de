// SPDX-License-Identifier: BSD-2-Clause
// ProxyUrl: one proxy as `-p`, a `via:` list or an environment variable names it.
//
//   [SCHEME://][USER[:PASSWORD]@]HOST[:PORT][/]
//
// SCHEME is socks4, socks4a, socks5, socks5h, socks (as socks5) or http. USER and PASSWORD may be
// percent-encoded (RFC 3986 section 2.1) and need a SCHEME; HOST is a name, an IPv4 address, or an IPv6
// address in brackets. Without a port it is 1080, for http 8080. What names a UNIX socket is refused with the
// reason: unix:PATH, also behind SCHEME://, and curl's SCHEME://localhost/PATH.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "routing/server.h"

namespace socksify {

inline constexpr uint16_t kSocksPort = 1080;
inline constexpr uint16_t kHttpProxyPort = 8080;

struct ProxyUrl {
  Endpoint address;
  uint8_t protocols = 0;  // ServerProtocol bits; 0 where the text has no scheme
  bool has_port = false;  // whether the text gives a port
  bool has_username = false;
  bool has_password = false;
  std::string username;
  std::string password;
};

// What is wrong, without any part of a user name or password.
struct TextProblem {
  std::string message;
  std::string remedy;
};

std::expected<ProxyUrl, TextProblem> ParseProxyUrl(std::string_view text);
// Whether `text` begins with "unix:", in any case.
bool NamesUnixSocket(std::string_view text);

struct HostPort {
  Endpoint address;
  bool has_port = false;  // whether the text gives a port
};

// HOST[:PORT]; an IPv6 address stands in brackets.
std::expected<HostPort, TextProblem> ParseHostPort(std::string_view text, uint16_t default_port);

// A host name, an IPv4 address or an IPv6 address (in brackets or not), for a server. Fails for what cannot
// be one: more than 255 bytes, other characters than letters, digits, '.', '-' and '_', or a broken address.
std::expected<Endpoint, TextProblem> ParseHost(std::string_view text, uint16_t port);

// A decimal port number of `least` to 65535.
std::expected<uint16_t, TextProblem> ParsePort(std::string_view text, uint16_t least);

}  // namespace socksify
