// SPDX-License-Identifier: BSD-2-Clause
// What a program asks and tells its sockets: names, options, local addresses.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <cstring>

#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "preload/datagrams.h"
#include "preload/listening.h"
#include "preload/originals.h"
#include "preload/outbound.h"
#include "preload/peers.h"
#include "preload/pending.h"
#include "preload/pending_calls.h"
#include "preload/relayed_sends.h"
#include "preload/runtime.h"

namespace socksify {
namespace {

int ReadIntOption(const void* value, socklen_t size) {
  int number = 0;
  if (value != nullptr && size >= sizeof number) std::memcpy(&number, value, sizeof number);
  return number;
}

// socket(7) has two, and each has a number for either size of time_t.
bool IsTransferTimeout(int name) {
  switch (name) {
    case SO_RCVTIMEO_OLD:
    case SO_SNDTIMEO_OLD:
    case SO_RCVTIMEO_NEW:
    case SO_SNDTIMEO_NEW: return true;
    default: return false;
  }
}

void NoteOption(int fd, DescriptorFlag flag, bool is_set) {
  if (is_set) {
    MarkDescriptor(fd, flag);
  } else {
    g_descriptors.ClearFlags(fd, flag);
  }
}

// Options of datagram sockets that a relay cannot honour: a header stands in front of each datagram, in
// memory that is gone when the call returns. Programs do without them on kernels that lack them, which is
// what the errors say.
[[gnu::always_inline]] inline bool IsDatagramOption(int level, int name) {
  if (level == IPPROTO_UDP) return name == UDP_SEGMENT || name == UDP_GRO;
  return level == SOL_SOCKET && (name == SO_PEEK_OFF || name == SO_ZEROCOPY);
}

// The socket was bound to an address of this machine: it may be the one that the program knows from its
// connection to an FTP server.
[[gnu::noinline]] void NoteOwnersOf(int fd, const Endpoint& local) {
  const ErrnoKeeper keeper;
  for (int each = 0; each < static_cast<int>(g_descriptors.used_end()); ++each) {
    constexpr unsigned kAll = kHasConnection | kDatagram | kRelayed | kDnsByHand;
    if ((g_descriptors.Flags(each) & kAll) != kHasConnection) continue;
    const std::optional<Connection> connection = FindConnection(each);
    if (!connection) continue;
    const auto peer = EndpointFromSockaddr(&connection->peer.generic, connection->peer_size);
    const auto bound = EndpointFromSockaddr(&connection->bound.generic, connection->bound_size);
    const IpAddress reported = bound ? bound->ip().Unmapped() : LocalEndpoint(each).ip();
    if (!peer || !(reported == local.ip().Unmapped())) continue;
    Guarded([&] { return NoteCounterpart(fd, *peer), 0; }, 0);
    return;
  }
}

// 0, or the errno. Where no datagram goes to a proxy they are the kernel's own business.
[[gnu::noinline]] int JudgeDatagramOption(int fd, int level, int name, int value) {
  const ErrnoKeeper keeper;
  const bool turns_off = name == SO_PEEK_OFF && level == SOL_SOCKET ? value < 0 : value == 0;
  const int domain = SocketOption(fd, SO_DOMAIN);
  if (turns_off || (domain != AF_INET && domain != AF_INET6) || SocketOption(fd, SO_TYPE) != SOCK_DGRAM)
    return 0;
  const bool may_relay = Guarded(
      [] {
        Runtime* const runtime = Runtime::Get();
        return runtime != nullptr && runtime->relays_datagrams();
      },
      false);
  if (!may_relay) return 0;
  return level == IPPROTO_UDP ? ENOPROTOOPT : EOPNOTSUPP;
}

void WriteIntOption(int number, void* value, socklen_t* size) {
  *size = std::min<socklen_t>(*size, sizeof number);
  std::memcpy(value, &number, *size);
}

// The kernel's answer decides whether there is a connection at all; then ours takes its place.
template <typename Ask>
int AnswerAddress(int fd, const std::optional<Connection>& connection, const Ask& ask, sockaddr* address,
                  socklen_t* size, SocketAddress Connection::* ours, socklen_t Connection::* ours_size) {
  if (!connection || address == nullptr || size == nullptr) return ask(fd, address, size);
  SocketAddress kernels{};
  socklen_t kernels_size = sizeof kernels;
  const int result = ask(fd, &kernels.generic, &kernels_size);
  if (result != 0) return result;
  if ((*connection).*ours_size != 0) {
    CopySockaddr((*connection).*ours, (*connection).*ours_size, address, size);
    return 0;
  }
  if (connection->replaced_family == AF_INET) {
    // The socket is an AF_INET6 one by now; the program made an AF_INET one.
    SocketAddress v4{};
    v4.v4.sin_family = AF_INET;
    v4.v4.sin_port = kernels.v6.sin6_port;
    CopySockaddr(v4, sizeof v4.v4, address, size);
    return 0;
  }
  CopySockaddr(kernels, kernels_size, address, size);
  return 0;
}

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT int getpeername(int fd, sockaddr* address, socklen_t* size) noexcept {
  if (((g_descriptors.Flags(fd) & kPending) != 0 && IsNotConnected(fd)) || OwnSocketOf(fd) != fd) {
    errno = ENOTCONN;
    return -1;
  }
  // It may have come about just now.
  std::optional<Connection> connection = FindConnection(fd);
  if (!connection && address != nullptr && size != nullptr) {
    const socklen_t room = *size;
    const int result = libc::getpeername(fd, address, size);
    if (result != 0 || !IsInternetAddress(address, std::min(room, *size))) return result;
    connection = Guarded([&] { return AdoptConnection(fd, address, std::min(room, *size)); },
                         std::optional<Connection>());
    if (!connection) return result;
    *size = room;
  }
  return AnswerAddress(fd, connection, libc::getpeername, address, size, &Connection::peer,
                       &Connection::peer_size);
}

SOCKSIFY_EXPORT int getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
  if ((g_descriptors.Flags(fd) & kInbound) != 0 && address != nullptr && size != nullptr) [[unlikely]] {
    int result = 0;
    if (Guarded([&] { return InboundAddress(fd, address, size, &result); }, false)) return result;
    return libc::getsockname(OwnSocketOf(fd), address, size);
  }
  return AnswerAddress(fd, FindConnection(fd), libc::getsockname, address, size, &Connection::bound,
                       &Connection::bound_size);
}

SOCKSIFY_EXPORT int getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept {
  const unsigned flags = g_descriptors.Flags(fd);
  const bool is_pending = (flags & kPending) != 0;
  if (is_pending && level == SOL_SOCKET && name == SO_ERROR && value != nullptr && size != nullptr) {
    int error = 0;
    if (PendingSocketError(fd, &error)) {
      WriteIntOption(error, value, size);
      return 0;
    }
  }
  const int result = libc::getsockopt(OwnSocketOf(fd), level, name, value, size);
  if (flags == 0 || result != 0) return result;
  if (OwnSocketOf(fd) != fd && level == SOL_SOCKET && name == SO_ACCEPTCONN) WriteIntOption(1, value, size);
  if (level == SOL_SOCKET && name == SO_DOMAIN) {
    const std::optional<Connection> connection = FindConnection(fd);
    if (connection && connection->replaced_family != 0)
      WriteIntOption(connection->replaced_family, value, size);
  } else if ((level == IPPROTO_TCP && name == TCP_FASTOPEN_CONNECT && (flags & kFastOpenConnect) != 0) ||
             (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && (flags & kV6OnlyToProgram) != 0)) {
    WriteIntOption(1, value, size);
  } else if (IsConnectedByRelay(fd) &&
             ((level == IPPROTO_IP && name == IP_MTU) || (level == IPPROTO_IPV6 && name == IPV6_MTU))) {
    WriteIntOption(ReadIntOption(value, *size) - HeaderSizeOfPeer(fd), value, size);
  } else if (level == IPPROTO_TCP && name == TCP_NODELAY && is_pending) {
    if (g_pendings.LendsNoDelay(fd)) WriteIntOption(0, value, size);
  } else if (level == IPPROTO_TCP && name == TCP_INFO && is_pending && *size > 0) {
    if (g_pendings.View(fd).progress == Progress::kWaiting) *static_cast<uint8_t*>(value) = TCP_SYN_SENT;
  }
  return result;
}

SOCKSIFY_EXPORT int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  if (IsDatagramOption(level, name)) [[unlikely]] {
    if (const int error = JudgeDatagramOption(fd, level, name, ReadIntOption(value, size)); error != 0) {
      errno = error;
      return -1;
    }
  }
  // Before the call too: a thread that reads the reply meanwhile would take the program's option back.
  const bool is_no_delay = level == IPPROTO_TCP && name == TCP_NODELAY;
  if (is_no_delay && (g_descriptors.Flags(fd) & kPending) != 0) g_pendings.NoteNoDelay(fd);
  const int result = libc::setsockopt(OwnSocketOf(fd), level, name, value, size);
  if (result != 0) return result;
  if (is_no_delay) {
    if ((g_descriptors.Flags(fd) & kPending) != 0) g_pendings.NoteNoDelay(fd);
  } else if (level == IPPROTO_TCP && name == TCP_FASTOPEN_CONNECT) {
    NoteOption(fd, kFastOpenConnect, ReadIntOption(value, size) != 0);
  } else if (level == IPPROTO_UDP && name == UDP_CORK) {
    const bool is_set = ReadIntOption(value, size) != 0;
    is_set ? SetOfSocket(fd, kCorked) : ClearOfSocket(fd, kCorked);
    // The datagram has left (udp(7)).
    if (RelayedSocket* const socket = is_set ? nullptr : g_relays.Find(fd)) socket->is_corked = false;
  } else if (level == IPPROTO_TCP && name == TCP_CORK) {
    NoteOption(fd, kCorked, ReadIntOption(value, size) != 0);
  } else if (level == SOL_SOCKET && IsTransferTimeout(name)) {
    MarkDescriptor(fd, kTransferTimeout);
  } else if (level == SOL_SOCKET && name == SO_RCVLOWAT) {
    NoteOption(fd, kReceiveLowWater, ReadIntOption(value, size) > 1);
    if ((g_descriptors.Flags(fd) & kPending) != 0) g_pendings.NoteLowWater(fd);
  }
  return result;
}

SOCKSIFY_EXPORT int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  const int result = libc::bind(OwnSocketOf(fd), address, size);
  if ((result != 0 && errno != EADDRNOTAVAIL) || !IsInternetAddress(address, size)) return result;
  if (result == 0) {
    const auto local = EndpointFromSockaddr(address, size);
    MarkDescriptor(fd, local && local->port() == 0 ? kBound | kPortOfKernel : unsigned{kBound});
    if (local && (g_descriptors.Flags(fd) & kFreshStream) != 0 && !local->ip().IsUnspecified() &&
        !local->ip().IsLoopback())
      NoteOwnersOf(fd, *local);
  }
  if (result == 0) return result;
  // A program may bind a further socket to the local address of a proxied connection, as FTP clients do for
  // their data connections. That address is the proxy's, so the kernel does not have it; whatever local
  // address leads to the proxy is what the program means.
  SocketAddress wanted{};
  const socklen_t wanted_size = std::min<socklen_t>(size, sizeof wanted);
  std::memcpy(&wanted, address, wanted_size);
  const auto counterpart = g_descriptors.PeerOfReportedAddress(wanted, wanted_size);
  if (!counterpart) {
    errno = EADDRNOTAVAIL;
    return result;
  }
  const bool is_port_of_kernel =
      (wanted.generic.sa_family == AF_INET ? wanted.v4.sin_port : wanted.v6.sin6_port) == 0;
  if (wanted.generic.sa_family == AF_INET) {
    wanted.v4.sin_addr.s_addr = htonl(INADDR_ANY);
  } else {
    wanted.v6.sin6_addr = in6_addr(IN6ADDR_ANY_INIT);
  }
  if (libc::bind(fd, &wanted.generic, wanted_size) != 0) return -1;
  MarkDescriptor(fd, is_port_of_kernel ? kBound | kPortOfKernel : unsigned{kBound});
  if ((g_descriptors.Flags(fd) & kFreshStream) != 0)
    Guarded([&] { return NoteCounterpart(fd, *counterpart), 0; }, 0);
  return 0;
}
