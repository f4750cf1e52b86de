// SPDX-License-Identifier: BSD-2-Clause
#include "routing/name_server.h"

#include <algorithm>
#include <string>

#include "routing/quoting.h"

namespace socksify {
namespace {

std::expected<HostPort, TextProblem> ParseHostAndPort(std::string_view text) {
  const bool is_bare_v6 = std::ranges::count(text, ':') > 1 && !text.starts_with('[');
  if (!is_bare_v6) return ParseHostPort(text, kDnsPort);
  const std::expected<Endpoint, TextProblem> address = ParseHost(text, kDnsPort);
  if (!address) return std::unexpected(address.error());
  return HostPort{*address, false};
}

}  // namespace

std::expected<HostPort, TextProblem> ParseNameServer(std::string_view text) {
  std::expected<HostPort, TextProblem> server = ParseHostAndPort(text);
  if (!server) return server;
  if (server->address.is_name()) {
    return std::unexpected(TextProblem{"expected the IP address of a name server, found " + Quoted(text),
                                       "write its address: there is nobody to ask for its name"});
  }
  const IpAddress& ip = server->address.ip();
  if (ip.IsV4Mapped()) {
    return std::unexpected(TextProblem{"expected an IPv4 address as such, found " + Quoted(text),
                                       "write '" + ip.Unmapped().ToString() + "'"});
  }
  return server;
}

}  // namespace socksify
