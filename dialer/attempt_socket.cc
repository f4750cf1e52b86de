// SPDX-License-Identifier: BSD-2-Clause
// The application's own socket: connecting it, taking it back, and the families of addresses.
#include <fcntl.h>
#include <netinet/in.h>

#include <atomic>
#include <cerrno>

#include "dialer/attempt.h"

namespace socksify {
namespace {

// net.ipv4.tcp_fastopen lets clients do it (ip-sysctl).
constinit std::atomic<bool> g_may_fast_open = true;

// Makes a socket non-blocking for a scope, also one that ends by cancellation.
class BlockingModeAside {
 public:
  BlockingModeAside(const System& system, int fd, bool is_nonblocking) : system_(system), fd_(fd) {
    if (is_nonblocking) return;
    flags_ = system_.fcntl(fd_, F_GETFL);
    if (flags_ >= 0 && (flags_ & O_NONBLOCK) != 0) {
      flags_ = -1;
    } else if (flags_ < 0 || system_.fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK) != 0) {
      error_ = errno;
    }
  }
  ~BlockingModeAside() {
    if (flags_ >= 0) system_.fcntl(fd_, F_SETFL, flags_);
  }
  BlockingModeAside(const BlockingModeAside&) = delete;
  BlockingModeAside& operator=(const BlockingModeAside&) = delete;

  int error() const { return error_; }

 private:
  const System& system_;
  int fd_;
  int flags_ = -1;
  int error_ = 0;
};

}  // namespace

// IPv4 is reached from an AF_INET6 socket as ::ffff:a.b.c.d; IPv6 from an AF_INET socket cannot be, and the
// socket behind the descriptor is replaced.
bool Attempt::UseFamilyOf(const IpAddress& address) {
  if (family_ == AF_INET6) {
    const auto local = EndpointFromSockaddr(&local_.generic, local_size_);
    const bool is_bound_to_v6 = local && !local->ip().IsUnspecified() && !local->ip().IsV4Mapped();
    if (address.is_v6() || !is_bound_to_v6) return true;
    failure_ = {Fault::kServer, EADDRNOTAVAIL, -1,
                "a socket bound to an IPv6 address cannot reach an IPv4 proxy"};
    return false;
  }
  if (address.is_v4()) return true;
  // Else the address that the kernel chose for an earlier connection would pass for the program's binding.
  if (has_touched_socket_) Disconnect();
  const int error = ReplaceSocket(*system_, fd_, AF_INET6, OwnerOfPort());
  if (error != 0) {
    failure_ = {Fault::kServer, error, -1, "an IPv4 socket cannot reach an IPv6 proxy"};
    return false;
  }
  family_ = AF_INET6;
  is_replaced_ = true;
  has_touched_socket_ = false;
  return true;
}

// By tcp(7)'s fast open: one call that connects without blocking, whatever the socket's mode, and has the
// first bytes travel with the request where the proxy's address is known to take that. Nothing where this
// system cannot.
std::optional<int> Attempt::FastOpen(const SocketAddress& address, socklen_t size) {
  if (is_direct() || !g_may_fast_open.load(std::memory_order_relaxed)) return std::nullopt;
  const std::span<const uint8_t> output = handshake_.output();
  const ssize_t sent = system_->sendto(fd_, output.data(), output.size(),
                                       MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL, &address.generic, size);
  if (sent >= 0) {
    sent_early_ = static_cast<size_t>(sent);
    return 0;
  }
  if (errno != EOPNOTSUPP) return errno;
  g_may_fast_open.store(false, std::memory_order_relaxed);
  return std::nullopt;
}

// connect(2) without blocking, whatever the socket's mode; returns the errno or 0.
int Attempt::Connect(const SocketAddress& address, socklen_t size) {
  // Later trials may find that the program has changed the mode meanwhile.
  const bool is_nonblocking = options_.is_nonblocking && !has_touched_socket_;
  if (has_touched_socket_) {
    Disconnect();
    has_gone_back_ = true;
  }
  sent_early_ = 0;
  if (const std::optional<int> result = FastOpen(address, size);
      result && *result != ECONNABORTED && *result != ENETUNREACH) {
    return *result;
  }
  const BlockingModeAside mode_aside(*system_, fd_, is_nonblocking);
  if (mode_aside.error() != 0) return mode_aside.error();
  int error = system_->connect(fd_, &address.generic, size) == 0 ? 0 : errno;
  if (error == ECONNABORTED && !has_touched_socket_) {
    // A connect() of the program's own failed on this socket before: Linux reports that once more.
    error = system_->connect(fd_, &address.generic, size) == 0 ? 0 : errno;
  }
  if (error == ENETUNREACH && family_ == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr)) {
    // IPV6_V6ONLY bars ::ffff:a.b.c.d (ipv6(7)). It can be taken off while the socket is unbound.
    int v6_only = 0;
    socklen_t v6_only_size = sizeof v6_only;
    const int off = 0;
    if (system_->getsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, &v6_only_size) == 0 && v6_only != 0 &&
        system_->setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) {
      error = system_->connect(fd_, &address.generic, size) == 0 ? 0 : errno;
    }
  }
  return error;
}

void Attempt::Disconnect() {
  sockaddr unspecified{};
  unspecified.sa_family = AF_UNSPEC;
  system_->connect(fd_, &unspecified, sizeof unspecified);
  // tcp_disconnect() leaves ECONNRESET behind for a connection that had not answered; taking it here keeps
  // the next attempt, and the program, from being told of it.
  int error = 0;
  socklen_t size = sizeof error;
  system_->getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  // A port that the kernel chose at bind(2) is given back with the connection; the program may have told
  // others of it. Where the port is still held this fails, as it should.
  if (local_size_ != 0) system_->bind(fd_, &local_.generic, local_size_);
}

}  // namespace socksify
