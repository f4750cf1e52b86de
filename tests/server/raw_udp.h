// SPDX-License-Identifier: BSD-2-Clause
// RawUdp and RawAssociation: blocking UDP for the server's own tests, which write and read the very bytes.
// Everything has a deadline of ten seconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "base/unique_fd.h"
#include "tests/server/raw_client.h"

namespace socksify::testserver {

// Where answers to a name come from.
constexpr const char* kMadeUp = "192.0.2.77";

struct RawDatagram {
  std::string bytes;
  Endpoint from;
};

// A bound UDP socket.
class RawUdp {
 public:
  // `address` is an IP address; with port 0 the kernel chooses one.
  explicit RawUdp(std::string_view address = "127.0.0.1", uint16_t port = 0);

  const Endpoint& local() const { return local_; }
  bool Send(const Endpoint& to, std::string_view bytes);
  // Empty, without a sender, when nothing comes.
  RawDatagram Receive();
  // What has come already.
  bool HasInput() const;

 private:
  UniqueFd fd_;
  Endpoint local_;
};

// A control connection that has asked for an association, and a socket of the client.
class RawAssociation {
 public:
  // Asks with 0.0.0.0:0, which names no destination. `client` is the address of the client's socket.
  explicit RawAssociation(const Endpoint& server, std::string_view client = "127.0.0.1");

  // The reply is success, and speaks of an address.
  bool ok() const { return relay_.port() != 0; }
  const std::string& reply() const { return reply_; }
  const Endpoint& relay() const { return relay_; }
  RawClient& control() { return control_; }
  RawUdp& socket() { return socket_; }

  bool Send(std::string_view host, uint16_t port, std::string_view payload);
  std::string Receive() { return socket_.Receive().bytes; }

 private:
  RawClient control_;
  RawUdp socket_;
  std::string reply_;
  Endpoint relay_;  // the server's address with the port of the reply
};

// RSV FRAG ATYP DST.ADDR DST.PORT; `host` is an IP address or a name.
std::string RawUdpHeader(std::string_view host, uint16_t port);

}  // namespace socksify::testserver
