// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/raw_udp.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/socket_address.h"

namespace socksify::testserver {

RawUdp::RawUdp(std::string_view address, uint16_t port) {
  SocketAddress local{};
  const IpAddress ip = IpAddress::Parse(address).value_or(IpAddress());
  const int family = ip.is_v4() ? AF_INET : AF_INET6;
  socklen_t size = ToSockaddr(ip, port, family, &local);
  fd_.Reset(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval deadline{.tv_sec = 10, .tv_usec = 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  if (bind(fd_.get(), &local.generic, size) < 0) return;
  size = sizeof local;
  if (getsockname(fd_.get(), &local.generic, &size) < 0) return;
  local_ = EndpointFromSockaddr(&local.generic, size).value_or(Endpoint());
}

bool RawUdp::Send(const Endpoint& to, std::string_view bytes) {
  SocketAddress address{};
  const int family = to.ip().is_v4() ? AF_INET : AF_INET6;
  const socklen_t size = ToSockaddr(to.ip(), to.port(), family, &address);
  return sendto(fd_.get(), bytes.data(), bytes.size(), 0, &address.generic, size) ==
         static_cast<ssize_t>(bytes.size());
}

RawDatagram RawUdp::Receive() {
  RawDatagram datagram;
  datagram.bytes.resize(65536);
  SocketAddress from{};
  socklen_t size = sizeof from;
  const ssize_t count =
      recvfrom(fd_.get(), datagram.bytes.data(), datagram.bytes.size(), 0, &from.generic, &size);
  datagram.bytes.resize(count > 0 ? count : 0);
  if (count >= 0) datagram.from = EndpointFromSockaddr(&from.generic, size).value_or(Endpoint());
  return datagram;
}

bool RawUdp::HasInput() const {
  pollfd poll_fd{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return poll(&poll_fd, 1, 0) > 0;
}

RawAssociation::RawAssociation(const Endpoint& server, std::string_view client)
    : control_(server), socket_(client) {
  if (!Greet(&control_) || !control_.Send(Socks5Request("0.0.0.0", 0, /*UDP ASSOCIATE*/ 3))) return;
  reply_ = control_.Read(5);
  if (reply_.size() < 5) return;
  const size_t size = reply_[3] == 1 ? 10 : reply_[3] == 4 ? 22 : 7 + static_cast<uint8_t>(reply_[4]);
  reply_ += control_.Read(size - 5);
  if (reply_.size() != size || reply_[1] != 0) return;
  const auto high = static_cast<uint8_t>(reply_[size - 2]);
  const auto low = static_cast<uint8_t>(reply_[size - 1]);
  relay_ = Endpoint::FromIp(server.ip(), static_cast<uint16_t>(high << 8 | low));
}

bool RawAssociation::Send(std::string_view host, uint16_t port, std::string_view payload) {
  return socket_.Send(relay_, RawUdpHeader(host, port) + std::string(payload));
}

// A request differs in its first three bytes alone.
std::string RawUdpHeader(std::string_view host, uint16_t port) {
  return Socks5Request(host, port).replace(0, 3, 3, '\0');
}

}  // namespace socksify::testserver
