// SPDX-License-Identifier: BSD-2-Clause
// What translators write of our language: servers, networks, routes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "routing/address_pattern.h"
#include "routing/foreign_config.h"
#include "routing/foreign_lines.h"

namespace socksify {

// A proxy as another client's file describes it.
struct ForeignServer {
  std::string scheme;  // of a URL of ours: "socks4", "socks4a", "socks5" or "http"
  Endpoint address;
  std::string username;                 // at most 255 bytes; empty: none
  std::optional<std::string> password;  // likewise; only with a user name, and not for SOCKS 4
};

// "server NAME { address: URL }". Everything of the credentials that could mean something to a lexer is
// percent-encoded, so they may hold any byte.
std::string ServerBlock(std::string_view name, const ForeignServer& server);

// What matches the addresses of `network` and nothing else, for `to:`. That is two networks for 0.0.0.0/0
// and ::/0, which would match every name as well.
std::vector<std::string> AddressesAlone(const AddressPattern& network);

// "route { to: TO  REST }"
std::string RouteLine(std::string_view to, std::string_view rest);

// The address of a server, or an error in `out` at `field`.
std::optional<Endpoint> ReadServerHost(const ForeignField& field, unsigned line, ForeignConfig* out);

// A user name or password of 1 to 255 bytes; else an error in `out` at `line` that does not show it. `what`
// is "a user name" or "a password".
bool CheckCredential(std::string_view text, std::string_view what, unsigned line, ForeignConfig* out);

}  // namespace socksify
