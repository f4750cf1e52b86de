// SPDX-License-Identifier: BSD-2-Clause
#include "tools/destination.h"

#include <charconv>
#include <system_error>

namespace socksify {
namespace {

std::unexpected<std::string> Unfit(std::string_view expected, std::string_view found) {
  return std::unexpected("expected " + std::string(expected) + ", found '" + std::string(found) + "'");
}

std::optional<uint16_t> ParseNumber(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

}  // namespace

const char* ToString(Transport transport) {
  return transport == Transport::kUdp ? "udp" : "tcp";
}

std::expected<Destination, std::string> ParseDestination(
    std::string_view text,
    std::optional<uint16_t> (*service_port)(const std::string& name, const char* transport)) {
  constexpr std::string_view kForm = "HOST:PORT or HOST:PORT/udp";
  Destination destination;
  std::string_view rest = text;
  if (const size_t slash = rest.rfind('/'); slash != std::string_view::npos) {
    const std::string_view transport = rest.substr(slash + 1);
    if (transport != "tcp" && transport != "udp") return Unfit("tcp or udp behind the '/'", transport);
    if (transport == "udp") destination.transport = Transport::kUdp;
    rest = rest.substr(0, slash);
  }

  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return Unfit(kForm, text);
  const std::string_view host = rest.substr(0, colon);
  const std::string_view port_text = rest.substr(colon + 1);
  if (host.find(':') != std::string_view::npos && !host.starts_with('[')) {
    return Unfit("an IPv6 address in brackets, such as [::1]:80", text);
  }
  std::optional<uint16_t> port = ParseNumber(port_text);
  const bool is_name =
      !port_text.empty() && port_text.find_first_not_of("0123456789") != std::string_view::npos;
  if (!port && is_name) port = service_port(std::string(port_text), ToString(destination.transport));
  if (!port || *port == 0) return Unfit("a port from 1 to 65535 or the name of a service", port_text);

  const std::optional<Endpoint> endpoint = Endpoint::FromHost(host, *port);
  if (!endpoint) return Unfit("a host name or an address", host);
  destination.endpoint = endpoint->is_name() ? *endpoint : Endpoint::FromIp(endpoint->ip().Unmapped(), *port);
  return destination;
}

}  // namespace socksify
