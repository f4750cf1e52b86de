// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/free_port.h"

#include <unistd.h>

#include <fstream>
#include <stdexcept>

#include "base/endpoint.h"
#include "tests/server/tcp_sockets.h"

namespace socksify::testserver {
namespace {

constexpr uint32_t kFirst = 1024;  // of those that anybody may bind
constexpr uint32_t kEnd = 65536;

bool IsFree(uint16_t port) {
  return OpenTcpListener(Endpoint::FromIp(IpAddress::V4(0), port), 1).valid();
}

}  // namespace

uint16_t FreePort() {
  uint32_t low = kEnd;
  uint32_t high = kEnd - 1;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> low >> high;
  // Processes that run at once begin at different places, and go on where they were.
  constexpr uint32_t kStride = 61;
  static uint32_t last = static_cast<uint32_t>(getpid()) * kStride;
  for (uint32_t i = kFirst; i < kEnd; ++i) {
    const uint32_t port = kFirst + last++ % (kEnd - kFirst);
    if ((port < low || port > high) && IsFree(static_cast<uint16_t>(port)))
      return static_cast<uint16_t>(port);
  }
  throw std::runtime_error("no port outside of ip_local_port_range is free");
}

}  // namespace socksify::testserver
