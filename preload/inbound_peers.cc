// SPDX-License-Identifier: BSD-2-Clause
#include "preload/inbound_peers.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "dialer/inbound.h"
#include "dialer/socket_replacement.h"
#include "preload/connections.h"
#include "preload/decision.h"
#include "preload/hidden_descriptors.h"
#include "preload/inbound_control.h"
#include "preload/originals.h"
#include "protocol/bind_query.h"

namespace socksify {
namespace {

constexpr Failure kPeerLost = {Fault::kServer, ECONNABORTED, -1, "the proxy gave up before a peer came"};

// Whom a connection of the extension's is from: the proxy knows.
std::optional<Endpoint> AskWhose(InboundSocket* socket, const Endpoint& far_end) {
  BindQuery query;
  const bool is_socks5 = (socket->target->hops.back()->protocols & kServerSocks5) != 0;
  query.Start(is_socks5 ? BindQuery::Version::kSocks5 : BindQuery::Version::kSocks4, far_end);
  const int fd = socket->control_fd;
  const long long until_ms = MonotonicMs() + 5000;
  while (query.state() == HandshakeState::kRead || query.state() == HandshakeState::kWrite) {
    const bool is_write = query.state() == HandshakeState::kWrite;
    pollfd waiting = {.fd = fd, .events = static_cast<short>(is_write ? POLLOUT : POLLIN), .revents = 0};
    const long long left_ms = until_ms - MonotonicMs();
    if (left_ms <= 0 || libc::poll(&waiting, nfds_t{1}, static_cast<int>(left_ms)) == 0) return std::nullopt;
    uint8_t buffer[64];
    ssize_t count = 0;
    if (is_write) {
      count = libc::send(fd, static_cast<const void*>(query.output().data()), query.output().size(),
                         MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count > 0) query.OutputSent(static_cast<size_t>(count));
    } else {
      count = libc::recv(fd, static_cast<void*>(buffer), std::min(query.input_needed(), sizeof buffer),
                         MSG_DONTWAIT);
      if (count > 0) query.Input({buffer, static_cast<size_t>(count)});
      if (count == 0) query.InputClosed();
    }
    if (count < 0 && errno != EAGAIN && errno != EINTR) return std::nullopt;
  }
  if (query.state() != HandshakeState::kDone) return std::nullopt;
  return query.is_forwarded() ? query.peer() : far_end;
}

}  // namespace

Got TakeFromProxy(Runtime* runtime, int fd, InboundSocket* socket, int flags, Accepted* out) {
  const int control_fd = socket->control_fd;
  if (control_fd < 0) return Got::kNothing;
  if (SocketCookie(control_fd) != socket->control_cookie) {
    DropControl(fd, socket);
    return Got::kNothing;
  }
  if (socket->is_extension) {
    char byte = 0;
    const ssize_t received =
        libc::recv(control_fd, static_cast<void*>(&byte), size_t{1}, MSG_PEEK | MSG_DONTWAIT);
    if (received > 0 || (received < 0 && (errno == EAGAIN || errno == EINTR))) return Got::kNothing;
    ReportInbound(*runtime, *socket, ConnectionEvent::Kind::kListen, socket->bound, &kPeerLost, 0);
    DropControl(fd, socket);
    return Got::kNothing;
  }
  // A process that shares the connection since a fork(2) may have the peer already.
  const pid_t self = getpid();
  pid_t holder = socket->claim->load();
  if (holder == 0) {
    char byte = 0;
    const ssize_t seen =
        libc::recv(control_fd, static_cast<void*>(&byte), size_t{1}, MSG_PEEK | MSG_DONTWAIT);
    if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return Got::kNothing;
    if (socket->claim->compare_exchange_strong(holder, self)) holder = self;
  }
  if (holder != self) {
    LeaveControl(socket);
    return Got::kNothing;
  }
  const auto peer = ReadPeer(OriginalSystem(), control_fd, &socket->handshake);
  if (!peer) {
    ReportInbound(*runtime, *socket, ConnectionEvent::Kind::kAccept, socket->bound, &peer.error(), 0);
    DropControl(fd, socket);
    // What the program can do about it is to accept the next one (accept(2)).
    errno = ECONNABORTED;
    return Got::kError;
  }
  const std::optional<Endpoint>& arrived = *peer;
  if (!arrived) return Got::kNothing;
  const int command = (flags & SOCK_CLOEXEC) != 0 ? F_DUPFD_CLOEXEC : F_DUPFD;
  out->fd = libc::fcntl(control_fd, command, 0);
  if (out->fd < 0) return Got::kError;
  out->peer = *arrived;
  const int status = libc::fcntl(out->fd, F_GETFL);
  libc::fcntl(out->fd, F_SETFL, (flags & SOCK_NONBLOCK) != 0 ? status | O_NONBLOCK : status & ~O_NONBLOCK);
  CopyOptions(OriginalSystem(), socket->own_fd, out->fd);
  DropControl(fd, socket);
  return Got::kConnection;
}

Got TakeOwn(InboundSocket* socket, int flags, Accepted* out) {
  if (!socket->lets_in_locals && !socket->is_extension) return Got::kNothing;
  SocketAddress address{};
  socklen_t size = sizeof address;
  out->fd = libc::accept4(socket->own_fd.load(), &address.generic, &size, flags);
  if (out->fd < 0) return errno == EAGAIN ? Got::kNothing : Got::kError;
  const auto far_end = EndpointFromSockaddr(&address.generic, size);
  if (!far_end) return Got::kConnection;
  out->peer = Endpoint::FromIp(far_end->ip().Unmapped(), far_end->port());
  if (!socket->is_extension || socket->control_fd < 0) return Got::kConnection;
  SocketAddress proxy{};
  size = sizeof proxy;
  if (libc::getpeername(socket->control_fd.load(), &proxy.generic, &size) != 0) return Got::kConnection;
  const auto proxy_end = EndpointFromSockaddr(&proxy.generic, size);
  const bool is_from_proxy = proxy_end && proxy_end->ip().Unmapped() == out->peer.ip();
  const std::optional<Endpoint> peer = is_from_proxy ? AskWhose(socket, out->peer) : std::nullopt;
  if (is_from_proxy ? peer.has_value() : socket->lets_in_locals) {
    if (peer) out->peer = *peer;
    return Got::kConnection;
  }
  // Neither the proxy's nor one that the table lets in.
  libc::close(out->fd);
  return Got::kNothing;
}

void RecordAccepted(const InboundSocket& socket, const Accepted& accepted) {
  if (g_descriptors.Flags(accepted.fd) != 0) ForgetDescriptor(accepted.fd);
  Connection connection = {.cookie = SocketCookie(accepted.fd)};
  connection.peer_size =
      ToSockaddr(accepted.peer.ip().Unmapped(), accepted.peer.port(), socket.family, &connection.peer);
  connection.bound_size =
      ToSockaddr(socket.bound.ip(), socket.bound.port(), socket.family, &connection.bound);
  if (SocketOption(accepted.fd, SO_DOMAIN) != socket.family) connection.replaced_family = socket.family;
  const SignalsBlocked blocked;
  if (connection.peer_size != 0) g_descriptors.Record(accepted.fd, connection, blocked);
}

}  // namespace socksify
