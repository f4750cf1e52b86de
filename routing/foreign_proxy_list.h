// SPDX-License-Identifier: BSD-2-Clause
// One line below `[ProxyList]` of a proxychains.conf.
#pragma once

#include <optional>

#include "routing/foreign_server.h"

namespace socksify {

struct ListedProxy {
  unsigned line = 0;
  ForeignServer server;
};

// TYPE HOST PORT [USER [PASSWORD]], or TYPE://[USER:PASSWORD@]HOST:PORT, of which nothing is encoded. TYPE is
// http, socks4 or socks5. Warnings and errors go to `out` and show neither user name nor password.
std::optional<ListedProxy> ReadListedProxy(const ForeignLine& line, ForeignConfig* out);

}  // namespace socksify
