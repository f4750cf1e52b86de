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

PathKey KeyOf(const sockaddr* address, socklen_t size) {
  PathKey key{};
  if (address == nullptr || size < sizeof(sockaddr_in)) return key;
  sockaddr_in6 copy{};
  std::memcpy(&copy, address, std::min<size_t>(size, sizeof copy));
  key.family = copy.sin6_family;
  key.port = copy.sin6_port;
  if (copy.sin6_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &copy, sizeof v4);
    std::memcpy(key.address, &v4.sin_addr, sizeof v4.sin_addr);
  } else if (copy.sin6_family == AF_INET6 && size >= sizeof copy) {
    std::memcpy(key.address, &copy.sin6_addr, sizeof key.address);
    key.scope = copy.sin6_scope_id;
  } else {
    key.family = AF_UNSPEC;
  }
  return key;
}

bool operator==(const PathKey& a, const PathKey& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

size_t SlotOf(const PathKey& key) {
  const unsigned mixed = unsigned{key.port} ^ key.address[3] ^ key.address[15] ^ key.address[7];
  return mixed % RelayedSocket::kKnownPaths;
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

bool RecallPath(const RelayedSocket& socket, const sockaddr* address, socklen_t size, Outgoing* out) {
  KnownPath known;
  const bool is_to_peer = address == nullptr;
  const PathKey key = KeyOf(address, size);
  if (!is_to_peer && key.family == AF_UNSPEC) return false;
  const Versioned<KnownPath>& place = is_to_peer ? socket.peer_path : socket.known_paths[SlotOf(key)];
  if (!place.Read(&known) || known.generation != socket.generation.load(std::memory_order_acquire))
    return false;
  if (!(known.key == key) || !IsFresh(known.relay)) return false;
  std::memcpy(out->header.bytes.data(), known.header, known.header_size);
  out->header.size = known.header_size;
  out->address = known.address;
  out->address_size = known.address_size;
  return true;
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
  if (address != nullptr && known.key.family == AF_UNSPEC) return;
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
