// SPDX-License-Identifier: BSD-2-Clause
#include "routing/foreign_server.h"

#include "base/text.h"
#include "routing/proxy_url.h"

namespace socksify {
namespace {

// RFC 1929 section 2 counts each in one octet.
constexpr size_t kMaxCredentialSize = 255;

// RFC 3986 section 2.3.
bool IsUnreserved(char c) {
  const char lower = ToLowerAscii(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

void AppendEncoded(std::string* out, std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (IsUnreserved(c)) {
      *out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    *out += '%';
    *out += kDigits[byte >> 4];
    *out += kDigits[byte & 15];
  }
}

}  // namespace

std::string ServerBlock(std::string_view name, const ForeignServer& server) {
  std::string text = "server " + std::string(name) + " { address: " + server.scheme + "://";
  if (!server.username.empty()) {
    AppendEncoded(&text, server.username);
    if (server.password) {
      text += ':';
      AppendEncoded(&text, *server.password);
    }
    text += '@';
  }
  return text + server.address.ToString() + " }";
}

std::vector<std::string> AddressesAlone(const AddressPattern& network) {
  if (network.prefix_bits != 0)
    return {network.network.ToString() + "/" + std::to_string(network.prefix_bits)};
  if (network.network.is_v4()) return {"0.0.0.0/1", "128.0.0.0/1"};
  return {"::/1", "8000::/1"};
}

std::string RouteLine(std::string_view to, std::string_view rest) {
  return "route { to: " + std::string(to) + "  " + std::string(rest) + " }";
}

std::optional<Endpoint> ReadServerHost(const ForeignField& field, unsigned line, ForeignConfig* out) {
  const auto host = ParseHost(field.text, 0);
  if (host) return *host;
  out->Fail(line, field.column, host.error().message, host.error().remedy);
  return std::nullopt;
}

bool CheckCredential(std::string_view text, std::string_view what, unsigned line, ForeignConfig* out) {
  if (!text.empty() && text.size() <= kMaxCredentialSize) return true;
  out->Fail(line, 0,
            "expected " + std::string(what) + " of 1 to 255 bytes, found " + std::to_string(text.size()));
  return false;
}

}  // namespace socksify
