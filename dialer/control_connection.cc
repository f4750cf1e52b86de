// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/control_connection.h"

#include <sys/socket.h>

#include <string>
#include <utility>

#include "base/errno_keeper.h"
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
std::optional<IpAddress> AddressOfLastProxy(const System& system, int fd, const Target& path) {
  if (path.hops.size() <= 1) return AddressOfPeer(system, fd);
  const Endpoint& last = path.hops.back()->address;
  if (!last.is_name()) return last.ip().Unmapped();
  IpAddress address;
  if (system.resolve(std::string(last.name()).c_str(), {&address, 1}) == 0) return std::nullopt;
  return address.Unmapped();
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

std::optional<Endpoint> AddressAtProxy(const System& system, int fd, const Target& path,
                                       const Endpoint& bound) {
  if (bound.port() == 0) return std::nullopt;
  // For a name the address is the unspecified one.
  std::optional<IpAddress> address = bound.ip().Unmapped();
  if (address->IsUnspecified()) address = AddressOfLastProxy(system, fd, path);
  if (!address) return std::nullopt;
  return Endpoint::FromIp(*address, bound.port());
}

}  // namespace socksify
