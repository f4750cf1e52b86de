// SPDX-License-Identifier: BSD-2-Clause
#include "tests/integration/dns_origin.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>
#include <vector>

#include "base/socket_address.h"

namespace socksify {

DnsOrigin::DnsOrigin() {
  SocketAddress address;
  socklen_t size = ToSockaddr(IpAddress::V4(0x7f000001), 0, AF_INET, &address);
  listener_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(listener_.get(), &address.generic, size) != 0 || listen(listener_.get(), 16) != 0 ||
      getsockname(listener_.get(), &address.generic, &size) != 0) {
    throw std::runtime_error("name server: cannot listen");
  }
  port_ = ntohs(address.v4.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

DnsOrigin::~DnsOrigin() {
  is_over_ = true;
  thread_.join();
}

void DnsOrigin::Serve() {
  while (!is_over_) {
    pollfd ready = {.fd = listener_.get(), .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, 50) <= 0) continue;
    const UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    Answer(connection.get());
  }
}

// The question as it came, and "10 mail.NAME" after it, without EDNS.
void DnsOrigin::Answer(int fd) {
  std::array<uint8_t, 2> prefix{};
  if (recv(fd, prefix.data(), prefix.size(), MSG_WAITALL) != 2) return;
  std::vector<uint8_t> message(static_cast<size_t>(prefix[0] << 8 | prefix[1]));
  if (recv(fd, message.data(), message.size(), MSG_WAITALL) != static_cast<ssize_t>(message.size())) return;
  size_t end = 12;
  while (message[end] != 0) end += message[end] + 1U;
  message.resize(end + 5);
  message[2] |= 0x80;
  message[7] = 1;
  message[11] = 0;
  const std::array<uint8_t, 21> record = {0xc0, 12, 0,  15, 0,   1,   0,   0,   0,    60, 0,
                                          9,    0,  10, 4,  'm', 'a', 'i', 'l', 0xc0, 12};
  message.insert(message.end(), record.begin(), record.end());
  const std::array<uint8_t, 2> length = {static_cast<uint8_t>(message.size() >> 8),
                                         static_cast<uint8_t>(message.size())};
  message.insert(message.begin(), length.begin(), length.end());
  send(fd, message.data(), message.size(), MSG_NOSIGNAL);
}

}  // namespace socksify
