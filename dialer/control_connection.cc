// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/control_connection.h"

#include <sys/socket.h>

#include <string>
#include <utility>

#include "base/errno_keeper.h"
#include "base/monotonic_clock.h"
#include "base/socket_address.h"

namespace socksify {
namespace {

std::optional<IpAddress> AddressOfPeer(const System& system, int fd) {
  SocketAddress proxy{};
  socklen_t size = sizeof proxy;
  if (system.getpeername(fd, &proxy.generic, &size) != 0) return std::nullopt;
  const auto endpoint = EndpointFromSockaddr(&proxy.generic, size);
  if (!endpoint) return std::nullopt;
  return endpoint->ip().Unmapped();
}

// Of a chain the peer is the first proxy, and the last one is where the configuration says.
std::optional<IpAddress> AddressOfLastProxy(const System& system, int fd,
                                            std::span<const Server* const> hops) {
  if (hops.size() <= 1) return AddressOfPeer(system, fd);
  const Endpoint& last = hops.back()->address;
  if (!last.is_name()) return last.ip().Unmapped();
  IpAddress address;
  if (system.resolve(std::string(last.name()).c_str(), {&address, 1}) == 0) return std::nullopt;
  return address.Unmapped();
}

// Nothing for port 0, or where the address cannot be found out.
std::optional<Endpoint> AddressAtProxy(const System& system, int fd, const Attempt& attempt) {
  const Endpoint& bound = attempt.bound();
  if (bound.port() == 0) return std::nullopt;
  // For a name the address is the unspecified one.
  std::optional<IpAddress> address = bound.ip().Unmapped();
  if (address->IsUnspecified()) address = AddressOfLastProxy(system, fd, attempt.hops());
  if (!address) return std::nullopt;
  return Endpoint::FromIp(*address, bound.port());
}

}  // namespace

ControlSocket::ControlSocket(const System& system)
    : system_(system), fd_(system.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}

ControlSocket::~ControlSocket() {
  const ErrnoKeeper keeper;
  if (fd_ >= 0) system_.close(fd_);
}

int ControlSocket::Release() {
  return std::exchange(fd_, -1);
}

ProxyAnswer AskProxy(const System& system, const ControlSocket& control, const Rule& rule,
                     const Endpoint& destination, const AttemptOptions& options, const Failure& no_address) {
  ProxyAnswer answer;
  AttemptOptions own_options = options;
  own_options.is_nonblocking = true;
  Attempt attempt(system, control.get(), AF_INET, rule, destination, own_options);
  attempt.Start(MonotonicMs());
  const Attempt::State state = RunToCompletion(system, control.get(), &attempt);
  answer.target = attempt.target();
  if (state != Attempt::State::kConnected) {
    answer.failure = attempt.failure();
    return answer;
  }
  answer.is_direct = answer.target->kind == Target::Kind::kDirect;
  if (answer.is_direct) return answer;
  const auto address = AddressAtProxy(system, control.get(), attempt);
  if (!address) {
    answer.failure = no_address;
    return answer;
  }
  answer.address = *address;
  answer.handshake = attempt.handshake();
  const int on = 1;
  system.setsockopt(control.get(), SOL_SOCKET, SO_KEEPALIVE, static_cast<const void*>(&on), sizeof on);
  return answer;
}

}  // namespace socksify
