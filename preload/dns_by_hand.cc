// SPDX-License-Identifier: BSD-2-Clause
#include "preload/dns_by_hand.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <vector>

#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "preload/hidden_descriptors.h"
#include "preload/name_queries.h"
#include "preload/names.h"
#include "preload/originals.h"

namespace socksify {
namespace {

// The longest message that DNS has, over TCP; by UDP it is shorter.
constexpr size_t kMaxMessage = 65'535;

bool AreSame(const SocketAddress& a, const SocketAddress& b) {
  if (a.generic.sa_family != b.generic.sa_family) return false;
  if (a.generic.sa_family == AF_INET)
    return a.v4.sin_addr.s_addr == b.v4.sin_addr.s_addr && a.v4.sin_port == b.v4.sin_port;
  return a.v6.sin6_port == b.v6.sin6_port && a.v6.sin6_scope_id == b.v6.sin6_scope_id &&
         std::memcmp(&a.v6.sin6_addr, &b.v6.sin6_addr, sizeof a.v6.sin6_addr) == 0;
}

// The name servers that the program has asked, and the sockets that answer in their place. Of more than there
// is room for, the oldest makes way.
class Helpers {
 public:
  // The address at which a socket of the server's family finds the helper; false (errno) if there is none.
  bool Find(const SocketAddress& server, SocketAddress* local, const SignalsBlocked& blocked) {
    const LeafGuard guard(&lock_, blocked);
    Helper* const helper = Provide(server);
    if (helper != nullptr) *local = helper->local;
    return helper != nullptr;
  }

  bool Send(const SocketAddress& server, std::span<const uint8_t> answer, const SocketAddress& to,
            const SignalsBlocked& blocked) {
    const LeafGuard guard(&lock_, blocked);
    const Helper* const helper = Provide(server);
    if (helper == nullptr) return false;
    SocketAddress target = to;
    socklen_t size = sizeof target.v6;
    if (helper->family == AF_INET) {
      // An AF_INET6 socket is reached by IPv4 too.
      const auto endpoint = EndpointFromSockaddr(&to.generic, sizeof to);
      if (!endpoint) return false;
      const IpAddress ip = endpoint->ip().Unmapped();
      size = ToSockaddr(ip.IsUnspecified() || ip.is_v6() ? IpAddress::V4(INADDR_LOOPBACK) : ip,
                        endpoint->port(), AF_INET, &target);
    } else if (IN6_IS_ADDR_UNSPECIFIED(&target.v6.sin6_addr)) {
      target.v6.sin6_addr = in6_addr(IN6ADDR_LOOPBACK_INIT);
    }
    return libc::sendto(helper->fd, static_cast<const void*>(answer.data()), answer.size(),
                        MSG_DONTWAIT | MSG_NOSIGNAL, static_cast<const sockaddr*>(&target.generic),
                        size) >= 0;
  }

  // The server whose helper has the address.
  bool FindServer(const SocketAddress& local, SocketAddress* server, const SignalsBlocked& blocked) {
    const LeafGuard guard(&lock_, blocked);
    for (const Helper& helper : helpers_) {
      if (helper.cookie == 0 || !AreSame(helper.local, local)) continue;
      *server = helper.server;
      return true;
    }
    return false;
  }

  LeafLock* lock() { return &lock_; }

 private:
  struct Helper {
    int fd = 0;
    uint64_t cookie = 0;  // 0: there is none
    int family = AF_UNSPEC;
    SocketAddress server{};
    SocketAddress local{};  // in the family of `server`
  };

  static bool IsOurs(const Helper& helper) {
    return helper.cookie != 0 && SocketCookie(helper.fd) == helper.cookie;
  }

  Helper* Provide(const SocketAddress& server) {
    for (Helper& helper : helpers_) {
      if (helper.cookie == 0 || !AreSame(helper.server, server)) continue;
      // Programs close all descriptors that they do not know.
      if (IsOurs(helper)) return &helper;
      return Open(server, &helper) ? &helper : nullptr;
    }
    Helper& oldest = helpers_[next_];
    if (oldest.cookie != 0) CloseHidden(oldest.fd, oldest.cookie);
    oldest.cookie = 0;
    if (!Open(server, &oldest)) return nullptr;
    next_ = (next_ + 1) % helpers_.size();
    return &oldest;
  }

  static bool Open(const SocketAddress& server, Helper* helper) {
    *helper = {};
    const bool is_v6 = server.generic.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&server.v6.sin6_addr);
    SocketAddress local{};
    if (!is_v6 || !OpenBound(IpAddress::V6(kLoopback6), AF_INET6, helper, &local)) {
      if (!OpenBound(IpAddress::V4(INADDR_LOOPBACK), AF_INET, helper, &local)) return false;
    }
    const auto endpoint = EndpointFromSockaddr(&local.generic, sizeof local);
    if (!endpoint) return false;
    ToSockaddr(endpoint->ip(), endpoint->port(), server.generic.sa_family, &helper->local);
    helper->server = server;
    return true;
  }

  static bool OpenBound(const IpAddress& ip, int family, Helper* helper, SocketAddress* local) {
    const int fd = libc::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    socklen_t size = ToSockaddr(ip, 0, family, local);
    if (libc::bind(fd, static_cast<const sockaddr*>(&local->generic), size) != 0 ||
        libc::getsockname(fd, &local->generic, &size) != 0) {
      const ErrnoKeeper keeper;
      libc::close(fd);
      return false;
    }
    helper->fd = Hide(fd);
    helper->cookie = SocketCookie(helper->fd);
    helper->family = family;
    return true;
  }

  static constexpr uint8_t kLoopback6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  LeafLock lock_;
  size_t next_ = 0;
  std::array<Helper, 16> helpers_{};
};

constinit Helpers g_helpers;

// Where the program's socket receives; bound now if it has not been, as the kernel does with the first send.
bool LocalAddress(int fd, SocketAddress* local) {
  socklen_t size = sizeof *local;
  if (libc::getsockname(fd, &local->generic, &size) != 0) return false;
  in_port_t& port = local->generic.sa_family == AF_INET ? local->v4.sin_port : local->v6.sin6_port;
  if (port != 0) return true;
  if (libc::bind(fd, static_cast<const sockaddr*>(&local->generic), size) != 0) return false;
  return libc::getsockname(fd, &local->generic, &size) == 0;
}

}  // namespace

LeafLock* NameServersLock() {
  return g_helpers.lock();
}

int ConnectToNameServer(int fd, const sockaddr* address, socklen_t size) {
  SocketAddress server{};
  NormalizeSockaddr(address, size, &server);
  const SignalsBlocked blocked;
  SocketAddress local{};
  if (!g_helpers.Find(server, &local, blocked)) return -1;
  const socklen_t local_size = local.generic.sa_family == AF_INET ? sizeof local.v4 : sizeof local.v6;
  if (libc::connect(fd, static_cast<const sockaddr*>(&local.generic), local_size) != 0) return -1;
  const Connection connection = {.cookie = SocketCookie(fd), .peer = server, .peer_size = local_size};
  MarkDescriptor(fd, kDnsByHand | kToNameServer);
  RecordOfSocket(fd, connection);
  return 0;
}

void DissolveDatagramConnection(int fd) {
  const ErrnoKeeper keeper;
  sockaddr unspecified{};
  unspecified.sa_family = AF_UNSPEC;
  libc::connect(fd, static_cast<const sockaddr*>(&unspecified), static_cast<socklen_t>(sizeof unspecified));
  ForgetConnection(fd);
}

ssize_t SendToNameServer(int fd, const void* data, size_t data_size, const sockaddr* address,
                         socklen_t size) {
  const iovec part = {.iov_base = const_cast<void*>(data), .iov_len = data_size};
  return SendToNameServer(fd, &part, 1, address, size);
}

ssize_t SendToNameServer(int fd, const iovec* parts, size_t count, const sockaddr* address, socklen_t size) {
  SocketAddress server{};
  if (address != nullptr) {
    SocketAddress given{};
    std::memcpy(&given, address, std::min<size_t>(size, sizeof given));
    // An AF_INET socket takes it so (udp(7)).
    if (given.generic.sa_family == AF_UNSPEC) given.generic.sa_family = AF_INET;
    NormalizeSockaddr(&given.generic, size, &server);
  } else {
    const std::optional<Connection> connection = FindConnection(fd);
    if (!connection) {
      errno = EDESTADDRREQ;
      return -1;
    }
    server = connection->peer;
  }
  if (count > IOV_MAX) {
    errno = EMSGSIZE;
    return -1;
  }
  std::vector<uint8_t> query;
  for (size_t i = 0; i < count; ++i) {
    if (parts[i].iov_len > kMaxMessage - query.size()) {
      errno = EMSGSIZE;
      return -1;
    }
    const auto* const bytes = static_cast<const uint8_t*>(parts[i].iov_base);
    query.insert(query.end(), bytes, bytes + parts[i].iov_len);
  }
  std::optional<Endpoint> name_server = EndpointFromSockaddr(&server.generic, sizeof server);
  if (!name_server) {
    errno = EINVAL;
    return -1;
  }
  name_server = Endpoint::FromIp(name_server->ip().Unmapped(), name_server->port());
  Runtime* const runtime = Runtime::Get();
  SocketAddress local{};
  if (runtime == nullptr || !LocalAddress(fd, &local)) return -1;
  MarkDescriptor(fd, kDnsByHand);
  const ErrnoKeeper keeper;
  std::vector<uint8_t> out(kMaxMessage);
  const QueryAnswer answer = AnswerQuery(runtime, query, {.servers = {&*name_server, 1}}, out);
  if (answer.kind == QueryAnswer::Kind::kAnswer) {
    const SignalsBlocked blocked;
    g_helpers.Send(server, std::span<const uint8_t>(out).first(answer.size), local, blocked);
  }
  return static_cast<ssize_t>(query.size());
}

bool ShowNameServer(sockaddr* address, socklen_t room, socklen_t* size) {
  if (address == nullptr || size == nullptr) return false;
  const ErrnoKeeper keeper;
  const socklen_t known = std::min(room, *size);
  if (!EndpointFromSockaddr(address, known)) return false;
  SocketAddress local{};
  NormalizeSockaddr(address, known, &local);
  SocketAddress server{};
  const SignalsBlocked blocked;
  if (!g_helpers.FindServer(local, &server, blocked)) return false;
  *size = room;
  CopySockaddr(server, server.generic.sa_family == AF_INET ? sizeof server.v4 : sizeof server.v6, address,
               size);
  return true;
}

}  // namespace socksify
