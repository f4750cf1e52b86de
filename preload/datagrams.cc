// SPDX-License-Identifier: BSD-2-Clause
#include "preload/datagrams.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "base/socket_address.h"
#include "dialer/udp_association.h"
#include "preload/connections.h"
#include "preload/hidden_descriptors.h"
#include "preload/originals.h"
#include "preload/relayed_path.h"
#include "preload/relayed_sends.h"
#include "protocol/udp_header.h"
#include "routing/name_server.h"
#include "routing/udp_paths.h"

namespace socksify {
namespace {

constexpr Failure kBlocked = {Fault::kDestination, EACCES, -1, "blocked by a rule"};
constexpr Failure kNotCarried = {Fault::kDestination, ENETUNREACH, -1, "only TCP and UDP go through a proxy"};
constexpr Failure kNoFamily = {Fault::kServer, EAFNOSUPPORT, -1,
                               "an IPv4 datagram socket cannot reach an IPv6 relay"};
constexpr Failure kNameUnknown = {Fault::kDestination, EHOSTUNREACH, -1,
                                  "the name cannot be resolved locally"};

// How long a relay is taken to be alive without a look at its connection. One look is a system call or two,
// about as much as a datagram.
constexpr long long kCheckIntervalMs = 10;
// After a failure nobody is asked again for this many times as long as it took, so that a program which does
// not expect a send to block is held up for a small part of its time only.
constexpr long long kPauseFactor = 10;
constexpr long long kMaxPauseMs = 30'000;

// Whether it is a query to a name server, to be answered here: where UDP goes through a proxy, and where the
// server is direct by autoroute alone, such as the stub of a local resolver: it would ask for every name in
// the open.
bool IsForNameServer(const Runtime& runtime, const Decision& decision, DatagramWay way) {
  if (decision.destination.port() != kDnsPort) return false;
  if (way == DatagramWay::kRelay || decision.failure == &kNoUdpPath) return true;
  if (way != DatagramWay::kPass && runtime.config() != nullptr) return false;
  // While the configuration is in error even the question would leak.
  if (runtime.config() == nullptr) return decision.failure == nullptr;
  return decision.rule->where.line == 0 && *decision.rule->where.source == "autoroute";
}

socklen_t SetAddress(const IpAddress& ip, uint16_t port, int family, sockaddr_in6* out) {
  SocketAddress address{};
  const socklen_t size = ToSockaddr(ip, port, family, &address);
  std::memcpy(out, &address, sizeof *out);
  return size;
}

bool IsV6Only(int fd) {
  int v6_only = 0;
  socklen_t size = sizeof v6_only;
  return libc::getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, static_cast<void*>(&v6_only), &size) == 0 &&
         v6_only != 0;
}

// IPV6_V6ONLY bars ::ffff:a.b.c.d (ipv6(7)). It can be taken off while the socket is unbound; the program is
// told that it is on.
void AllowMapped(int fd, const RelayData& relay) {
  if (relay.address.sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&relay.address.sin6_addr)) return;
  if (!IsV6Only(fd)) return;
  const int off = 0;
  if (libc::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, static_cast<const void*>(&off),
                       static_cast<socklen_t>(sizeof off)) == 0)
    MarkDescriptor(fd, kV6OnlyToProgram);
}

// Whether somebody wants to read that the socket sends there, and has not been told.
bool IsNews(const Runtime& runtime, RelayedSocket* socket, const Decision& decision) {
  if (!runtime.reporter().wants_connections()) return false;
  const Endpoint& destination = decision.destination;
  const std::span<const uint8_t> ip = destination.ip().bytes();
  size_t hash = std::hash<std::string_view>()(destination.name());
  hash ^= std::hash<std::string_view>()({reinterpret_cast<const char*>(ip.data()), ip.size()});
  const uint32_t mixed = static_cast<uint32_t>(hash ^ hash >> 32) * 31 + destination.port();
  std::atomic<uint32_t>& place = socket->reported[mixed % socket->reported.size()];
  return place.exchange(mixed | 1, std::memory_order_relaxed) != (mixed | 1);
}

// The real address of a name whose path is direct, or none for an address.
std::optional<Failure> SetDirect(const Decision& decision, int family, RelayData* out) {
  out->is_direct = true;
  if (!decision.destination.is_name()) return std::nullopt;
  std::array<IpAddress, 8> addresses;
  const std::string name(decision.destination.name());
  const size_t count = OriginalSystem().resolve(name.c_str(), addresses);
  for (size_t i = 0; i < count && out->address_size == 0; ++i)
    out->address_size = SetAddress(addresses[i], decision.destination.port(), family, &out->address);
  return out->address_size != 0 ? std::nullopt : std::optional(kNameUnknown);
}

// `ended_cookie` is that of the association in whose place a new one comes, 0 for none.
Relay* MakePath(Runtime* runtime, int fd, RelayedSocket* socket, const Decision& decision, RelayData* out,
                uint64_t ended_cookie) {
  const long long started_us = MonotonicUs();
  if (const auto error = g_relays.PausedError(decision.rule, started_us / 1000)) {
    errno = *error;
    return nullptr;
  }
  AttemptOptions options = runtime->OptionsFor(*decision.rule);
  const unsigned limit_ms = socket->step_limit_ms;
  options.connect_timeout_ms = std::min(options.connect_timeout_ms, limit_ms);
  options.negotiate_timeout_ms = std::min(options.negotiate_timeout_ms, limit_ms);
  const UdpAssociation made = Associate(OriginalSystem(), *decision.rule, decision.destination, options);
  std::optional<Failure> failure = made.failure;
  RelayData data;
  data.key = KeyFor(decision);
  if (!failure && made.is_direct) {
    failure = SetDirect(decision, socket->family, &data);
  } else if (!failure) {
    data.control_fd = Hide(made.control_fd);
    data.control_cookie = SocketCookie(data.control_fd);
    data.address_size = SetAddress(made.relay.ip(), made.relay.port(), socket->family, &data.address);
    if (data.address_size == 0) {
      CloseHidden(data.control_fd, data.control_cookie);
      failure = kNoFamily;
    }
  }
  const long long elapsed_us = MonotonicUs() - started_us;
  data.target = made.target;
  if (failure || IsNews(*runtime, socket, decision)) {
    runtime->reporter().Connection({.destination = decision.destination,
                                    .protocol = "udp",
                                    .rule = decision.rule,
                                    .target = made.target,
                                    .failure = failure ? &*failure : nullptr,
                                    .elapsed_us = elapsed_us});
  }
  if (failure && !made.failure) {
    errno = failure->error;
    return nullptr;
  }
  if (failure) {
    const long long pause_ms = std::min(elapsed_us * kPauseFactor / 1000, kMaxPauseMs);
    g_relays.Pause(decision.rule, failure->error, (started_us + elapsed_us) / 1000 + pause_ms);
    errno = failure->error;
    return nullptr;
  }
  AllowMapped(fd, data);
  Relay* const relay = g_relays.Enter(socket, data, ended_cookie);
  if (relay == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  relay->checked_ms = CoarseMs();
  relay->used_ms = CoarseMs();
  // Most proxies tell the address of a name.
  const IpAddress& ip = decision.destination.ip();
  if (!data.is_direct) socket->header_size = ip.is_v6() ? kUdpIpv6HeaderSize : kUdpIpv4HeaderSize;
  // Its address is another one now.
  Relay* expected = relay;
  socket->connected_to.compare_exchange_strong(expected, nullptr);
  if (relay->data.Read(out)) return relay;
  errno = EAGAIN;
  return nullptr;
}

}  // namespace

DatagramWay JudgeOwnDatagram(Decision* decision) {
  if (decision->failure != nullptr) return DatagramWay::kRefuse;
  const Rule& rule = *decision->rule;
  switch (rule.group[0].kind) {
    case Target::Kind::kDirect: return decision->is_fake ? DatagramWay::kRelay : DatagramWay::kPass;
    case Target::Kind::kBlock: decision->failure = &kBlocked; return DatagramWay::kRefuse;
    case Target::Kind::kProxies: break;
  }
  decision->failure = FindUdpObstacle(rule, decision->destination);
  return decision->failure == nullptr ? DatagramWay::kRelay : DatagramWay::kRefuse;
}

DatagramWay JudgeDatagram(Runtime* runtime, Decision* decision) {
  const DatagramWay way = JudgeOwnDatagram(decision);
  return IsForNameServer(*runtime, *decision, way) ? DatagramWay::kAnswer : way;
}

SocketKind KindOf(int fd) {
  // A socket that was made where we saw it is known.
  if ((g_descriptors.Flags(fd) & (kFreshStream | kHasConnection)) == kFreshStream) return SocketKind::kStream;
  switch (SocketOption(fd, SO_TYPE)) {
    case -1: return SocketKind::kNone;
    case SOCK_STREAM: return SocketKind::kStream;
    case SOCK_DGRAM:
      if (SocketOption(fd, SO_PROTOCOL) == IPPROTO_UDP) return SocketKind::kUdp;
      break;
    default: break;
  }
  const int domain = SocketOption(fd, SO_DOMAIN);
  return domain == AF_INET || domain == AF_INET6 ? SocketKind::kOther : SocketKind::kNone;
}

bool IsBarredByV6Only(int fd, const sockaddr* address, socklen_t size) {
  sockaddr_in6 destination{};
  if (address->sa_family != AF_INET6) return false;
  std::memcpy(&destination, address, std::min<size_t>(size, sizeof destination));
  if (!IN6_IS_ADDR_V4MAPPED(&destination.sin6_addr)) return false;
  return (g_descriptors.Flags(fd) & kV6OnlyToProgram) != 0 || IsV6Only(fd);
}

int RefuseOther(Runtime* runtime, const Decision& decision) {
  return Refuse(runtime, decision, decision.failure != nullptr ? *decision.failure : kNotCarried, "udp");
}

AddressedSend JudgeAddressedSend(int fd, const sockaddr* address, socklen_t size, int flags,
                                 Decision* decision) {
  const unsigned known = g_descriptors.Flags(fd);
  const bool is_known_datagram = (known & (kDatagram | kRelayed)) != 0;
  if (address->sa_family == AF_UNSPEC) {
    // An AF_INET datagram socket reads it as AF_INET; all others refuse it or ignore it.
    if (KindOf(fd) != SocketKind::kUdp) return AddressedSend::kPass;
    if (SocketOption(fd, SO_DOMAIN) != AF_INET) {
      // To an AF_INET6 one it is no address at all.
      Runtime* const runtime = Runtime::Get();
      if (!IsConnectedByRelay(fd) || runtime == nullptr) return AddressedSend::kPass;
      return DecideForPeer(runtime, fd, decision) ? AddressedSend::kRelay : AddressedSend::kRefuse;
    }
    sockaddr_in as_internet{};
    std::memcpy(&as_internet, address, sizeof as_internet);
    as_internet.sin_family = AF_INET;
    return JudgeAddressedSend(fd, reinterpret_cast<const sockaddr*>(&as_internet), sizeof as_internet, flags,
                              decision);
  }
  const auto endpoint = EndpointFromSockaddr(address, size);
  if (!endpoint) return AddressedSend::kPass;
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr) return AddressedSend::kPass;
  Decide(runtime, fd, *endpoint, Transport::kUdp, decision);
  const DatagramWay way = JudgeDatagram(runtime, decision);
  const bool is_fast_open = (flags & MSG_FASTOPEN) != 0;
  if (way == DatagramWay::kPass && !is_fast_open) return AddressedSend::kPass;
  const SocketKind kind = is_known_datagram ? SocketKind::kUdp : KindOf(fd);
  if (kind == SocketKind::kStream) {
    // A stream socket heeds the address only to connect (tcp(7)).
    if (!is_fast_open) return AddressedSend::kPass;
    Decide(runtime, fd, *endpoint, Transport::kTcp, decision);
    return decision->IsPlainDirect() ? AddressedSend::kPass : AddressedSend::kConnectFirst;
  }
  if (kind == SocketKind::kNone || way == DatagramWay::kPass) return AddressedSend::kPass;
  if (kind == SocketKind::kOther) {
    RefuseOther(runtime, *decision);
    return AddressedSend::kRefuse;
  }
  if (IsBarredByV6Only(fd, address, size)) {
    errno = ENETUNREACH;
    return AddressedSend::kRefuse;
  }
  switch (way) {
    case DatagramWay::kPass: return AddressedSend::kPass;
    case DatagramWay::kAnswer: return AddressedSend::kAnswer;
    case DatagramWay::kRelay: return AddressedSend::kRelay;
    case DatagramWay::kRefuse: break;
  }
  Refuse(runtime, *decision, *decision->failure, "udp");
  return AddressedSend::kRefuse;
}

RelayKey KeyFor(const Decision& decision) {
  RelayKey key = {.rule = decision.rule,
                  .is_for_name = decision.is_fake,
                  .fake = decision.is_fake ? decision.fake : IpAddress()};
  if (decision.rule->balance == Balance::kHash && decision.rule->group.size() > 1) {
    std::array<const Target*, RouteTable::kMaxTargets> targets{};
    OrderTargets(*decision.rule, decision.destination, 0, targets);
    key.first = targets[0];
  }
  return key;
}

bool IsFresh(Relay* relay) {
  const long long now_ms = CoarseMs();
  if (relay->used_ms.load(std::memory_order_relaxed) != now_ms)
    relay->used_ms.store(now_ms, std::memory_order_relaxed);
  return now_ms - relay->checked_ms.load(std::memory_order_relaxed) < kCheckIntervalMs;
}

Relay* FindPath(Runtime* runtime, int fd, RelayedSocket* socket, const Decision& decision, RelayData* out) {
  Relay* const relay = Relays::FindRelay(*socket, KeyFor(decision), out);
  if (relay == nullptr) return MakePath(runtime, fd, socket, decision, out, 0);
  if (!out->is_direct && !IsFresh(relay)) {
    const bool is_alive = SocketCookie(out->control_fd) == out->control_cookie &&
                          IsAssociationAlive(OriginalSystem(), out->control_fd);
    if (!is_alive) return MakePath(runtime, fd, socket, decision, out, out->control_cookie);
    relay->checked_ms = CoarseMs();
  }
  if (IsNews(*runtime, socket, decision)) {
    runtime->reporter().Connection({.destination = decision.destination,
                                    .protocol = "udp",
                                    .rule = decision.rule,
                                    .target = out->target});
  }
  return relay;
}

int ConnectRelayed(Runtime* runtime, int fd, const sockaddr* address, socklen_t size,
                   const Decision& decision) {
  const int family = SocketOption(fd, SO_DOMAIN);
  const auto peer = EndpointFromSockaddr(address, size);
  if (!peer || (family == AF_INET && address->sa_family != AF_INET)) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  RelayedSocket* const socket = g_relays.Provide(fd, family);
  if (socket == nullptr) {
    errno = ENOBUFS;
    return -1;
  }
  RelayData placeholder;
  Failure failure = kNoFamily;
  int result = -1;
  std::array<const Target*, RouteTable::kMaxTargets> targets{};
  const size_t count = OrderTargets(*decision.rule, decision.destination, 0, targets);
  // Answers may be on their way from the relay that there is.
  Relay* relay = Relays::FindRelay(*socket, KeyFor(decision), &placeholder);
  if (relay != nullptr && !placeholder.is_direct)
    result = libc::connect(fd, placeholder.generic(), placeholder.address_size);
  if (result != 0) relay = nullptr;
  for (size_t i = 0; i < count && result != 0; ++i) {
    if (targets[i]->kind == Target::Kind::kBlock) break;
    if (targets[i]->kind == Target::Kind::kProxies && !CanCarryUdp(*targets[i])) continue;
    const Endpoint& next =
        targets[i]->kind == Target::Kind::kDirect ? decision.destination : targets[i]->hops[0]->address;
    std::array<IpAddress, 8> addresses{next.ip()};
    size_t found = 1;
    if (next.is_name()) found = OriginalSystem().resolve(std::string(next.name()).c_str(), addresses);
    for (size_t j = 0; j < found && result != 0; ++j) {
      placeholder.address_size =
          SetAddress(addresses[j].Unmapped(), next.port(), family, &placeholder.address);
      if (placeholder.address_size == 0) continue;
      AllowMapped(fd, placeholder);
      result = libc::connect(fd, placeholder.generic(), placeholder.address_size);
      if (result != 0) failure = {Fault::kServer, errno, -1, "the proxy cannot be reached"};
    }
  }
  if (result != 0) return Refuse(runtime, decision, failure, "udp");
  const int saved_errno = errno;
  socket->connected_to = relay;
  ++socket->generation;
  Connection connection = {.cookie = SocketCookie(fd)};
  connection.peer_size = ToSockaddr(peer->ip(), peer->port(), family, &connection.peer);
  char nothing = 0;
  socket->has_queued = libc::recv(fd, static_cast<void*>(&nothing), size_t{0}, MSG_PEEK | MSG_DONTWAIT) >= 0;
  errno = saved_errno;
  RecordOfSocket(fd, connection);
  return 0;
}

}  // namespace socksify
