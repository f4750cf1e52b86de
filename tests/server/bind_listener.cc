// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/bind_listener.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "tests/server/tcp_sockets.h"

namespace socksify::testserver {

int BindListener::Open(const IpAddress& local, uint16_t wanted, const BindScript& script,
                       BindHistory* history) {
  if (script.refuse_after && history->granted >= *script.refuse_after) return EPERM;
  const auto had_at = history->ports.find(wanted);
  const bool had = had_at != history->ports.end();
  UniqueFd holder;
  const auto open = [&](uint16_t port, const UniqueFd& held_by) {
    return OpenTcpListener(Endpoint::FromIp(local, port), SOMAXCONN, held_by.get());
  };
  const auto open_any = [&] {
    if (!script.same_port.value_or(false)) return open(0, {});
    holder = HoldTcpPort(local);
    return open(LocalAddressOf(holder.get()).port(), holder);
  };
  const bool gets_wanted = had ? script.same_port.value_or(script.wanted_port) : script.wanted_port;
  if (script.port) {
    fd_ = open(*script.port, {});
  } else {
    if (gets_wanted && wanted != 0) fd_ = open(wanted, had ? had_at->second : holder);
    if (!fd_.valid()) fd_ = open_any();
    // The kernel may have chosen the very port that is not to be had again.
    if (had && !gets_wanted && LocalAddressOf(fd_.get()).port() == wanted) fd_ = open(0, {});
  }
  if (!fd_.valid()) return errno;
  port_ = LocalAddressOf(fd_.get()).port();
  ++history->granted;
  history->ports.try_emplace(port_, std::move(holder));
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
