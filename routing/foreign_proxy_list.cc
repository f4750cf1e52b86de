// SPDX-License-Identifier: BSD-2-Clause
// proxychains reads a proxy by sscanf("%s %s %d %s %s"), and by proxy_from_string() when that finds fewer
// than three (libproxychains.c). What stands behind the password is passed over, and there are no comments:
// `socks5 10.0.0.1 1080 # office` sends the user name `#`.
#include "routing/foreign_proxy_list.h"

#include <string>
#include <utility>

#include "routing/proxy_url.h"
#include "routing/quoting.h"

namespace socksify {
namespace {

// A proxy in pieces, however it was written.
struct Pieces {
  ForeignField type;
  ForeignField host;
  ForeignField port;
  std::string_view user;
  std::string_view password;
};

constexpr size_t kLeastFields = 3;
constexpr size_t kUserField = 3;
constexpr size_t kPasswordField = 4;

Pieces FromFields(const ForeignLine& line, ForeignConfig* out) {
  const std::vector<ForeignField>& fields = line.fields;
  Pieces pieces{fields[0], fields[1], fields[2], {}, {}};
  if (fields.size() > kUserField) pieces.user = fields[kUserField].text;
  if (fields.size() > kPasswordField) pieces.password = fields[kPasswordField].text;
  if (pieces.user.starts_with('#')) {
    out->Warn(line.number, "the comment is taken for a user name and a password, as by proxychains",
              "give the comment a line of its own");
  } else if (fields.size() > kPasswordField + 1) {
    out->Warn(line.number, "what stands behind the password has no effect, as in proxychains");
  }
  return pieces;
}

ForeignField PartOf(const ForeignField& whole, size_t place, size_t size) {
  return {whole.text.substr(place, size), whole.column + static_cast<unsigned>(place)};
}

std::optional<Pieces> FromUrl(const ForeignLine& line, ForeignConfig* out) {
  const ForeignField whole{line.content, line.fields[0].column};
  const size_t slashes = whole.text.find("://");
  if (slashes == std::string_view::npos) {
    out->Fail(line.number, whole.column, "expected 'TYPE HOST PORT [USER PASSWORD]', found something else",
              "TYPE is socks5, socks4 or http; TYPE://USER:PASSWORD@HOST:PORT is understood too");
    return std::nullopt;
  }
  Pieces pieces{.type = PartOf(whole, 0, slashes), .host = {}, .port = {}, .user = {}, .password = {}};
  size_t host = slashes + 3;
  const size_t at = whole.text.rfind('@');
  if (at != std::string_view::npos && at >= host) {
    const std::string_view info = whole.text.substr(host, at - host);
    const size_t colon = info.find(':');
    if (colon == std::string_view::npos) {
      out->Fail(line.number, whole.column, "expected USER:PASSWORD before the '@', found no ':'");
      return std::nullopt;
    }
    pieces.user = info.substr(0, colon);
    pieces.password = info.substr(colon + 1);
    host = at + 1;
  }
  const size_t colon = whole.text.rfind(':');
  if (colon == std::string_view::npos || colon < host) {
    out->Fail(line.number, whole.column, "expected HOST:PORT in the URL, found no port",
              "proxychains knows no port for a proxy without one");
    return std::nullopt;
  }
  pieces.host = PartOf(whole, host, colon - host);
  pieces.port = PartOf(whole, colon + 1, std::string_view::npos);
  return pieces;
}

// proxychains takes names by SOCKS 4A.
std::optional<std::string> SchemeOf(const ForeignField& type, unsigned line, ForeignConfig* out) {
  if (type.text == "socks5" || type.text == "http") return std::string(type.text);
  if (type.text == "socks4") return "socks4a";
  const bool is_raw = type.text == "raw";
  out->Fail(line, type.column, "expected socks5, socks4 or http, found " + Quoted(type.text),
            is_raw ? "a connection that is forwarded as it is cannot be said here" : "");
  return std::nullopt;
}

}  // namespace

std::optional<ListedProxy> ReadListedProxy(const ForeignLine& line, ForeignConfig* out) {
  std::optional<Pieces> pieces;
  if (line.fields.size() >= kLeastFields) {
    pieces = FromFields(line, out);
  } else {
    pieces = FromUrl(line, out);
  }
  if (!pieces) return std::nullopt;
  const std::optional<std::string> scheme = SchemeOf(pieces->type, line.number, out);
  std::optional<Endpoint> address = scheme ? ReadServerHost(pieces->host, line.number, out) : std::nullopt;
  if (!address) return std::nullopt;
  const auto port = ParsePort(pieces->port.text, 1);
  if (!port) {
    // Not shown: where the port was left out, a user name stands in its place.
    out->Fail(line.number, pieces->port.column,
              "expected a port number from 1 to 65535 behind the proxy's address, found something else");
    return std::nullopt;
  }
  address->set_port(*port);
  ForeignServer server{.scheme = *scheme, .address = *address, .username = {}, .password = {}};
  if (pieces->user.empty()) return ListedProxy{line.number, std::move(server)};
  if (!CheckCredential(pieces->user, "a user name", line.number, out)) return std::nullopt;
  server.username = pieces->user;
  if (*scheme == "socks4a") {
    if (!pieces->password.empty())
      out->Warn(line.number, "the password has no effect: SOCKS 4 has none, and proxychains sends none");
    return ListedProxy{line.number, std::move(server)};
  }
  if (!pieces->password.empty() && !CheckCredential(pieces->password, "a password", line.number, out))
    return std::nullopt;
  server.password = pieces->password;
  return ListedProxy{line.number, std::move(server)};
}

}  // namespace socksify
