// SPDX-License-Identifier: BSD-2-Clause
#include "preload/outbound.h"

#include <fcntl.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstring>

#include "base/socket_address.h"
#include "preload/dns_by_hand.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/pending_calls.h"
#include "preload/watches.h"
#include "routing/name_server.h"

namespace socksify {
namespace {

constexpr Failure kNoRule = {Fault::kDestination, ENETUNREACH, -1, "no rule matches"};
constexpr Failure kBroken = {Fault::kDestination, EACCES, -1, "the configuration is in error"};
constexpr Failure kUnknownFake = {Fault::kDestination, EHOSTUNREACH, -1,
                                  "the fake address stands for no name"};
constexpr Failure kBlocked = {Fault::kDestination, EACCES, -1, "blocked by a rule"};
constexpr Failure kNoUdp = {Fault::kDestination, ENETUNREACH, -1,
                            "UDP through a proxy is not supported by this version"};
constexpr Failure kFakeDatagram = {Fault::kDestination, EHOSTUNREACH, -1,
                                   "a fake address cannot be reached by direct UDP in this version"};

// One call on its way: what it is for, and which rule decides.
struct Decision {
  Endpoint destination;
  const Rule* rule = nullptr;
  const Failure* failure = nullptr;  // decided without any attempt
  bool is_fake = false;              // the program knows the destination by a fake address

  // Straight through libc with the program's own arguments.
  bool IsPlainDirect() const {
    return failure == nullptr && !is_fake && rule->fallback.empty() && rule->group.size() == 1 &&
           rule->group[0].kind == Target::Kind::kDirect;
  }
};

// What the socket is bound to; 0.0.0.0:0 while it is not.
Endpoint LocalEndpoint(int fd) {
  SocketAddress local{};
  socklen_t size = sizeof local;
  if (libc::getsockname(fd, &local.generic, &size) != 0) return {};
  const auto endpoint = EndpointFromSockaddr(&local.generic, size);
  return endpoint ? Endpoint::FromIp(endpoint->ip().Unmapped(), endpoint->port()) : Endpoint();
}

Decision Decide(Runtime* runtime, int fd, const Endpoint& address, Transport transport) {
  Decision decision;
  decision.destination =
      address.is_name() ? address : Endpoint::FromIp(address.ip().Unmapped(), address.port());
  if (runtime->config() == nullptr) {
    // Without rules only what stays on this machine is certain not to be meant for a proxy.
    decision.rule = &runtime->loopback_rule();
    if (!decision.destination.ip().IsLoopback()) decision.failure = &kBroken;
    return decision;
  }
  if (!address.is_name() && runtime->IsFake(decision.destination.ip())) {
    decision.is_fake = true;
    FakeTable* const table = runtime->fake_table();
    const auto named =
        table != nullptr ? table->NameFor(decision.destination.ip(), address.port()) : std::nullopt;
    if (!named) {
      decision.failure = &kUnknownFake;
      return decision;
    }
    decision.destination = *named;
  }
  const RouteTable& routes = runtime->config()->routes;
  const Endpoint local = routes.needs_source() ? LocalEndpoint(fd) : Endpoint();
  const bool is_tcp = transport == Transport::kTcp;
  decision.rule = routes.Decide({.destination = decision.destination,
                                 .transport = transport,
                                 .command = is_tcp ? Command::kConnect : Command::kUdpAssociate,
                                 .source = local.ip().IsUnspecified() ? nullptr : &local.ip(),
                                 .process = runtime->process(),
                                 .source_port = local.port()});
  if (decision.rule == nullptr) decision.failure = &kNoRule;
  return decision;
}

// SO_TYPE or SO_DOMAIN; -1 for what is no socket.
int SocketOption(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return libc::getsockopt(fd, SOL_SOCKET, name, static_cast<void*>(&value), &size) == 0 ? value : -1;
}

int Refuse(Runtime* runtime, const Decision& decision, const Failure& failure, const char* protocol) {
  runtime->reporter().Connection({.destination = decision.destination,
                                  .protocol = protocol,
                                  .rule = decision.rule,
                                  .target = nullptr,
                                  .failure = &failure});
  errno = failure.error;
  return -1;
}

int ConnectDirect(Runtime* runtime, int fd, const sockaddr* address, socklen_t size, const Decision& decision,
                  const char* protocol) {
  if (!runtime->reporter().wants_connections()) return libc::connect(fd, address, size);
  const long long started_us = MonotonicUs();
  const int result = libc::connect(fd, address, size);
  const bool is_in_progress = result != 0 && errno == EINPROGRESS;
  const Failure failure = {Fault::kDestination, errno, -1, "direct connection"};
  runtime->reporter().Connection({.destination = decision.destination,
                                  .protocol = protocol,
                                  .rule = decision.rule,
                                  .target = &decision.rule->group[0],
                                  .failure = result == 0 || is_in_progress ? nullptr : &failure,
                                  .is_in_progress = is_in_progress,
                                  .elapsed_us = MonotonicUs() - started_us});
  return result;
}

int ConnectByProxy(Runtime* runtime, int fd, const sockaddr* address, socklen_t size,
                   const Decision& decision) {
  const int file_flags = libc::fcntl(fd, F_GETFL);
  if (file_flags < 0) return errno;
  // A handshake would meet the end of the stream. Dissolving the connection that is not there undoes it.
  if ((g_descriptors.Flags(fd) & kShutDownEarly) != 0) UndoFailedConnect(fd);
  const bool is_nonblocking = (file_flags & O_NONBLOCK) != 0;
  const Settings& settings = runtime->config()->settings;
  const int error = g_pendings.Start(fd, {.address = address,
                                          .address_size = size,
                                          .rule = decision.rule,
                                          .destination = &decision.destination,
                                          .options = {.connect_timeout_ms = settings.connect_timeout_ms,
                                                      .negotiate_timeout_ms = settings.negotiate_timeout_ms,
                                                      .draw = runtime->Draw(*decision.rule),
                                                      .is_nonblocking = is_nonblocking,
                                                      .health = runtime->health(),
                                                      .is_bound = (g_descriptors.Flags(fd) & kBound) != 0},
                                          .wants_time = runtime->reporter().wants_connections()});
  if (error != 0) return error;
  return is_nonblocking ? EINPROGRESS : AwaitConnect(fd);
}

int ConnectStream(Runtime* runtime, int fd, const sockaddr* address, socklen_t size,
                  const Decision& decision) {
  if (decision.failure != nullptr) return Refuse(runtime, decision, *decision.failure, "tcp");
  if (decision.IsPlainDirect()) {
    g_watches.EndFresh(fd);
    g_descriptors.ClearFlags(fd, kFreshStream);
    return ConnectDirect(runtime, fd, address, size, decision, "tcp");
  }
  const int saved_errno = errno;
  const int error = ConnectByProxy(runtime, fd, address, size, decision);
  errno = error != 0 ? error : saved_errno;
  return error == 0 ? 0 : -1;
}

// Why a datagram may not go to its destination; null when it goes direct, as it is.
const Failure* JudgeDatagram(const Decision& decision) {
  if (decision.failure != nullptr) return decision.failure;
  if (decision.IsPlainDirect()) return nullptr;
  switch (decision.rule->group[0].kind) {
    case Target::Kind::kBlock: return &kBlocked;
    case Target::Kind::kDirect: return decision.is_fake ? &kFakeDatagram : nullptr;
    case Target::Kind::kProxies: break;
  }
  return &kNoUdp;
}

// Whether it is a query to a name server, to be answered here: where UDP goes through a proxy, and where the
// server is direct by autoroute alone, such as the stub of a local resolver: it would ask for every name in
// the open.
bool IsForNameServer(Runtime* runtime, const Decision& decision, const Failure* failure, uint16_t port) {
  if (port != kDnsPort) return false;
  if (failure != nullptr) return failure == &kNoUdp;
  // While the configuration is in error even the question would leak.
  if (runtime->config() == nullptr) return true;
  return decision.rule->where.line == 0 && *decision.rule->where.source == "autoroute";
}

}  // namespace

bool MayGoDirect(Runtime* runtime, const Endpoint& server) {
  const Decision decision = Decide(runtime, -1, server, Transport::kTcp);
  if (decision.failure != nullptr) return false;
  for (const auto* targets : {&decision.rule->group, &decision.rule->fallback}) {
    for (const Target& target : *targets) {
      if (target.kind == Target::Kind::kDirect) return true;
    }
  }
  return false;
}

bool GoesDirect(Runtime* runtime, const Endpoint& server, Transport transport) {
  return Decide(runtime, -1, server, transport).IsPlainDirect();
}

bool IsInternetAddress(const sockaddr* address, socklen_t size) {
  // The first page is never mapped (vm.mmap_min_addr).
  if (reinterpret_cast<uintptr_t>(address) < 4096) return false;
  if (size < offsetof(sockaddr, sa_family) + sizeof(sa_family_t)) return false;
  return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

bool IsInternetDestination(const sockaddr* address, socklen_t size) {
  if (IsInternetAddress(address, size)) return true;
  return reinterpret_cast<uintptr_t>(address) >= 4096 && size >= sizeof(sockaddr_in) &&
         address->sa_family == AF_UNSPEC;
}

std::optional<int> JudgeRepetition(int fd) {
  const unsigned flags = g_descriptors.Flags(fd);
  if ((flags & (kPending | kConnectFailed | kHasConnection)) == 0) return std::nullopt;
  if ((flags & kPending) != 0) {
    if (g_pendings.EndAbandoned(fd)) return std::nullopt;
    const bool is_over = g_pendings.Advance(fd) == Progress::kNone;
    if (!is_over || (g_descriptors.Flags(fd) & kHasConnection) != 0) return ConnectAgain(fd);
    return std::nullopt;
  }
  if (!FindConnection(fd)) {
    if ((flags & kConnectFailed) == 0) return std::nullopt;
    UndoFailedConnect(fd);
    return ECONNABORTED;
  }
  // The kernel does the same: the first call after a connection has come about says so, the next EISCONN.
  if ((flags & kMayRepeatConnect) == 0) return EISCONN;
  ClearOfSocket(fd, kMayRepeatConnect);
  return 0;
}

int ConnectOutbound(int fd, const sockaddr* address, socklen_t size) {
  const auto endpoint = EndpointFromSockaddr(address, size);
  const bool is_pending = (g_descriptors.Flags(fd) & kPending) != 0;
  if (!endpoint && !is_pending) return libc::connect(fd, address, size);
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr) return libc::connect(fd, address, size);
  switch (SocketOption(fd, SO_TYPE)) {
    case SOCK_STREAM:
      if (const std::optional<int> repeated = JudgeRepetition(fd)) {
        if (*repeated == 0) return 0;
        errno = *repeated;
        return -1;
      }
      if (!endpoint) return libc::connect(fd, address, size);
      return ConnectStream(runtime, fd, address, size, Decide(runtime, fd, *endpoint, Transport::kTcp));
    case SOCK_DGRAM: {
      if (!endpoint) return libc::connect(fd, address, size);
      const Decision decision = Decide(runtime, fd, *endpoint, Transport::kUdp);
      const Failure* const failure = JudgeDatagram(decision);
      if (IsForNameServer(runtime, decision, failure, endpoint->port()))
        return ConnectToNameServer(fd, address, size);
      if (failure != nullptr) return Refuse(runtime, decision, *failure, "udp");
      if (IsConnectedToNameServer(fd)) DissolveNameServer(fd);
      return ConnectDirect(runtime, fd, address, size, decision, "udp");
    }
    default: return libc::connect(fd, address, size);
  }
}

AddressedSend JudgeAddressedSend(int fd, const sockaddr* address, socklen_t size, int flags) {
  if (address->sa_family == AF_UNSPEC) {
    // An AF_INET datagram socket reads it as AF_INET; all others refuse it or ignore it.
    if (SocketOption(fd, SO_TYPE) != SOCK_DGRAM || SocketOption(fd, SO_DOMAIN) != AF_INET)
      return AddressedSend::kPass;
    sockaddr_in as_internet{};
    std::memcpy(&as_internet, address, sizeof as_internet);
    as_internet.sin_family = AF_INET;
    return JudgeAddressedSend(fd, reinterpret_cast<const sockaddr*>(&as_internet), sizeof as_internet, flags);
  }
  const auto endpoint = EndpointFromSockaddr(address, size);
  if (!endpoint) return AddressedSend::kPass;
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr) return AddressedSend::kPass;
  const Decision datagram = Decide(runtime, fd, *endpoint, Transport::kUdp);
  const Failure* const failure = JudgeDatagram(datagram);
  const bool is_fast_open = (flags & MSG_FASTOPEN) != 0;
  const bool is_query = IsForNameServer(runtime, datagram, failure, endpoint->port());
  if (failure == nullptr && !is_fast_open && !is_query) return AddressedSend::kPass;
  const int type = SocketOption(fd, SO_TYPE);
  if (type == SOCK_STREAM) {
    // A stream socket heeds the address only to connect (tcp(7)).
    if (!is_fast_open || Decide(runtime, fd, *endpoint, Transport::kTcp).IsPlainDirect())
      return AddressedSend::kPass;
    return AddressedSend::kConnectFirst;
  }
  if (type != SOCK_DGRAM) return AddressedSend::kPass;
  if (is_query) return AddressedSend::kAnswer;
  if (failure == nullptr) return AddressedSend::kPass;
  Refuse(runtime, datagram, *failure, "udp");
  return AddressedSend::kRefuse;
}

}  // namespace socksify
