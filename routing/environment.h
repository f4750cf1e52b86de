// SPDX-License-Identifier: BSD-2-Clause
// What the environment says about a configuration. Dante's variables, NEC's, and SOCKS 4.2's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "routing/config_draft.h"
#include "routing/config_linker.h"
#include "routing/reporter.h"

namespace socksify {

// The value of a variable; nothing where it is unset or empty.
std::optional<std::string> GetVariable(const ConfigHost& host, const char* name);

// $XDG_CONFIG_HOME/socksify, else ~/.config/socksify; nothing where neither can be told.
std::optional<std::string> OwnConfigDirectory(const ConfigHost& host);

// SOCKS_USERNAME, SOCKS_USER, SOCKS5_USER and SOCKS_PASSWORD, SOCKS_PASSWD, SOCKS5_PASSWD, the first of each
// that is set.
Credentials ReadCredentials(const ConfigHost& host, Reporter* reporter);

// Variables that override settings of a file: SOCKS_LOGOUTPUT, SOCKS_ERRLOGOUTPUT, SOCKS_DEBUG,
// SOCKS_AUTOADD_LANROUTES, SOCKS_DIRECTROUTE_FALLBACK, SOCKS_BINDLOCALONLY, SOCKS5_FAKEALLHOSTS,
// SOCKS5_LOCALDNSONLY; SOCKS_NS, where a file names no name server; and what is reported as not supported.
void ApplyEnvironment(const ConfigHost& host, ConfigDraft* draft, Reporter* reporter);

// A variable that names a route or servers.
struct RouteVariable {
  enum class Kind : uint8_t { kRouteText, kServer };
  Kind kind = Kind::kServer;
  std::string name;
  std::string value;
  uint8_t protocols = 0;  // kServer: what is spoken to a server without a scheme; 0: the default
};

// SOCKS_ROUTE_1, SOCKS_ROUTE_2, ... up to the first that is unset; SOCKS5_SERVER, SOCKS_SERVER,
// SOCKS4_SERVER, HTTP_CONNECT_PROXY and UPNP_IGD; in the order in which they are tried.
std::vector<RouteVariable> ReadRouteVariables(const ConfigHost& host);

}  // namespace socksify
