// SPDX-License-Identifier: BSD-2-Clause
// ClosedPort: a TCP port of 127.0.0.1 where connections are refused.
//
// A port on which somebody has just ceased to listen may be the next one's. This one is bound for as long as
// the object lives, so that no test that runs at the same time can come to listen there.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "base/endpoint.h"
#include "base/unique_fd.h"
#include "tests/server/tcp_sockets.h"

namespace socksify::testserver {

class ClosedPort {
 public:
  ClosedPort() : fd_(HoldTcpPort(IpAddress::V4(0x7f000001))), endpoint_(LocalAddressOf(fd_.get())) {
    if (!fd_.valid()) throw std::runtime_error("no port for nobody");
  }

  const Endpoint& endpoint() const { return endpoint_; }
  uint16_t port() const { return endpoint_.port(); }

 private:
  UniqueFd fd_;
  Endpoint endpoint_;
};

}  // namespace socksify::testserver
