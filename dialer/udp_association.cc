// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/udp_association.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/errno_keeper.h"
#include "base/socket_address.h"

namespace socksify {
namespace {

constexpr Failure kDropped = {Fault::kServer, ECONNABORTED, -1, "the proxy dropped the connection"};

// Closes the connection unless it has become an association; also when the thread is cancelled.
class ControlSocket {
 public:
  explicit ControlSocket(const System& system)
      : system_(system), fd_(system.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~ControlSocket() {
    const ErrnoKeeper keeper;
    if (fd_ >= 0) system_.close(fd_);
  }
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  const System& system_;
  int fd_;
};

std::optional<IpAddress> ProxyAddress(const System& system, int fd) {
  SocketAddress proxy{};
  socklen_t size = sizeof proxy;
  if (system.getpeername(fd, &proxy.generic, &size) != 0) return std::nullopt;
  const auto endpoint = EndpointFromSockaddr(&proxy.generic, size);
  if (!endpoint) return std::nullopt;
  return endpoint->ip().Unmapped();
}

}  // namespace

UdpAssociation Associate(const System& system, const Rule& rule, const Endpoint& destination,
                         const AttemptOptions& options) {
  UdpAssociation result;
  ControlSocket control(system);
  if (control.get() < 0) {
    result.failure = Failure{Fault::kCaller, errno, -1, "cannot make a socket"};
    return result;
  }
  AttemptOptions own_options = options;
  own_options.command = Socks5Command::kUdpAssociate;
  own_options.is_nonblocking = true;
  own_options.is_bound = false;
  Attempt attempt(system, control.get(), AF_INET, rule, destination, own_options);
  attempt.Start(MonotonicMs());
  const Attempt::State state = RunToCompletion(system, control.get(), &attempt);
  result.target = attempt.target();
  if (state != Attempt::State::kConnected) {
    result.failure = attempt.failure();
    return result;
  }
  result.is_direct = result.target->kind == Target::Kind::kDirect;
  if (result.is_direct) return result;

  // For a name the address is the unspecified one.
  std::optional<IpAddress> address = attempt.bound().ip().Unmapped();
  if (address->IsUnspecified()) address = ProxyAddress(system, control.get());
  if (!address) {
    result.failure = kDropped;
    return result;
  }
  result.relay = Endpoint::FromIp(*address, attempt.bound().port());
  // A proxy that vanishes without a word is noticed in the end.
  const int on = 1;
  system.setsockopt(control.get(), SOL_SOCKET, SO_KEEPALIVE, static_cast<const void*>(&on), sizeof on);
  result.control_fd = control.Release();
  return result;
}

bool IsAssociationAlive(const System& system, int control_fd) {
  const ErrnoKeeper keeper;
  // What a proxy says there nobody reads, and the end stands behind it.
  std::array<char, 64> unread{};
  const ssize_t received = system.recv(control_fd, unread.data(), unread.size(), MSG_DONTWAIT);
  return received > 0 || (received < 0 && (errno == EAGAIN || errno == EINTR));
}

}  // namespace socksify
