// SPDX-License-Identifier: BSD-2-Clause
#include "preload/own_socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "preload/connections.h"
#include "preload/datagrams.h"
#include "preload/hidden_descriptors.h"
#include "preload/names.h"
#include "preload/originals.h"
#include "preload/outbound.h"
#include "preload/pending_calls.h"
#include "preload/relayed_receipts.h"
#include "preload/relayed_sends.h"

namespace socksify {

namespace {

// connect(2) that leads to a relay at once where the way is one, so that a proxy which gives none is the
// connection's failure and not that of the first datagram.
int ConnectDatagrams(Runtime* runtime, int fd, const SocketAddress& address, socklen_t size, int timeout_ms) {
  const auto server = EndpointFromSockaddr(&address.generic, size);
  if (!server) {
    errno = EINVAL;
    return -1;
  }
  Decision decision;
  Decide(runtime, fd, *server, Transport::kUdp, &decision);
  const DatagramWay way = JudgeOwnDatagram(&decision);
  if (way == DatagramWay::kRefuse) return Refuse(runtime, decision, *decision.failure, "udp");
  if (way == DatagramWay::kPass) return libc::connect(fd, &address.generic, size);
  MarkDescriptor(fd, kDatagram);
  if (ConnectRelayed(runtime, fd, &address.generic, size, decision) != 0) return -1;
  RelayedSocket* const socket = g_relays.Find(fd);
  // To reach the proxy, and to talk to it.
  socket->step_limit_ms = static_cast<unsigned>(std::max(timeout_ms / 2, 1));
  RelayData relay;
  return FindPath(runtime, fd, socket, decision, &relay) != nullptr ? 0 : -1;
}

}  // namespace

int OpenOwnSocket(Runtime* runtime, int type, const Endpoint& server, int timeout_ms) {
  IpAddress ip = server.ip();
  if (server.is_name()) {
    // As for the program's own connections: the proxy is given the name that the address stands for.
    const auto fake = FakeAddressFor(runtime, server.name(), IpVersion::kV4);
    if (!fake) {
      errno = fake.error();
      return -1;
    }
    ip = *fake;
  }
  const int family = ip.is_v4() ? AF_INET : AF_INET6;
  const int low_fd = libc::socket(family, type | SOCK_CLOEXEC, 0);
  if (low_fd < 0) return -1;
  if (g_descriptors.Flags(low_fd) != 0) ForgetDescriptor(low_fd);
  const int fd = Hide(low_fd);
  SocketAddress address{};
  const socklen_t size = ToSockaddr(ip, server.port(), family, &address);
  int result = -1;
  if (type == SOCK_DGRAM) {
    result = ConnectDatagrams(runtime, fd, address, size, timeout_ms);
  } else {
    // A blocking connect() asks for SO_SNDTIMEO only where it is known to be set.
    const timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000L};
    libc::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, static_cast<const void*>(&limit),
                     static_cast<socklen_t>(sizeof limit));
    MarkDescriptor(fd, kTransferTimeout);
    result = ConnectOutbound(fd, &address.generic, size);
    // A signal has left the connection on its way.
    while (result != 0 && errno == EINTR) {
      errno = AwaitConnect(fd);
      result = errno == 0 ? 0 : -1;
    }
  }
  if (result == 0) return fd;
  const ErrnoKeeper keeper;
  CloseOwnSocket(fd);
  return -1;
}

void CloseOwnSocket(int fd) {
  GiveUpHidden(fd);
  ForgetDescriptor(fd);
  libc::close(fd);
}

ssize_t SendOwn(int fd, const void* data, size_t size, int flags) {
  if (!IsConnectedByRelay(fd)) return libc::send(fd, data, size, flags);
  const iovec part = {.iov_base = const_cast<void*>(data), .iov_len = size};
  return SendRelayed(fd, &part, 1, flags);
}

ssize_t ReceiveOwn(int fd, void* data, size_t size, int flags) {
  if (!IsConnectedByRelay(fd)) return libc::recv(fd, data, size, flags);
  const iovec part = {.iov_base = data, .iov_len = size};
  return ReceiveRelayed(fd, &part, 1, flags);
}

}  // namespace socksify
