// SPDX-License-Identifier: BSD-2-Clause
// Which paths can carry datagrams (RFC 1928 section 7), as far as it shows without asking a proxy.
#pragma once

#include "base/endpoint.h"
#include "base/failure.h"
#include "routing/route_table.h"

namespace socksify {

// Whether a path is worth asking for a relay: one SOCKS5 server that this version can use.
bool CanCarryUdp(const Target& target);
// What a path through usable servers fails with that cannot; both EOPNOTSUPP.
extern const Failure kNoUdpServer;  // one of them does not speak SOCKS5
extern const Failure kNoUdpChain;   // they are several

// Whether the table sends any datagram to a relay.
bool HasUdpRelays(const RouteTable& routes);

// What FindUdpObstacle() finds; both ENETUNREACH.
extern const Failure kNoUdpPath;         // neither a proxy that carries UDP nor a direct path
extern const Failure kOneToManyByProxy;  // multicast and broadcast
// Why `rule`, whose first path is a proxy, cannot take datagrams to `destination`, or null. Points to a
// constant.
const Failure* FindUdpObstacle(const Rule& rule, const Endpoint& destination);

}  // namespace socksify
