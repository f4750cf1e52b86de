// SPDX-License-Identifier: BSD-2-Clause
// DnsOrigin: a name server on loopback, by TCP only, which has an MX record for every name.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace socksify {

class DnsOrigin {
 public:
  DnsOrigin();
  ~DnsOrigin();
  DnsOrigin(const DnsOrigin&) = delete;
  DnsOrigin& operator=(const DnsOrigin&) = delete;

  std::string port() const { return std::to_string(port_); }

 private:
  void Serve();
  static void Answer(int fd);

  uint16_t port_ = 0;
  UniqueFd listener_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

}  // namespace socksify
