// SPDX-License-Identifier: BSD-2-Clause
#include "preload/carried_queries.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <functional>
#include <string_view>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"
#include "preload/originals.h"
#include "preload/outbound.h"
#include "preload/own_socket.h"

namespace socksify {
namespace {

// A query and its response on a connection of our own.
class OwnStream {
 public:
  OwnStream(Runtime* runtime, const Endpoint& server)
      : until_us_(MonotonicUs() + kCarryTimeLimitMs * 1000LL),
        fd_(OpenOwnSocket(runtime, SOCK_STREAM, server, kCarryTimeLimitMs)) {}
  ~OwnStream() {
    if (fd_ >= 0) CloseOwnSocket(fd_);
  }
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;

  bool is_open() const { return fd_ >= 0; }

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
      if (!LimitTime()) return false;
      const ssize_t count = libc::recv(fd_, static_cast<void*>(out.data()), out.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      out = out.subspan(static_cast<size_t>(count));
    }
    return true;
  }

 private:
  bool LimitTime() const {
    const long long left_us = until_us_ - MonotonicUs();
    const timeval limit = {.tv_sec = left_us / 1'000'000, .tv_usec = left_us % 1'000'000};
    return left_us > 0 && libc::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, static_cast<const void*>(&limit),
                                           static_cast<socklen_t>(sizeof limit)) == 0;
  }

  long long until_us_;
  int fd_;
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

// By datagrams, which are all that some servers know. Empty too for an answer that was cut. Takes at most
// three times kDatagramPauseMs, if the first proxy answers.
constexpr int kDatagramPauseMs = 1000;
std::span<uint8_t> ExchangeDatagrams(Runtime* runtime, const Endpoint& server, std::span<const uint8_t> query,
                                     std::span<uint8_t> out) {
  constexpr int kTries = 2;
  constexpr uint8_t kTruncated = 2;
  const int fd = OpenOwnSocket(runtime, SOCK_DGRAM, server, kDatagramPauseMs);
  if (fd < 0) return {};
  std::span<uint8_t> response;
  for (int i = 0; i < kTries && response.empty(); ++i) {
    if (SendOwn(fd, query.data(), query.size(), MSG_NOSIGNAL) < 0) break;
    pollfd readable = {.fd = fd, .events = POLLIN, .revents = 0};
    if (libc::poll(&readable, nfds_t{1}, kDatagramPauseMs) <= 0) continue;
    const ssize_t size = ReceiveOwn(fd, out.data(), out.size(), MSG_DONTWAIT);
    const bool is_answer = size > 12 && query.size() > 1 && out[0] == query[0] && out[1] == query[1];
    if (is_answer) response = out.first(static_cast<size_t>(size));
    if (size < 0 && errno != EAGAIN) break;
  }
  CloseOwnSocket(fd);
  return !response.empty() && (response[2] & kTruncated) != 0 ? std::span<uint8_t>() : response;
}

std::span<uint8_t> ExchangeByStream(Runtime* runtime, const Endpoint& server, std::span<const uint8_t> query,
                                    std::span<uint8_t> out) {
  OwnStream stream(runtime, server);
  std::array<uint8_t, 2> prefix{};
  if (!stream.is_open() || !stream.Send(query) || !stream.Receive(prefix)) return {};
  const size_t length = static_cast<size_t>(prefix[0] << 8 | prefix[1]);
  if (length > out.size() || !stream.Receive(out.first(length))) return {};
  return out.first(length);
}

// What fails that soon costs nobody any time.
constexpr long long kSoonUs = 1'000'000;
static_assert(kSoonUs / 1000 + 3LL * kDatagramPauseMs <= kCarryTimeLimitMs);

// By TCP, which carries every answer whole, and by UDP if TCP fails soon. The stub of a local resolver is
// better at UDP, and a server that is reached directly costs nobody an association.
std::span<uint8_t> Exchange(Runtime* runtime, const Endpoint& server, std::span<const uint8_t> query,
                            std::span<uint8_t> out) {
  const long long started_us = MonotonicUs();
  const bool is_direct = GoesDirect(runtime, server, Transport::kUdp);
  std::span<uint8_t> response;
  if (is_direct) response = ExchangeDatagrams(runtime, server, query, out);
  if (response.empty()) response = ExchangeByStream(runtime, server, query, out);
  if (!response.empty() || is_direct || MonotonicUs() - started_us > kSoonUs) return response;
  return ExchangeDatagrams(runtime, server, query, out);
}

}  // namespace

std::span<uint8_t> CarryQuery(Runtime* runtime, const Endpoint& server, std::span<const uint8_t> query,
                              std::span<uint8_t> out) {
  const ErrnoKeeper keeper;
  const CancellationOff cancellation_off;
  if (IsSilent(server)) return {};
  const long long started_us = MonotonicUs();
  const std::span<uint8_t> response = Exchange(runtime, server, query, out);
  if (response.empty() && MonotonicUs() - started_us > kSoonUs) NoteSilent(server);
  return response;
}

}  // namespace socksify
