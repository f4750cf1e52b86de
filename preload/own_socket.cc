// SPDX-License-Identifier: BSD-2-Clause
#include "preload/own_socket.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "preload/connections.h"
#include "preload/names.h"
#include "preload/originals.h"
#include "preload/outbound.h"
#include "preload/pending_calls.h"

namespace socksify {

int OpenOwnSocket(Runtime* runtime, int type, const Endpoint& server, int timeout_ms) {
  if (type == SOCK_DGRAM && !GoesDirect(runtime, server, Transport::kUdp)) {
    errno = EOPNOTSUPP;
    return -1;
  }
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
  const int fd = libc::socket(family, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (g_descriptors.Flags(fd) != 0) ForgetDescriptor(fd);
  SocketAddress address{};
  const socklen_t size = ToSockaddr(ip, server.port(), family, &address);
  int result = -1;
  if (type == SOCK_DGRAM) {
    result = libc::connect(fd, static_cast<const sockaddr*>(&address.generic), size);
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
  ForgetDescriptor(fd);
  libc::close(fd);
}

}  // namespace socksify
