// SPDX-License-Identifier: BSD-2-Clause
#include "tools/probe_connection.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/socket_address.h"
#include "protocol/message.h"

namespace socksify {
namespace {

constexpr Failure kConnectTimeout = {Fault::kServer, ETIMEDOUT, -1, "no answer to the connection request"};
constexpr Failure kSilence = {Fault::kServer, ETIMEDOUT, -1, "no answer"};
constexpr Failure kDropped = {Fault::kServer, ECONNABORTED, -1, "the connection was dropped"};
constexpr Failure kClosed = {Fault::kServer, ECONNABORTED, -1, "the connection was closed"};
constexpr std::string_view kHttpBegin = "HTTP/";

Failure Unreachable(int error) {
  return {Fault::kServer, error, -1, "cannot be reached"};
}

bool WouldBlock(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

ProbeLimits LimitsOf(const Settings& settings) {
  constexpr ProbeLimits kLongest;
  return {.connect_ms = std::min(settings.connect_timeout_ms, kLongest.connect_ms),
          .negotiate_ms = std::min(settings.negotiate_timeout_ms, kLongest.negotiate_ms)};
}

ProbeConnection::ProbeConnection(const System& system, const IpAddress& address, uint16_t port,
                                 const ProbeLimits& limits)
    : system_(system), address_(address), port_(port), limits_(limits) {}

ProbeConnection::~ProbeConnection() {
  Close();
}

void ProbeConnection::Close() {
  if (fd_ >= 0) system_.close(fd_);
  fd_ = -1;
}

std::optional<Failure> ProbeConnection::Connect() {
  Close();
  heard_ = 0;
  const int family = address_.is_v4() ? AF_INET : AF_INET6;
  fd_ = system_.socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return Unreachable(errno);
  SocketAddress address{};
  const socklen_t size = ToSockaddr(address_, port_, family, &address);
  const long long begin_us = MonotonicUs();
  deadline_ms_ = MonotonicMs() + limits_.connect_ms;
  if (system_.connect(fd_, &address.generic, size) != 0) {
    if (errno != EINPROGRESS) return Unreachable(errno);
    if (const auto failure = Wait(POLLOUT, kConnectTimeout)) return failure;
    int error = 0;
    socklen_t error_size = sizeof error;
    system_.getsockopt(fd_, SOL_SOCKET, SO_ERROR, static_cast<void*>(&error), &error_size);
    if (error != 0) return Unreachable(error);
  }
  connect_ms_ = static_cast<double>(MonotonicUs() - begin_us) / 1000.0;
  deadline_ms_ = MonotonicMs() + limits_.negotiate_ms;
  return std::nullopt;
}

std::optional<Failure> ProbeConnection::Wait(short events, const Failure& timeout) {
  while (true) {
    const long long left_ms = deadline_ms_ - MonotonicMs();
    if (left_ms <= 0) return timeout;
    pollfd waiting = {.fd = fd_, .events = events, .revents = 0};
    if (system_.poll(&waiting, 1, static_cast<int>(left_ms)) > 0) return std::nullopt;
  }
}

std::optional<Failure> ProbeConnection::Send(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = system_.send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(sent));
    } else if (!WouldBlock(errno)) {
      return kDropped;
    } else if (const auto failure = Wait(POLLOUT, kSilence)) {
      return failure;
    }
  }
  return std::nullopt;
}

std::optional<Failure> ProbeConnection::Receive(std::span<uint8_t> bytes) {
  while (!bytes.empty()) {
    if (const auto failure = Wait(POLLIN, kSilence)) return failure;
    const ssize_t received = system_.recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (received == 0) return kClosed;
    if (received < 0) {
      if (WouldBlock(errno)) continue;
      return kDropped;
    }
    NoteHeard(bytes.first(static_cast<size_t>(received)));
    bytes = bytes.subspan(static_cast<size_t>(received));
  }
  return std::nullopt;
}

void ProbeConnection::NoteHeard(std::span<const uint8_t> bytes) {
  for (const uint8_t byte : bytes) {
    if (heard_ == first_.size()) return;
    first_[heard_++] = byte;
  }
}

bool ProbeConnection::has_seen_http() const {
  return heard_ == kHttpBegin.size() && std::ranges::equal(first_, AsBytes(kHttpBegin));
}

// Nothing is left to the application here, so bytes behind the handshake may be taken, and are thrown away.
std::optional<Failure> ProbeConnection::ReceiveFor(Handshake* handshake) {
  while (handshake->state() == HandshakeState::kRead) {
    if (const auto failure = Wait(POLLIN, kSilence)) return failure;
    std::array<uint8_t, 1024> buffer{};
    const bool takes_much = handshake->wants_peek();
    const size_t wanted = takes_much ? buffer.size() : std::min(handshake->input_needed(), buffer.size());
    const ssize_t peeked = system_.recv(fd_, buffer.data(), wanted, MSG_DONTWAIT | MSG_PEEK);
    if (peeked < 0 && WouldBlock(errno)) continue;
    if (peeked <= 0) {
      handshake->InputClosed();
      continue;
    }
    const size_t own = handshake->OwnBytes(std::span(buffer).first(static_cast<size_t>(peeked)));
    if (const auto failure = Receive(std::span(buffer).first(own))) return failure;
    handshake->Input(std::span(buffer).first(own));
  }
  return std::nullopt;
}

std::optional<Failure> ProbeConnection::Turn(Handshake* handshake) {
  while (handshake->state() == HandshakeState::kWrite) {
    const std::span<const uint8_t> output = handshake->output();
    if (const auto failure = Send(output)) return failure;
    handshake->OutputSent(output.size());
  }
  return ReceiveFor(handshake);
}

std::optional<Failure> ProbeConnection::Run(Handshake* handshake) {
  round_trips_ = 1;
  if (const auto failure = Connect()) return failure;
  while (true) {
    switch (handshake->state()) {
      case HandshakeState::kDone: return std::nullopt;
      case HandshakeState::kFailed: return handshake->failure();
      case HandshakeState::kReconnect:
        ++round_trips_;
        if (const auto failure = Connect()) return failure;
        handshake->Reconnected();
        break;
      case HandshakeState::kWrite:
      case HandshakeState::kRead:
        ++round_trips_;
        if (const auto failure = Turn(handshake)) return failure;
        break;
    }
  }
}

}  // namespace socksify
