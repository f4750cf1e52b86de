// SPDX-License-Identifier: BSD-2-Clause
#include "preload/relayed_path.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/socket_address.h"
#include "preload/datagrams.h"
#include "preload/originals.h"
#include "preload/relayed_sends.h"

namespace socksify {
namespace {

uint64_t KindOf(sa_family_t family, in_port_t port, uint32_t scope) {
  return uint64_t{scope} << 32 | uint64_t{port} << 16 | family;
}

// All zero for what is no address.
PathKey KeyOf(const sockaddr* address, socklen_t size) {
  PathKey key;
  if (address == nullptr || size < sizeof(sockaddr_in)) return key;
  sa_family_t family = AF_UNSPEC;
  // The pointer may be unaligned.
  std::memcpy(&family, address, sizeof family);
  if (family == AF_INET) {
    sockaddr_in v4;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    std::memcpy(&v4, static_cast<const void*>(address), sizeof v4);
    key.kind = KindOf(family, v4.sin_port, 0);
    key.low = v4.sin_addr.s_addr;
  } else if (family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    std::memcpy(&v6, static_cast<const void*>(address), sizeof v6);
    key.kind = KindOf(family, v6.sin6_port, v6.sin6_scope_id);
    std::memcpy(&key.high, &v6.sin6_addr, sizeof key.high);
    std::memcpy(&key.low, v6.sin6_addr.s6_addr + sizeof key.high, sizeof key.low);
  }
  return key;
}

size_t SlotOf(const PathKey& key) {
  // The bits in the middle of the product depend on all that differ between destinations.
  return ((key.kind ^ key.high ^ key.low) * 0x9e3779b97f4a7c15 >> 32) % RelayedSocket::kKnownPaths;
}

}  // namespace

bool DecideForPeer(Runtime* runtime, int fd, Decision* decision) {
  const std::optional<Connection> connection = g_descriptors.Find(fd);
  const auto peer =
      connection ? EndpointFromSockaddr(&connection->peer.generic, connection->peer_size) : std::nullopt;
  if (!peer) {
    errno = EDESTADDRREQ;
    return false;
  }
  Decide(runtime, fd, *peer, Transport::kUdp, decision);
  // Queries to a name server are for those who asked to be connected to one.
  switch (JudgeDatagram(runtime, decision)) {
    case DatagramWay::kRelay:
    case DatagramWay::kAnswer: return true;
    case DatagramWay::kPass: errno = ENETUNREACH; return false;
    case DatagramWay::kRefuse: break;
  }
  Refuse(runtime, *decision, *decision->failure, "udp");
  return false;
}

bool IsForPeer(int fd, const Decision& decision) {
  if (!IsConnectedByRelay(fd)) return false;
  const std::optional<Connection> connection = g_descriptors.Find(fd);
  const auto peer =
      connection ? EndpointFromSockaddr(&connection->peer.generic, connection->peer_size) : std::nullopt;
  if (!peer || peer->port() != decision.destination.port()) return false;
  return peer->ip().Unmapped() == (decision.is_fake ? decision.fake : decision.destination.ip());
}

bool Prepare(Runtime* runtime, int fd, RelayedSocket* socket, const Decision& decision, bool is_to_peer,
             Outgoing* out) {
  RelayData data;
  Relay* const relay = FindPath(runtime, fd, socket, decision, &data);
  if (relay == nullptr) return false;
  out->header.size = 0;
  out->address = data.address;
  out->address_size = data.address_size;
  if (!data.is_direct) {
    MakeUdpHeader(decision.destination, &out->header);
  } else {
    SocketAddress address{};
    if (data.address_size == 0) {
      out->address_size =
          ToSockaddr(decision.destination.ip(), decision.destination.port(), socket->family, &address);
      std::memcpy(&out->address, &address, sizeof out->address);
    }
    out->address.sin6_port = htons(decision.destination.port());
  }
  if (!is_to_peer) return true;
  if (socket->connected_to.load(std::memory_order_acquire) != relay) {
    if (libc::connect(fd, reinterpret_cast<const sockaddr*>(&out->address), out->address_size) != 0)
      return false;
    socket->connected_to = relay;
  }
  out->address_size = 0;
  return true;
}

bool RecallPath(const RelayedSocket& socket, const sockaddr* address, socklen_t size, KnownPath* out) {
  const bool is_to_peer = address == nullptr;
  const PathKey key = KeyOf(address, size);
  if (!is_to_peer && key == PathKey()) return false;
  const Versioned<KnownPath>& place = is_to_peer ? socket.peer_path : socket.known_paths[SlotOf(key)];
  if (!place.Read(out) || out->generation != socket.generation.load(std::memory_order_acquire)) return false;
  return out->key == key && IsFresh(out->relay);
}

void RememberPath(Runtime* runtime, RelayedSocket* socket, uint32_t generation, const sockaddr* address,
                  socklen_t size, const Decision& decision, const Outgoing& way) {
  KnownPath known;
  known.generation = generation;
  known.key = KeyOf(address, size);
  // The address that the program binds the socket to may change what the table says.
  if (runtime->config()->routes.needs_source() || way.header.size > sizeof known.header ||
      way.header.size == 0)
    return;
  if (address != nullptr && known.key == PathKey()) return;
  RelayData data;
  known.relay = Relays::FindRelay(*socket, KeyFor(decision), &data);
  if (known.relay == nullptr) return;
  known.address = way.address;
  known.address_size = way.address_size;
  known.header_size = static_cast<uint8_t>(way.header.size);
  std::memcpy(known.header, way.header.bytes.data(), way.header.size);
  g_relays.Remember(address != nullptr ? &socket->known_paths[SlotOf(known.key)] : &socket->peer_path, known);
}

}  // namespace socksify
