// SPDX-License-Identifier: BSD-2-Clause
// EchoOrigin: a plain echo service on loopback, TCP and UDP on the same port, for running victims direct. On
// demand it takes its time to accept, or to refuse, a TCP connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "tests/integration/syn_gate.h"

namespace socksify {

class EchoOrigin {
 public:
  EchoOrigin() : EchoOrigin(std::nullopt) {}
  // A connection is pending for a second, and ends like this.
  explicit EchoOrigin(SynGate::Ending ending) : EchoOrigin(std::optional(ending)) {}
  ~EchoOrigin();
  EchoOrigin(const EchoOrigin&) = delete;
  EchoOrigin& operator=(const EchoOrigin&) = delete;

  std::string port() const { return std::to_string(port_); }

 private:
  explicit EchoOrigin(std::optional<SynGate::Ending> ending);
  // Leaves port_ at 0 where the two ports cannot be had.
  void Listen();
  void Serve();

  uint16_t port_ = 0;
  UniqueFd port_holder_;  // for when nobody listens any more
  UniqueFd stream_;
  UniqueFd datagram_;
  std::optional<SynGate> gate_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

}  // namespace socksify
