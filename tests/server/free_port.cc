// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/free_port.h"

#include <unistd.h>

#include <algorithm>
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
  const uint32_t below = std::max(low, kFirst) - kFirst;
  const uint32_t count = below + (kEnd - 1 - high);
  // Processes that run at once begin at different places, and go on where they were.
  static uint32_t next = static_cast<uint32_t>(getpid()) * 61;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t place = next++ % count;
    const uint32_t port = place < below ? kFirst + place : high + 1 + (place - below);
    if (IsFree(static_cast<uint16_t>(port))) return static_cast<uint16_t>(port);
  }
  throw std::runtime_error("no port outside of ip_local_port_range is free");
}

}  // namespace socksify::testserver
