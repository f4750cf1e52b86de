// SPDX-License-Identifier: BSD-2-Clause
// RawBind: a BIND of the server's own tests: a control connection that has asked, and peers to come.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "base/unique_fd.h"
#include "tests/server/raw_client.h"

namespace socksify::testserver {

class RawBind {
 public:
  // Asks with SOCKS 4 or 5, and takes the first reply if there is one.
  explicit RawBind(const Endpoint& server, std::string_view host = "0.0.0.0", uint16_t port = 0,
                   int version = 5);

  // The same on a connection that has said nothing yet.
  RawBind(RawClient control, std::string_view host, uint16_t port, int version = 5);

  const std::string& reply() const { return reply_; }
  // What the first reply says, 0.0.0.0:0 when it is not one that says an address.
  const Endpoint& bound() const { return bound_; }
  RawClient& control() { return control_; }

 private:
  RawClient control_;
  std::string reply_;
  Endpoint bound_;
};

// A listening socket of the client's.
class RawListener {
 public:
  // With port 0 the kernel chooses one.
  explicit RawListener(uint16_t port = 0);

  uint16_t port() const { return port_; }
  // Not connected when nothing comes.
  RawClient Accept();
  // What has come already.
  bool HasConnection() const;

 private:
  UniqueFd fd_;
  uint16_t port_ = 0;
};

// A query of Dante's bind extension about the connection whose remote end is `end`.
std::string RawQuery(const Endpoint& end, int version = 5);

// A successful reply that says `address`.
std::string RawReply(const Endpoint& address, int version = 5);

}  // namespace socksify::testserver
