// SPDX-License-Identifier: BSD-2-Clause
#include "tests/integration/datagram_echo.h"

#include <poll.h>
#include <sys/socket.h>

#include <stdexcept>
#include <vector>

#include "base/socket_address.h"

namespace socksify {
namespace {

constexpr int kTries = 64;
constexpr int kReceiveBuffer = 4 << 20;

// A bound socket, or none. Port 0: one of the kernel's choice, which is written to *port.
UniqueFd Bind(const IpAddress& ip, uint16_t* port) {
  const int family = ip.is_v4() ? AF_INET : AF_INET6;
  SocketAddress address{};
  socklen_t size = ToSockaddr(ip, *port, family, &address);
  UniqueFd fd(socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  if (bind(fd.get(), &address.generic, size) != 0) return UniqueFd();
  getsockname(fd.get(), &address.generic, &size);
  *port = ntohs(ip.is_v4() ? address.v4.sin_port : address.v6.sin6_port);
  return fd;
}

}  // namespace

DatagramEcho::DatagramEcho(const std::string& address) {
  const IpAddress ip = IpAddress::Parse(address).value_or(IpAddress());
  for (int i = 0; i < kTries && sockets_[1].get() < 0; ++i) {
    port_ = 0;
    sockets_[0] = Bind(ip, &port_);
    uint16_t next = static_cast<uint16_t>(port_ + 1);
    if (sockets_[0].get() >= 0 && next != 0) sockets_[1] = Bind(ip, &next);
  }
  if (sockets_[1].get() < 0) throw std::runtime_error("datagram echo: cannot bind");
  thread_ = std::thread([this] { Serve(); });
}

DatagramEcho::~DatagramEcho() {
  is_over_ = true;
  thread_.join();
}

void DatagramEcho::Serve() {
  std::vector<char> buffer(65536);
  while (!is_over_) {
    pollfd ready[] = {{.fd = sockets_[0].get(), .events = POLLIN, .revents = 0},
                      {.fd = sockets_[1].get(), .events = POLLIN, .revents = 0}};
    poll(ready, 2, 50);
    for (const UniqueFd& fd : sockets_) {
      while (true) {
        SocketAddress from{};
        socklen_t size = sizeof from;
        const ssize_t count = recvfrom(fd.get(), buffer.data(), buffer.size(), 0, &from.generic, &size);
        if (count < 0) break;
        sendto(fd.get(), buffer.data(), static_cast<size_t>(count), 0, &from.generic, size);
      }
    }
  }
}

}  // namespace socksify
