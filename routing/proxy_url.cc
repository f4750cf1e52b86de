// SPDX-License-Identifier: BSD-2-Clause
#include "routing/proxy_url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/fixed_text.h"
#include "base/text.h"
#include "routing/quoting.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

// RFC 1929 section 2 counts a user name and a password in one octet each.
constexpr size_t kMaxCredentialSize = 255;

std::unexpected<TextProblem> Problem(std::string message, std::string remedy = {}) {
  return std::unexpected(TextProblem{std::move(message), std::move(remedy)});
}

struct Scheme {
  FixedText<7> name;
  uint8_t protocols;
};
constexpr auto kSchemes = std::to_array<Scheme>({
    Scheme{"socks4", kServerSocks4},
    Scheme{"socks4a", kServerSocks4a},
    Scheme{"socks5", kServerSocks5},
    Scheme{"socks5h", kServerSocks5},
    Scheme{"socks", kServerSocks5},
    Scheme{"http", kServerHttp},
});

std::expected<uint8_t, TextProblem> ParseScheme(std::string_view text) {
  std::array<std::string_view, kSchemes.size()> names;
  for (size_t i = 0; i < kSchemes.size(); ++i) {
    if (EqualsIgnoreCase(text, kSchemes[i].name)) return kSchemes[i].protocols;
    names[i] = kSchemes[i].name;
  }
  const std::string found = "expected a proxy's scheme, found " + Quoted(text);
  if (EqualsIgnoreCase(text, "https") || EqualsIgnoreCase(text, "socks5s") ||
      EqualsIgnoreCase(text, "socks5+tls")) {
    return Problem(found + ": TLS to the proxy is not supported by this version",
                   "use http:// or socks5://, or put a TLS tunnel in front of the proxy");
  }
  return Problem(found, DidYouMean(text, names, "use socks5, socks4, socks4a, socks5h or http"));
}

constexpr std::string_view kUnixScheme = "unix:";

// The socket that the program made is an internet socket, and stays the one that is connected.
std::unexpected<TextProblem> UnixSocketProblem(std::string_view found) {
  return Problem("expected a host and a port, found " + Quoted(found) +
                     ": a proxy behind a UNIX socket cannot be reached on the program's own internet socket",
                 "let it listen on 127.0.0.1: ssh -D 1080, tor's SocksPort 9050, or socat "
                 "TCP-LISTEN:1080,bind=127.0.0.1,fork UNIX-CONNECT:/path");
}

std::optional<uint8_t> HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  const char lower = ToLowerAscii(c);
  if (lower >= 'a' && lower <= 'f') return static_cast<uint8_t>(lower - 'a' + 10);
  return std::nullopt;
}

// `what` is "user name" or "password".
std::expected<std::string, TextProblem> DecodeCredential(std::string_view text, std::string_view what) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? HexDigit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? HexDigit(text[i + 2]) : std::nullopt;
    if (!high || !low) {
      return Problem("expected two hexadecimal digits after '%' in the " + std::string(what),
                     "write a '%' itself as %25");
    }
    decoded += static_cast<char>(*high << 4 | *low);
    i += 2;
  }
  if (decoded.size() > kMaxCredentialSize) {
    return Problem("expected a " + std::string(what) + " of at most 255 bytes, found " +
                   std::to_string(decoded.size()));
  }
  return decoded;
}

std::optional<TextProblem> ParseUserInfo(std::string_view text, ProxyUrl* url) {
  const size_t colon = text.find(':');
  std::expected<std::string, TextProblem> username = DecodeCredential(text.substr(0, colon), "user name");
  if (!username) return username.error();
  if (username->empty()) return TextProblem{"expected a user name before '@'", {}};
  url->has_username = true;
  url->username = std::move(*username);
  if (colon == std::string_view::npos) return std::nullopt;
  std::expected<std::string, TextProblem> password = DecodeCredential(text.substr(colon + 1), "password");
  if (!password) return password.error();
  url->has_password = true;
  url->password = std::move(*password);
  return std::nullopt;
}

bool IsHostCharacter(char c) {
  const char lower = ToLowerAscii(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

// A name whose last label is a number was meant to be an address (WHATWG URL, "ends in a number").
bool EndsInNumber(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return !last.empty() && std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
}

struct HostAndPort {
  std::string_view host;
  std::string_view port;
  bool has_port = false;
};

std::expected<HostAndPort, TextProblem> SplitHostAndPort(std::string_view text) {
  HostAndPort parts;
  size_t end = text.find(':');
  if (text.starts_with('[')) {
    const size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return Problem("expected ']' after the IPv6 address");
    end = bracket + 1;
    if (end < text.size() && text[end] != ':') {
      return Problem("expected ':' and a port after ']', found " + Quoted(text.substr(end)));
    }
  } else if (std::ranges::count(text, ':') > 1) {
    return Problem("expected HOST:PORT, found " + Quoted(text),
                   "an IPv6 address stands in brackets: [2001:db8::1]:1080");
  }
  parts.host = text.substr(0, end);
  parts.has_port = end < text.size();
  if (parts.has_port) parts.port = text.substr(end + 1);
  return parts;
}

}  // namespace

bool NamesUnixSocket(std::string_view text) {
  return EqualsIgnoreCase(text.substr(0, kUnixScheme.size()), kUnixScheme);
}

std::expected<uint16_t, TextProblem> ParsePort(std::string_view text, uint16_t least) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > 65535) {
    return Problem("expected a port number from " + std::to_string(least) + " to 65535, found " +
                   Quoted(text));
  }
  return static_cast<uint16_t>(value);
}

std::expected<Endpoint, TextProblem> ParseHost(std::string_view text, uint16_t port) {
  if (text.empty()) return Problem("expected a host name or an address, found nothing");
  if (text.size() > Endpoint::kMaxNameSize) {
    return Problem("expected a host name of at most 255 bytes, found " + std::to_string(text.size()));
  }
  const std::optional<Endpoint> endpoint = Endpoint::FromHost(text, port);
  if (endpoint && !endpoint->is_name()) return *endpoint;
  const bool is_name = std::ranges::all_of(text, IsHostCharacter);
  if (!endpoint || text.find(':') != std::string_view::npos || (is_name && EndsInNumber(text))) {
    return Problem("expected an IP address, found " + Quoted(text));
  }
  if (!is_name) {
    if (text.ends_with(';')) {
      return Problem("expected a host name or an address, found " + Quoted(text),
                     "statements are separated by blanks or new lines: remove the ';'");
    }
    return Problem("expected a host name or an address, found " + Quoted(text),
                   "a host name has letters, digits, '-', '_' and '.'; other scripts are written as xn--...");
  }
  return *endpoint;
}

std::expected<HostPort, TextProblem> ParseHostPort(std::string_view text, uint16_t default_port) {
  const std::expected<HostAndPort, TextProblem> parts = SplitHostAndPort(text);
  if (!parts) return std::unexpected(parts.error());
  uint16_t port = default_port;
  if (parts->has_port) {
    const std::expected<uint16_t, TextProblem> given = ParsePort(parts->port, 1);
    if (!given) return std::unexpected(given.error());
    port = *given;
  }
  const std::expected<Endpoint, TextProblem> address = ParseHost(parts->host, port);
  if (!address) return std::unexpected(address.error());
  return HostPort{*address, parts->has_port};
}

std::expected<ProxyUrl, TextProblem> ParseProxyUrl(std::string_view text) {
  ProxyUrl url;
  if (NamesUnixSocket(text)) return UnixSocketProblem(text);
  const size_t slashes = text.find("://");
  const bool has_scheme = slashes != std::string_view::npos;
  if (has_scheme) {
    const std::expected<uint8_t, TextProblem> protocols = ParseScheme(text.substr(0, slashes));
    if (!protocols) return std::unexpected(protocols.error());
    url.protocols = *protocols;
    text.remove_prefix(slashes + 3);
  }
  // The last '@', not the first, and before the first '/': a password that was not encoded must not be taken
  // for a host or a port, which messages show.
  const size_t at = text.rfind('@');
  if (at != std::string_view::npos) {
    if (!has_scheme) {
      return Problem("expected a URL, found a user name without a scheme",
                     "write socks5://USER:PASSWORD@HOST:PORT, with a ',' in them as %2C");
    }
    if (const std::optional<TextProblem> problem = ParseUserInfo(text.substr(0, at), &url)) {
      return std::unexpected(*problem);
    }
    if (url.has_password && (url.protocols & (kServerSocks4 | kServerSocks4a)) != 0) {
      return Problem("expected no password: SOCKS4 has only a user name", "use socks5://, or leave it out");
    }
    text.remove_prefix(at + 1);
  }
  if (NamesUnixSocket(text)) return UnixSocketProblem(text);
  const size_t slash = text.find('/');
  const bool has_path = slash != std::string_view::npos && slash + 1 != text.size();
  if (has_scheme && has_path && EqualsIgnoreCase(text.substr(0, slash), "localhost")) {
    return UnixSocketProblem(text);
  }
  if (slash != std::string_view::npos) {
    if (!has_scheme || slash + 1 != text.size()) {
      return Problem("expected the end of the proxy's address, found " + Quoted(text.substr(slash)));
    }
    text.remove_suffix(1);
  }
  const std::expected<HostPort, TextProblem> host =
      ParseHostPort(text, url.protocols == kServerHttp ? kHttpProxyPort : kSocksPort);
  if (!host) return std::unexpected(host.error());
  url.address = host->address;
  url.has_port = host->has_port;
  return url;
}

}  // namespace socksify
