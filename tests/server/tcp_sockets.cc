// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/tcp_sockets.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/socket_address.h"

namespace socksify::testserver {
namespace {

Endpoint AddressOf(int fd, decltype(&getsockname) get) {
  SocketAddress address{};
  socklen_t size = sizeof address;
  if (get(fd, &address.generic, &size) < 0) return {};
  return EndpointFromSockaddr(&address.generic, size).value_or(Endpoint());
}

int FamilyOf(const IpAddress& ip) {
  return ip.is_v6() ? AF_INET6 : AF_INET;
}

UniqueFd OpenTcpSocket(const IpAddress& ip) {
  return UniqueFd(socket(FamilyOf(ip), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

bool BindTo(int fd, const Endpoint& local) {
  SocketAddress address{};
  const socklen_t size = ToSockaddr(local.ip(), local.port(), FamilyOf(local.ip()), &address);
  return bind(fd, &address.generic, size) == 0;
}

void SetReuse(int fd, int value) {
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value);
}

}  // namespace

Endpoint LocalAddressOf(int fd) {
  return AddressOf(fd, &getsockname);
}

Endpoint PeerAddressOf(int fd) {
  return AddressOf(fd, &getpeername);
}

UniqueFd HoldTcpPort(const IpAddress& ip) {
  UniqueFd fd = OpenTcpSocket(ip);
  if (fd.valid() && !BindTo(fd.get(), Endpoint::FromIp(ip, 0))) return {};
  return fd;
}

UniqueFd OpenTcpListener(const Endpoint& local, int backlog, int holder) {
  UniqueFd fd = OpenTcpSocket(local.ip());
  if (!fd.valid()) return fd;
  // With the option on, the kernel's choice may be a port that another socket is bound to already. Set
  // afterwards it still counts for the connections that are accepted, and lets their port be bound again.
  if (local.port() != 0) SetReuse(fd.get(), 1);
  // Two sockets at one port take the option on both, until one of them listens.
  if (holder >= 0) SetReuse(holder, 1);
  const bool is_bound = BindTo(fd.get(), local);
  SetReuse(fd.get(), 1);
  const bool listens = is_bound && listen(fd.get(), backlog) == 0;
  const int error = errno;
  if (holder >= 0) SetReuse(holder, 0);
  errno = error;
  return listens ? std::move(fd) : UniqueFd();
}

UniqueFd StartConnecting(const Endpoint& to, const IpAddress* from) {
  UniqueFd fd = OpenTcpSocket(to.ip());
  if (!fd.valid()) return fd;
  if (from != nullptr && !BindTo(fd.get(), Endpoint::FromIp(*from, 0))) return {};
  SocketAddress address{};
  const socklen_t size = ToSockaddr(to.ip(), to.port(), FamilyOf(to.ip()), &address);
  if (connect(fd.get(), &address.generic, size) < 0 && errno != EINPROGRESS) return {};
  return fd;
}

int TakeSocketError(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void SetResetOnClose(int fd) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

ssize_t ReadSome(int fd, std::string* out) {
  // One server thread uses it at a time, and a stack is small.
  thread_local std::array<char, 64 << 10> chunk;
  ssize_t count = 0;
  do {
    count = recv(fd, chunk.data(), chunk.size(), MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count > 0) out->append(chunk.data(), count);
  return count;
}

ssize_t SendSome(int fd, std::string* bytes) {
  ssize_t sent = 0;
  while (static_cast<size_t>(sent) < bytes->size()) {
    const ssize_t count = send(fd, bytes->data() + sent, bytes->size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN && sent == 0) return -1;
    if (count < 0) break;
    sent += count;
  }
  bytes->erase(0, sent);
  return sent;
}

}  // namespace socksify::testserver
