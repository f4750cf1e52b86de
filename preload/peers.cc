// SPDX-License-Identifier: BSD-2-Clause
#include "preload/peers.h"

#include <linux/tcp.h>
#include <netinet/in.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/runtime.h"
#include "resolver/socket_identity.h"

namespace socksify {
namespace {

// Whether there may be a connection in this process that was recorded without its socket's identity.
constinit std::atomic<bool> g_has_unidentified = false;

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

// Whether so many bytes have come by the socket: also of one that has ended, of whose peer the kernel says
// nothing any more.
bool HasReceived(int fd, uint32_t count) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return libc::getsockopt(fd, IPPROTO_TCP, TCP_INFO, static_cast<void*>(&info), &size) == 0 &&
         info.tcpi_bytes_received >= count;
}

// A proxy that is configured by name may be at any address, and so may this machine (0.0.0.0).
bool MayBeProxy(const Runtime& runtime, const IpAndPort& peer) {
  if (runtime.config() == nullptr) return false;
  const auto& servers = runtime.config()->routes.servers();
  return std::any_of(servers.begin(), servers.end(), [&](const auto& server) {
    const Endpoint& address = server->address;
    return address.port() == peer.port && (address.is_name() || address.ip().IsUnspecified() ||
                                           address.ip().Unmapped() == peer.ip.Unmapped());
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

void NoteUnidentified() {
  g_has_unidentified.store(true, std::memory_order_relaxed);
}

std::optional<Connection> IdentifyConnection(int fd, const Connection& found) {
  const ErrnoKeeper keeper;
  const CancellationOff cancellation_off;
  SocketAddress kernels{};
  socklen_t size = sizeof kernels;
  if (libc::getpeername(fd, &kernels.generic, &size) != 0) {
    if (errno == ENOTCONN && HasReceived(fd, found.negotiated_received)) return found;
    return std::nullopt;
  }
  const auto proxy = ReadSockaddr(&kernels.generic, size);
  Runtime* const runtime = Runtime::Get();
  if (!proxy || runtime == nullptr || !MayBeProxy(*runtime, *proxy)) return std::nullopt;
  Connection connection = found;
  connection.cookie = SocketCookie(fd);
  // What a child of vfork(2) has by this number need not be what its parent has.
  if (IsBorrowedMemory()) return connection;
  const SignalsBlocked blocked;
  // Else the program has closed it meanwhile, or somebody else was quicker.
  if (g_descriptors.Identify(fd, connection.cookie, blocked)) SharePeer(fd, connection, *proxy);
  return connection;
}

void IdentifyConnections() {
  if (!g_has_unidentified.load(std::memory_order_relaxed) || IsBorrowedMemory()) return;
  for (int fd = 0; fd < static_cast<int>(g_descriptors.used_end()); ++fd) {
    const std::optional<Connection> connection = g_descriptors.Find(fd);
    if (connection && connection->cookie == 0) IdentifyConnection(fd, *connection);
  }
  // Not before: another thread that is about to hand a socket on would find nothing to do. None can have been
  // added meanwhile.
  g_has_unidentified.store(false, std::memory_order_relaxed);
}

bool MayLeadToProxy(const sockaddr* peer, socklen_t size) {
  const auto proxy = ReadSockaddr(peer, size);
  Runtime* const runtime = Runtime::Get();
  return proxy && runtime != nullptr && MayBeProxy(*runtime, *proxy);
}

std::optional<Connection> AdoptConnection(int fd, const sockaddr* peer, socklen_t size) {
  const ErrnoKeeper keeper;
  // getpeername(2) is no cancellation point; opening the table is.
  const CancellationOff cancellation_off;
  const auto proxy = ReadSockaddr(peer, size);
  if (!proxy) return std::nullopt;
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr || !MayBeProxy(*runtime, *proxy)) return std::nullopt;
  PeerTable* const table = runtime->peer_table();
  if (table == nullptr) return std::nullopt;
  // It may be a copy that was made unseen.
  IdentifyConnections();
  const uint64_t cookie = SocketCookie(fd);
  const auto shared = table->Find(IdentityOf(fd, cookie), proxy->ip, proxy->port);
  if (!shared) return std::nullopt;
  const int family = shared->replaced_family != 0 ? shared->replaced_family : peer->sa_family;
  Connection connection;
  connection.cookie = cookie;
  connection.replaced_family = shared->replaced_family;
  connection.peer_size = ToSockaddr(shared->peer, shared->peer_port, family, &connection.peer);
  if (shared->bound) {
    connection.bound_size = ToSockaddr(*shared->bound, shared->bound_port, family, &connection.bound);
  }
  const SignalsBlocked blocked;
  if (connection.peer_size == 0 || !g_descriptors.Record(fd, connection, blocked)) return std::nullopt;
  return connection;
}

}  // namespace socksify
