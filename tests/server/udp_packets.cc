// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/udp_packets.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/socket_address.h"

namespace socksify::testserver {
namespace {

constexpr size_t kBatch = 64;
constexpr size_t kMaxDatagram = 64 << 10;
constexpr int kBufferSize = 4 << 20;

}  // namespace

UniqueFd OpenUdpSocket(const Endpoint& local) {
  SocketAddress address{};
  const int family = local.ip().is_v6() ? AF_INET6 : AF_INET;
  const socklen_t size = ToSockaddr(local.ip(), local.port(), family, &address);
  UniqueFd fd(socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fd;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kBufferSize, sizeof kBufferSize);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &kBufferSize, sizeof kBufferSize);
  if (bind(fd.get(), &address.generic, size) < 0) {
    const int error = errno;
    fd.Reset();
    errno = error;
  }
  return fd;
}

std::optional<Endpoint> LocalEndpoint(int fd) {
  SocketAddress address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, &address.generic, &size) < 0) return std::nullopt;
  return EndpointFromSockaddr(&address.generic, size);
}

void ReceivePackets(int fd,
                    const std::function<void(const Endpoint& from, std::string_view bytes)>& receive) {
  // One server thread uses it at a time; pages that no datagram reaches stay untouched.
  thread_local const std::unique_ptr<char[]> buffer(new char[kBatch * kMaxDatagram]);
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> parts{};
  std::array<SocketAddress, kBatch> senders{};
  for (size_t i = 0; i < kBatch; ++i) {
    parts[i] = {.iov_base = buffer.get() + (i * kMaxDatagram), .iov_len = kMaxDatagram};
    messages[i].msg_hdr.msg_name = &senders[i];
    messages[i].msg_hdr.msg_namelen = sizeof senders[i];
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int count = recvmmsg(fd, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < count; ++i) {
    const auto from = EndpointFromSockaddr(&senders[i].generic, messages[i].msg_hdr.msg_namelen);
    if (from) receive(*from, {static_cast<char*>(parts[i].iov_base), messages[i].msg_len});
  }
}

void SendPackets(int fd, std::span<const UdpPacket> packets) {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> parts{};
  std::array<SocketAddress, kBatch> receivers{};
  while (!packets.empty()) {
    const size_t count = std::min(packets.size(), kBatch);
    for (size_t i = 0; i < count; ++i) {
      const UdpPacket& packet = packets[i];
      parts[i] = {.iov_base = const_cast<char*>(packet.bytes.data()), .iov_len = packet.bytes.size()};
      const int family = packet.to.ip().is_v6() ? AF_INET6 : AF_INET;
      messages[i] = {};
      messages[i].msg_hdr.msg_namelen = ToSockaddr(packet.to.ip(), packet.to.port(), family, &receivers[i]);
      messages[i].msg_hdr.msg_name = &receivers[i];
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = sendmmsg(fd, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    // The one that cannot be sent (too large, nowhere to go) must not keep the others back.
    packets = packets.subspan(sent > 0 ? sent : 1);
  }
}

}  // namespace socksify::testserver
