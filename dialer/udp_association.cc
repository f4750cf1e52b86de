// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/udp_association.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/errno_keeper.h"
#include "dialer/control_connection.h"

namespace socksify {
namespace {

constexpr Failure kDropped = {Fault::kServer, ECONNABORTED, -1, "the proxy dropped the connection"};

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
  own_options.is_bound = false;
  const ProxyAnswer answer = AskProxy(system, control, rule, destination, own_options, kDropped);
  result.target = answer.target;
  result.is_direct = answer.is_direct;
  result.failure = answer.failure;
  if (result.failure || result.is_direct) return result;
  result.relay = answer.address;
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
