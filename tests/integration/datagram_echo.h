// SPDX-License-Identifier: BSD-2-Clause
// DatagramEcho: UDP echo services on two neighbouring ports of a loopback address, for datagrams of every
// size and many at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace socksify {

class DatagramEcho {
 public:
  // `address` is 127.0.0.1 or ::1. Throws std::runtime_error where it cannot be had.
  explicit DatagramEcho(const std::string& address = "127.0.0.1");
  ~DatagramEcho();
  DatagramEcho(const DatagramEcho&) = delete;
  DatagramEcho& operator=(const DatagramEcho&) = delete;

  // The first port; the second service is on the next one.
  std::string port() const { return std::to_string(port_); }

 private:
  void Serve();

  uint16_t port_ = 0;
  std::array<UniqueFd, 2> sockets_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

}  // namespace socksify
