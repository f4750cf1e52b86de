// SPDX-License-Identifier: BSD-2-Clause
#include "preload/carried_queries.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <functional>
#include <string_view>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "preload/connections.h"
#include "preload/names.h"
#include "preload/originals.h"
#include "preload/outbound.h"

namespace socksify {
namespace {

// A socket of our own, which the program's side of the library treats as one of the program's.
class OwnStream {
 public:
  explicit OwnStream(int family)
      : fd_(libc::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        until_us_(MonotonicUs() + kCarryTimeLimitMs * 1000LL) {
    if (fd_ < 0) return;
    if (g_descriptors.Flags(fd_) != 0) ForgetDescriptor(fd_);
    // A blocking connect() asks for SO_SNDTIMEO only where it is known to be set.
    MarkDescriptor(fd_, kTransferTimeout);
    LimitTime(SO_SNDTIMEO);
  }
  ~OwnStream() {
    if (fd_ < 0) return;
    ForgetDescriptor(fd_);
    libc::close(fd_);
  }
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;

  int fd() const { return fd_; }

  bool Connect(const SocketAddress& address, socklen_t size) {
    return fd_ >= 0 && ConnectOutbound(fd_, &address.generic, size) == 0;
  }

  // The length goes before each message (RFC 1035 section 4.2.2), preferably in the same segment.
  bool Send(std::span<const uint8_t> message) {
    std::array<uint8_t, 2> length = {static_cast<uint8_t>(message.size() >> 8),
                                     static_cast<uint8_t>(message.size())};
    iovec parts[] = {{.iov_base = length.data(), .iov_len = length.size()},
                     {.iov_base = const_cast<uint8_t*>(message.data()), .iov_len = message.size()}};
    msghdr header{};
    header.msg_iov = parts;
    header.msg_iovlen = 2;
    // A fresh connection has room for the longest message.
    return libc::sendmsg(fd_, &header, MSG_NOSIGNAL) == static_cast<ssize_t>(length.size() + message.size());
  }

  bool Receive(std::span<uint8_t> out) {
    while (!out.empty()) {
      if (!LimitTime(SO_RCVTIMEO)) return false;
      const ssize_t count = libc::recv(fd_, static_cast<void*>(out.data()), out.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      out = out.subspan(static_cast<size_t>(count));
    }
    return true;
  }

 private:
  bool LimitTime(int option) const {
    const long long left_us = until_us_ - MonotonicUs();
    const timeval limit = {.tv_sec = left_us / 1'000'000, .tv_usec = left_us % 1'000'000};
    return left_us > 0 && libc::setsockopt(fd_, SOL_SOCKET, option, static_cast<const void*>(&limit),
                                           static_cast<socklen_t>(sizeof limit)) == 0;
  }

  int fd_;
  long long until_us_;
};

// A server that did not answer is left alone for a while, so that a program that asks it again and again does
// not wait each time. Which one, and until when (MonotonicUs()), both approximately: of two threads the later
// counts.
constexpr long long kPauseUs = 20'000'000;
constinit std::atomic<size_t> g_silent_server = 0;
constinit std::atomic<long long> g_silent_until_us = 0;

size_t HashOf(const Endpoint& server) {
  return std::hash<std::string_view>()(server.ToString());
}

bool IsSilent(const Endpoint& server) {
  return MonotonicUs() < g_silent_until_us.load() && g_silent_server.load() == HashOf(server);
}

void NoteSilent(const Endpoint& server) {
  g_silent_server = HashOf(server);
  g_silent_until_us = MonotonicUs() + kPauseUs;
}

std::span<uint8_t> Exchange(const SocketAddress& address, socklen_t size, std::span<const uint8_t> query,
                            std::span<uint8_t> out) {
  OwnStream stream(address.generic.sa_family);
  std::array<uint8_t, 2> prefix{};
  if (!stream.Connect(address, size) || !stream.Send(query) || !stream.Receive(prefix)) return {};
  const size_t length = static_cast<size_t>(prefix[0] << 8 | prefix[1]);
  if (length > out.size() || !stream.Receive(out.first(length))) return {};
  return out.first(length);
}

}  // namespace

std::span<uint8_t> CarryQuery(Runtime* runtime, const Endpoint& server, std::span<const uint8_t> query,
                              std::span<uint8_t> out) {
  const ErrnoKeeper keeper;
  const CancellationOff cancellation_off;
  if (IsSilent(server)) return {};
  IpAddress ip = server.ip();
  if (server.is_name()) {
    const auto fake = FakeAddressFor(runtime, server.name(), IpVersion::kV4);
    if (!fake) return {};
    ip = *fake;
  }
  SocketAddress address{};
  const socklen_t size = ToSockaddr(ip, server.port(), ip.is_v4() ? AF_INET : AF_INET6, &address);
  const std::span<uint8_t> response = Exchange(address, size, query, out);
  if (response.empty()) NoteSilent(server);
  return response;
}

}  // namespace socksify
