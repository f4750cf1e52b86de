// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/bind_listener.h"

#include <sys/socket.h>

#include <cerrno>

#include "tests/server/tcp_sockets.h"

namespace socksify::testserver {

int BindListener::Open(const IpAddress& local, uint16_t wanted, const BindScript& script,
                       BindHistory* history) {
  if (script.refuse_after && history->granted >= *script.refuse_after) return EPERM;
  const auto open = [&](uint16_t port) { return OpenTcpListener(Endpoint::FromIp(local, port), SOMAXCONN); };
  const bool had = history->ports.contains(wanted);
  const bool gets_wanted = had ? script.same_port.value_or(script.wanted_port) : script.wanted_port;
  if (script.port) {
    fd_ = open(*script.port);
  } else {
    if (gets_wanted && wanted != 0) fd_ = open(wanted);
    if (!fd_.valid()) fd_ = open(0);
    // The kernel may have chosen the very port that is not to be had again.
    if (had && !gets_wanted && LocalAddressOf(fd_.get()).port() == wanted) fd_ = open(0);
  }
  if (!fd_.valid()) return errno;
  port_ = LocalAddressOf(fd_.get()).port();
  ++history->granted;
  history->ports.insert(port_);
  return 0;
}

UniqueFd BindListener::Accept() {
  UniqueFd peer;
  do {
    peer.Reset(accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  } while (!peer.valid() && (errno == EINTR || errno == ECONNABORTED));
  return peer;
}

}  // namespace socksify::testserver
