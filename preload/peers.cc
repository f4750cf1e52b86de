// SPDX-License-Identifier: BSD-2-Clause
#include "preload/peers.h"

#include <algorithm>
#include <atomic>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/runtime.h"
#include "resolver/socket_identity.h"

namespace socksify {
namespace {

// What every process has the same, found once in each.
struct IdentityRule {
  std::atomic<bool> is_known = false;
  std::atomic<bool> needs_port = true;
  std::atomic<uint64_t> boot_tag = 0;
};
constinit IdentityRule g_identity_rule;

// Whether the kernel counts the cookies of all network namespaces in one, as Linux does since 5.10: it is one
// that knows SO_NETNS_COOKIE, since 5.14. `fd` is any socket. Not the namespace itself: a socket keeps that
// in which it was made, whatever its process does by setns(2).
bool HasOneCount(int fd) {
#ifdef SO_NETNS_COOKIE
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return libc::getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, static_cast<void*>(&cookie), &size) == 0;
#else
  return fd < 0;
#endif
}

// Threads that find it at the same time find the same.
void FindIdentityRule(int fd) {
  const uint64_t tag = BootTag(ReadBootId());
  g_identity_rule.boot_tag.store(tag, std::memory_order_relaxed);
  g_identity_rule.needs_port.store(tag == 0 || !HasOneCount(fd), std::memory_order_relaxed);
  g_identity_rule.is_known.store(true, std::memory_order_release);
}

uint16_t LocalPort(int fd) {
  SocketAddress local{};
  socklen_t size = sizeof local;
  if (libc::getsockname(fd, &local.generic, &size) != 0) return 0;
  const auto address = ReadSockaddr(&local.generic, size);
  return address ? address->port : 0;
}

uint64_t IdentityOf(int fd, uint64_t cookie) {
  PrepareToShare(fd);
  const uint16_t port = g_identity_rule.needs_port.load(std::memory_order_relaxed) ? LocalPort(fd) : 0;
  return SocketIdentity(cookie, g_identity_rule.boot_tag.load(std::memory_order_relaxed), port);
}

// A proxy that is configured by name may be at any address.
bool MayBeProxy(const Runtime& runtime, const IpAndPort& peer) {
  if (runtime.config() == nullptr) return false;
  const auto& servers = runtime.config()->routes.servers();
  return std::any_of(servers.begin(), servers.end(), [&](const auto& server) {
    const Endpoint& address = server->address;
    return address.port() == peer.port &&
           (address.is_name() || address.ip().Unmapped() == peer.ip.Unmapped());
  });
}

}  // namespace

void PrepareToShare(int fd) {
  if (!g_identity_rule.is_known.load(std::memory_order_acquire)) FindIdentityRule(fd);
}

void SharePeer(int fd, const Connection& connection, const IpAndPort& proxy) {
  Runtime* const runtime = Runtime::Get();
  PeerTable* const table = runtime != nullptr ? runtime->peer_table() : nullptr;
  const auto peer = ReadSockaddr(&connection.peer.generic, connection.peer_size);
  if (table == nullptr || !peer) return;
  SharedPeer shared = {.proxy = proxy.ip,
                       .proxy_port = proxy.port,
                       .peer = peer->ip,
                       .peer_port = peer->port,
                       .bound = std::nullopt,
                       .bound_port = 0,
                       .replaced_family = static_cast<uint8_t>(connection.replaced_family)};
  if (const auto bound = ReadSockaddr(&connection.bound.generic, connection.bound_size)) {
    shared.bound = bound->ip;
    shared.bound_port = bound->port;
  }
  table->Record(IdentityOf(fd, connection.cookie), shared);
}

bool AdoptConnection(int fd, const sockaddr* peer, socklen_t size) {
  const ErrnoKeeper keeper;
  // getpeername(2) is no cancellation point; opening the table is.
  const CancellationOff cancellation_off;
  const auto proxy = ReadSockaddr(peer, size);
  if (!proxy) return false;
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr || !MayBeProxy(*runtime, *proxy)) return false;
  PeerTable* const table = runtime->peer_table();
  if (table == nullptr) return false;
  const uint64_t cookie = SocketCookie(fd);
  const auto shared = table->Find(IdentityOf(fd, cookie), proxy->ip, proxy->port);
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
