// SPDX-License-Identifier: BSD-2-Clause
#include "preload/peers.h"

#include <algorithm>

#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/runtime.h"

namespace socksify {
namespace {

uint16_t LocalPort(int fd) {
  SocketAddress local{};
  socklen_t size = sizeof local;
  if (libc::getsockname(fd, &local.generic, &size) != 0) return 0;
  const auto endpoint = EndpointFromSockaddr(&local.generic, size);
  return endpoint ? endpoint->port() : 0;
}

// A proxy that is configured by name may be at any address.
bool MayBeProxy(const Runtime& runtime, const Endpoint& peer) {
  if (runtime.config() == nullptr) return false;
  const auto& servers = runtime.config()->routes.servers();
  return std::any_of(servers.begin(), servers.end(), [&](const auto& server) {
    const Endpoint& address = server->address;
    return address.port() == peer.port() &&
           (address.is_name() || address.ip().Unmapped() == peer.ip().Unmapped());
  });
}

}  // namespace

void SharePeer(int fd, const Connection& connection, const Endpoint& proxy) {
  Runtime* const runtime = Runtime::Get();
  PeerTable* const table = runtime != nullptr ? runtime->peer_table() : nullptr;
  const auto peer = EndpointFromSockaddr(&connection.peer.generic, connection.peer_size);
  if (table == nullptr || !peer) return;
  SharedPeer shared = {.proxy = proxy.ip(),
                       .proxy_port = proxy.port(),
                       .local_port = LocalPort(fd),
                       .peer = peer->ip(),
                       .peer_port = peer->port(),
                       .bound = std::nullopt,
                       .bound_port = 0,
                       .replaced_family = static_cast<uint8_t>(connection.replaced_family)};
  const auto bound = EndpointFromSockaddr(&connection.bound.generic, connection.bound_size);
  if (bound) {
    shared.bound = bound->ip();
    shared.bound_port = bound->port();
  }
  table->Record(connection.cookie, shared);
}

bool AdoptConnection(int fd, const sockaddr* peer, socklen_t size) {
  const ErrnoKeeper keeper;
  const auto proxy = EndpointFromSockaddr(peer, size);
  if (!proxy) return false;
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr || !MayBeProxy(*runtime, *proxy)) return false;
  PeerTable* const table = runtime->peer_table();
  if (table == nullptr) return false;
  const uint64_t cookie = SocketCookie(fd);
  const auto shared = table->Find(cookie, proxy->ip(), proxy->port(), LocalPort(fd));
  if (!shared) return false;
  const int family = shared->replaced_family != 0 ? shared->replaced_family : peer->sa_family;
  Connection connection;
  connection.cookie = cookie;
  connection.replaced_family = shared->replaced_family;
  connection.peer_size = ToSockaddr(shared->peer, shared->peer_port, family, &connection.peer);
  if (shared->bound) {
    connection.bound_size = ToSockaddr(*shared->bound, shared->bound_port, family, &connection.bound);
  }
  const SignalsBlocked blocked;
  return connection.peer_size != 0 && g_descriptors.Record(fd, connection, blocked);
}

}  // namespace socksify
