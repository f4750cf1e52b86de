// SPDX-License-Identifier: BSD-2-Clause
// DnsTestTransport: ways to name servers that record what goes through them.
//
// Servers have the addresses of networks that do not exist (RFC 5737); which of them leads where on loopback
// is for the test to say. So a query that took any other way would not arrive.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/socket_address.h"
#include "resolver/dns_transport.h"

namespace socksify {

class DnsTestTransport {
 public:
  // From now on `server` (192.0.2.1:53) is at `there`.
  void Lead(const std::string& server, const Endpoint& there) { ways_[server] = there; }
  // From now on `server` cannot be reached.
  void Block(const std::string& server, int error) { errors_[server] = error; }

  DnsTransport Get() {
    return {
        .context = this, .open = &Open, .send = &::send, .recv = &::recv, .poll = &::poll, .close = &Close};
  }
  // Moves one byte with each call.
  DnsTransport GetSlow() {
    DnsTransport transport = Get();
    transport.send = [](int fd, const void* data, size_t, int flags) { return ::send(fd, data, 1, flags); };
    transport.recv = [](int fd, void* data, size_t, int flags) { return ::recv(fd, data, 1, flags); };
    return transport;
  }

  // "tcp 192.0.2.1:53", in order, those that failed too.
  std::vector<std::string> opened() const {
    const std::lock_guard lock(mutex_);
    return opened_;
  }
  // Sockets that are not closed; of all transports.
  static int open_sockets() { return open_sockets_; }

 private:
  static int Open(void* context, DnsProtocol protocol, const Endpoint& server, int timeout_ms) {
    auto* self = static_cast<DnsTestTransport*>(context);
    const std::lock_guard lock(self->mutex_);
    self->opened_.push_back((protocol == DnsProtocol::kTcp ? "tcp " : "udp ") + server.ToString());
    if (timeout_ms < 1) self->opened_.push_back("without time");
    const auto error = self->errors_.find(server.ToString());
    if (error != self->errors_.end()) {
      errno = error->second;
      return -1;
    }
    const auto way = self->ways_.find(server.ToString());
    if (way == self->ways_.end()) {
      errno = ENETUNREACH;
      return -1;
    }
    const int fd =
        socket(AF_INET, (protocol == DnsProtocol::kTcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    SocketAddress address{};
    const socklen_t size = ToSockaddr(way->second.ip(), way->second.port(), AF_INET, &address);
    if (connect(fd, &address.generic, size) != 0) {
      const int connect_error = errno;
      close(fd);
      errno = connect_error;
      return -1;
    }
    ++open_sockets_;
    return fd;
  }

  static int Close(int fd) {
    --open_sockets_;
    return close(fd);
  }

  inline static std::atomic<int> open_sockets_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, Endpoint> ways_;
  std::map<std::string, int> errors_;
  std::vector<std::string> opened_;
};

}  // namespace socksify
