// SPDX-License-Identifier: BSD-2-Clause
// Many datagrams at a time through one non-blocking UDP socket.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "base/unique_fd.h"

namespace socksify::testserver {

struct UdpPacket {
  Endpoint to;  // an IP address
  std::string bytes;
};

// A socket with large buffers, bound to `local`, whose port may be 0; invalid, with errno, when there is
// none.
UniqueFd OpenUdpSocket(const Endpoint& local);

// Where a socket is bound.
std::optional<Endpoint> LocalEndpoint(int fd);

// Takes what waits, 64 datagrams at most, and reports each with its sender.
void ReceivePackets(int fd, const std::function<void(const Endpoint& from, std::string_view bytes)>& receive);

// Sends in order. What the socket does not take is lost, as datagrams may be.
void SendPackets(int fd, std::span<const UdpPacket> packets);

}  // namespace socksify::testserver
