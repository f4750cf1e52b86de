// SPDX-License-Identifier: BSD-2-Clause
// EchoOrigin: a plain echo service on loopback, TCP and UDP on the same port, for running victims direct.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace socksify {

class EchoOrigin {
 public:
  EchoOrigin();
  ~EchoOrigin();
  EchoOrigin(const EchoOrigin&) = delete;
  EchoOrigin& operator=(const EchoOrigin&) = delete;

  std::string port() const { return std::to_string(port_); }

 private:
  void Serve();

  uint16_t port_ = 0;
  UniqueFd stream_;
  UniqueFd datagram_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

}  // namespace socksify
