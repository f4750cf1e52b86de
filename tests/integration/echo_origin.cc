// SPDX-License-Identifier: BSD-2-Clause
#include "tests/integration/echo_origin.h"

#include <poll.h>
#include <sys/socket.h>

#include <stdexcept>
#include <vector>

#include "base/socket_address.h"
#include "tests/server/tcp_sockets.h"

namespace socksify {

EchoOrigin::EchoOrigin(std::optional<SynGate::Ending> ending) {
  // Another socket may have the datagram port with the stream port's number.
  constexpr int kTries = 64;
  for (int i = 0; i < kTries && port_ == 0; ++i) Listen();
  if (port_ == 0) throw std::runtime_error("echo origin: cannot listen");
  if (ending) gate_.emplace(stream_.get(), *ending);
  thread_ = std::thread([this] { Serve(); });
}

void EchoOrigin::Listen() {
  port_holder_ = testserver::HoldTcpPort(IpAddress::V4(0x7f000001));
  const Endpoint local = testserver::LocalAddressOf(port_holder_.get());
  stream_ = testserver::OpenTcpListener(local, 4096, port_holder_.get());
  datagram_.Reset(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress address;
  const socklen_t size = ToSockaddr(local.ip(), local.port(), AF_INET, &address);
  if (stream_.valid() && bind(datagram_.get(), &address.generic, size) == 0) port_ = local.port();
}

EchoOrigin::~EchoOrigin() {
  is_over_ = true;
  thread_.join();
}

void EchoOrigin::Serve() {
  std::vector<UniqueFd> connections;
  while (!is_over_) {
    const bool is_listening = !gate_ || gate_->Tick();
    std::vector<pollfd> ready = {{.fd = is_listening ? stream_.get() : -1, .events = POLLIN, .revents = 0},
                                 {.fd = datagram_.get(), .events = POLLIN, .revents = 0}};
    for (const UniqueFd& fd : connections) ready.push_back({.fd = fd.get(), .events = POLLIN, .revents = 0});
    poll(ready.data(), ready.size(), gate_ ? 10 : 50);
    char buffer[4096];
    for (size_t i = ready.size(); i-- > 2;) {
      if (ready[i].revents == 0) continue;
      const ssize_t count = recv(ready[i].fd, buffer, sizeof buffer, 0);
      if (count > 0 && send(ready[i].fd, buffer, static_cast<size_t>(count), MSG_NOSIGNAL) == count) continue;
      connections.erase(connections.begin() + static_cast<long>(i) - 2);
    }
    if (ready[1].revents != 0) {
      SocketAddress from;
      socklen_t size = sizeof from;
      const ssize_t count = recvfrom(datagram_.get(), buffer, sizeof buffer, 0, &from.generic, &size);
      if (count >= 0) sendto(datagram_.get(), buffer, static_cast<size_t>(count), 0, &from.generic, size);
    }
    if (ready[0].revents != 0) {
      connections.emplace_back(accept4(stream_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (gate_) gate_->Accepted();
    }
  }
}

}  // namespace socksify
