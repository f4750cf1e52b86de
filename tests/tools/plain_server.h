// SPDX-License-Identifier: BSD-2-Clause
// PlainServer: what answers at a port of 127.0.0.1 and is no proxy.
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace socksify::testing {

class PlainServer {
 public:
  enum class Manner : uint8_t {
    kEchoes,   // whatever it gets
    kChooses,  // with the first method that a SOCKS5 greeting offers, and has no more to say
    kSilent,   // accepts, and reads
    kReplies   // to the n-th bytes that it reads of a connection, the n-th of `replies`
  };

  explicit PlainServer(Manner manner, std::vector<std::string> replies = {});
  ~PlainServer();
  PlainServer(const PlainServer&) = delete;
  PlainServer& operator=(const PlainServer&) = delete;

  uint16_t port() const { return port_; }

 private:
  struct Client {
    UniqueFd fd;
    size_t reads = 0;
  };

  void Serve() const;
  // False at the end of the connection.
  bool Answer(Client* client) const;

  const Manner manner_;
  const std::vector<std::string> replies_;
  UniqueFd listener_;
  UniqueFd stop_;  // an eventfd, readable when the thread is to end
  uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace socksify::testing
