// SPDX-License-Identifier: BSD-2-Clause
#include "preload/outbound.h"

#include <fcntl.h>
#include <netinet/in.h>

#include <atomic>
#include <cstddef>
#include <cstring>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "preload/connections.h"
#include "preload/datagrams.h"
#include "preload/decision.h"
#include "preload/dns_by_hand.h"
#include "preload/first_page.h"
#include "preload/originals.h"
#include "preload/peers.h"
#include "preload/pending.h"
#include "preload/pending_calls.h"
#include "preload/relayed_sends.h"
#include "preload/set_up_stack.h"
#include "preload/watches.h"

namespace socksify {
namespace {

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

constinit std::atomic<bool> g_has_opened_tables = false;

// Before the first connection by a proxy, and like the configuration on a stack of its own.
[[gnu::cold, gnu::noinline]] void OpenTables(Runtime* runtime, int fd) {
  const ErrnoKeeper keeper;
  const SignalsBlocked blocked;
  const CancellationOff cancellation_off;
  CallOnOwnStack([=] {
    runtime->health();
    runtime->peer_table();
    PrepareToShare(fd);
    // The dynamic linker takes some KiB to find each of these, too.
    MonotonicMs();
    char nothing = 0;
    explicit_bzero(&nothing, sizeof nothing);
    libc::getsockopt.get();
    libc::sendto.get();
    libc::recv.get();
    libc::ppoll.get();
    libc::close.get();
  });
  g_has_opened_tables.store(true, std::memory_order_relaxed);
}

// connect(2) on a socket that somebody else may have connected: the errno of one that is. A handshake would
// be sent on that connection: a socket that was connected by sendto(2), as ours are, takes MSG_FASTOPEN for
// the end of waiting.
std::optional<int> JudgeStranger(int fd, const sockaddr* address, socklen_t size) {
  constexpr unsigned kOurs = kFreshStream | kUnshared;
  if ((g_descriptors.Flags(fd) & (kOurs | kHasCopies)) == kOurs) return std::nullopt;
  SocketAddress peer{};
  socklen_t peer_size = sizeof peer;
  const ErrnoKeeper keeper;
  if (::getpeername(fd, &peer.generic, &peer_size) != 0) return std::nullopt;
  if ((g_descriptors.Flags(fd) & kHasConnection) != 0) return EISCONN;
  // Another process has not come to the end of its handshake.
  if (MayLeadToProxy(&peer.generic, peer_size)) return EALREADY;
  return libc::connect(fd, address, size) == 0 ? 0 : errno;
}

int ConnectByProxy(Runtime* runtime, int fd, const sockaddr* address, socklen_t size,
                   const Decision& decision) {
  if (const std::optional<int> error = JudgeStranger(fd, address, size)) return *error;
  // A copy may be another program's by now, and the socket another process's, too.
  const bool is_known = (g_descriptors.Flags(fd) & (kKnownBlocking | kHasCopies)) == kKnownBlocking;
  const int file_flags = is_known ? 0 : libc::fcntl(fd, F_GETFL);
  if (file_flags < 0) return errno;
  // A handshake would meet the end of the stream. Dissolving the connection that is not there undoes it.
  if ((g_descriptors.Flags(fd) & kShutDownEarly) != 0) UndoFailedConnect(fd);
  const bool is_nonblocking = (file_flags & O_NONBLOCK) != 0;
  if (!g_has_opened_tables.load(std::memory_order_relaxed)) [[unlikely]]
    OpenTables(runtime, fd);
  AttemptOptions options = runtime->OptionsFor(*decision.rule);
  options.is_nonblocking = is_nonblocking;
  options.allows_early_data = (g_descriptors.Flags(fd) & kOfStream) == 0;
  options.is_bound = (g_descriptors.Flags(fd) & kBound) != 0;
  const bool wants_report = runtime->reporter().wants_connections();
  SignalsBlocked blocked;
  const int error = g_pendings.Start(fd,
                                     {.address = address,
                                      .address_size = size,
                                      .rule = decision.rule,
                                      .destination = &decision.destination,
                                      .options = options,
                                      .wants_time = wants_report,
                                      .wants_identity = !is_known || wants_report || HasLentMemory()},
                                     blocked);
  if (error != 0) return error;
  return is_nonblocking ? EINPROGRESS : AwaitStartedConnect(fd, &blocked);
}

int ConnectStream(Runtime* runtime, int fd, const sockaddr* address, socklen_t size,
                  const Decision& decision) {
  if (decision.failure != nullptr) return Refuse(runtime, decision, *decision.failure, "tcp");
  if (decision.IsPlainDirect()) {
    g_watches.EndFresh(fd);
    g_descriptors.ClearFlags(fd, kFreshStream | kUnshared | kKnownBlocking);
    return ConnectDirect(runtime, fd, address, size, decision, "tcp");
  }
  const int saved_errno = errno;
  const int error = ConnectByProxy(runtime, fd, address, size, decision);
  errno = error != 0 ? error : saved_errno;
  return error == 0 ? 0 : -1;
}

int ConnectDatagram(Runtime* runtime, int fd, const sockaddr* address, socklen_t size, Decision* decision) {
  const DatagramWay way = JudgeDatagram(runtime, decision);
  // What the kernel has such a socket connected to is another address than the program knows.
  const bool changes_way = (IsConnectedToNameServer(fd) && way != DatagramWay::kAnswer) ||
                           (IsConnectedByRelay(fd) && way != DatagramWay::kRelay);
  if (way != DatagramWay::kPass && IsBarredByV6Only(fd, address, size)) {
    errno = ENETUNREACH;
    return -1;
  }
  if (changes_way && way != DatagramWay::kRefuse) DissolveDatagramConnection(fd);
  switch (way) {
    case DatagramWay::kPass: return ConnectDirect(runtime, fd, address, size, *decision, "udp");
    case DatagramWay::kAnswer: return ConnectToNameServer(fd, address, size);
    case DatagramWay::kRelay: return ConnectRelayed(runtime, fd, address, size, *decision);
    case DatagramWay::kRefuse: break;
  }
  return Refuse(runtime, *decision, *decision->failure, "udp");
}

}  // namespace

bool MayGoDirect(Runtime* runtime, const Endpoint& server) {
  Decision decision;
  Decide(runtime, -1, server, Transport::kTcp, &decision);
  if (decision.failure != nullptr) return false;
  for (const auto* targets : {&decision.rule->group, &decision.rule->fallback}) {
    for (const Target& target : *targets) {
      if (target.kind == Target::Kind::kDirect) return true;
    }
  }
  return false;
}

bool GoesDirect(Runtime* runtime, const Endpoint& server, Transport transport) {
  Decision decision;
  Decide(runtime, -1, server, transport, &decision);
  return decision.IsPlainDirect();
}

bool IsInternetAddress(const sockaddr* address, socklen_t size) {
  if (IsInFirstPage(address)) return false;
  // The kernel refuses what is longer than any address.
  if (size > sizeof(sockaddr_storage)) return false;
  if (size < offsetof(sockaddr, sa_family) + sizeof(sa_family_t)) return false;
  return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

bool IsInternetDestination(const sockaddr* address, socklen_t size) {
  if (IsInternetAddress(address, size)) return true;
  return !IsInFirstPage(address) && size >= sizeof(sockaddr_in) && size <= sizeof(sockaddr_storage) &&
         address->sa_family == AF_UNSPEC;
}

std::optional<int> JudgeRepetition(int fd) {
  const unsigned flags = g_descriptors.Flags(fd);
  if ((flags & (kPending | kConnectFailed | kHasConnection)) == 0) return std::nullopt;
  if ((flags & kPending) != 0) {
    if (g_pendings.EndAbandoned(fd)) return std::nullopt;
    const Progress progress = g_pendings.Advance(fd);
    if (progress == Progress::kWaiting || progress == Progress::kFailed) return ConnectAgain(fd);
    if ((g_descriptors.Flags(fd) & kHasConnection) == 0) return std::nullopt;
  }
  if (!FindConnection(fd)) {
    if ((flags & kConnectFailed) == 0) return std::nullopt;
    UndoFailedConnect(fd);
    return ECONNABORTED;
  }
  // The kernel does the same: the first call after a connection has come about says so, the next EISCONN.
  if ((g_descriptors.Flags(fd) & kMayRepeatConnect) == 0) return EISCONN;
  ClearOfSocket(fd, kMayRepeatConnect);
  return 0;
}

namespace {

// Apart from its caller: what is set up before needs not have this on the stack.
[[gnu::noinline]] int ConnectByRoutes(Runtime* runtime, int fd, const sockaddr* address, socklen_t size) {
  const auto endpoint = EndpointFromSockaddr(address, size);
  Decision decision;
  switch (KindOf(fd)) {
    case SocketKind::kStream:
      if (const std::optional<int> repeated = JudgeRepetition(fd)) {
        if (*repeated == 0) return 0;
        errno = *repeated;
        return -1;
      }
      if (!endpoint) return libc::connect(fd, address, size);
      Decide(runtime, fd, *endpoint, Transport::kTcp, &decision);
      return ConnectStream(runtime, fd, address, size, decision);
    case SocketKind::kUdp:
      if (!endpoint) return libc::connect(fd, address, size);
      Decide(runtime, fd, *endpoint, Transport::kUdp, &decision);
      return ConnectDatagram(runtime, fd, address, size, &decision);
    case SocketKind::kOther:
      if (!endpoint) return libc::connect(fd, address, size);
      Decide(runtime, fd, *endpoint, Transport::kUdp, &decision);
      if (!decision.IsPlainDirect()) return RefuseOther(runtime, decision);
      return libc::connect(fd, address, size);
    case SocketKind::kNone: break;
  }
  return libc::connect(fd, address, size);
}

}  // namespace

int ConnectOutbound(int fd, const sockaddr* address, socklen_t size) {
  const bool is_pending = (g_descriptors.Flags(fd) & kPending) != 0;
  if (!is_pending && !ReadSockaddr(address, size)) return libc::connect(fd, address, size);
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr) return libc::connect(fd, address, size);
  return ConnectByRoutes(runtime, fd, address, size);
}

}  // namespace socksify
