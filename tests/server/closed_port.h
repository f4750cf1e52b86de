// SPDX-License-Identifier: BSD-2-Clause
// ClosedPort: a TCP port of 127.0.0.1 where connections are refused.
//
// A port on which somebody has just ceased to listen may be the next one's. This one is bound for as long as
// the object lives, so that no test that runs at the same time can come to listen there.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "base/socket_address.h"
#include "base/unique_fd.h"

namespace socksify::testserver {

class ClosedPort {
 public:
  ClosedPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SocketAddress address{};
    socklen_t size = ToSockaddr(IpAddress::V4(0x7f000001), 0, AF_INET, &address);
    if (bind(fd_.get(), &address.generic, size) != 0 || getsockname(fd_.get(), &address.generic, &size) != 0)
      throw std::runtime_error("no port for nobody");
    endpoint_ = *EndpointFromSockaddr(&address.generic, size);
  }

  const Endpoint& endpoint() const { return endpoint_; }
  uint16_t port() const { return endpoint_.port(); }

 private:
  UniqueFd fd_;
  Endpoint endpoint_;
};

}  // namespace socksify::testserver
