// SPDX-License-Identifier: BSD-2-Clause
// A program's AF_INET socket cannot speak IPv6, and where the only proxy is an IPv6 one there is no way but
// to put another socket in its place. The kernel offers no list of the options that differ from their
// defaults, so every option that a program is known to set is copied when its value differs from a fresh
// socket's. epoll registrations belong to the open file and vanish with it; /proc/PID/fdinfo (proc(5)) tells
// them, those included that were made before this library was loaded or by a call that it does not see.

#include "dialer/socket_replacement.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/socket_address.h"

namespace socksify {
namespace {

struct Option {
  int level;
  int name;
};

// Options whose value can be read and written back as it is.
constexpr Option kOptions[] = {
    {SOL_SOCKET, SO_REUSEADDR},
    {SOL_SOCKET, SO_REUSEPORT},
    {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_LINGER},
    {SOL_SOCKET, SO_OOBINLINE},
    {SOL_SOCKET, SO_RCVLOWAT},
    {SOL_SOCKET, SO_RCVTIMEO},
    {SOL_SOCKET, SO_SNDTIMEO},
    {SOL_SOCKET, SO_TIMESTAMP},
    {SOL_SOCKET, SO_TIMESTAMPNS},
    {SOL_SOCKET, SO_TIMESTAMPING},
    {SOL_SOCKET, SO_BUSY_POLL},
    {SOL_SOCKET, SO_MARK},
    {SOL_SOCKET, SO_BINDTODEVICE},
    {SOL_SOCKET, SO_DONTROUTE},
    {SOL_SOCKET, SO_ZEROCOPY},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_MAXSEG},
    {IPPROTO_TCP, TCP_CORK},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_SYNCNT},
    {IPPROTO_TCP, TCP_LINGER2},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP},
    {IPPROTO_TCP, TCP_QUICKACK},
    {IPPROTO_TCP, TCP_CONGESTION},
    {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_TCP, TCP_INQ},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_MTU_DISCOVER},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT},
    {SOL_SOCKET, SO_PRIORITY},  // after IP_TOS, which sets it too
};

struct Value {
  char bytes[64] = {};
  socklen_t size = sizeof bytes;

  bool Read(const System& system, int fd, const Option& option) {
    return system.getsockopt(fd, option.level, option.name, bytes, &size) == 0;
  }
  bool operator==(const Value& other) const {
    return size == other.size && std::memcmp(bytes, other.bytes, size) == 0;
  }
};

}  // namespace

void CopyOptions(const System& system, int from, int to) {
  for (const Option& option : kOptions) {
    Value value;
    Value fresh;
    if (!value.Read(system, from, option)) continue;
    if (fresh.Read(system, to, option) && fresh == value) continue;
    system.setsockopt(to, option.level, option.name, value.bytes, value.size);
  }
  // The kernel doubles what a program sets (socket(7)), so a changed size is halved on its way back.
  for (const int name : {SO_RCVBUF, SO_SNDBUF}) {
    int value = 0;
    int fresh = 0;
    socklen_t size = sizeof value;
    if (system.getsockopt(from, SOL_SOCKET, name, &value, &size) != 0) continue;
    if (system.getsockopt(to, SOL_SOCKET, name, &fresh, &size) != 0 || value == fresh) continue;
    value /= 2;
    system.setsockopt(to, SOL_SOCKET, name, &value, sizeof value);
  }
}

namespace {

// The port of a wildcard binding is kept; that of an address of the one family cannot be had in the other.
int CopyBinding(const System& system, int from, int to, int family, Binding binding) {
  SocketAddress bound{};
  socklen_t size = sizeof bound;
  if (system.getsockname(from, &bound.generic, &size) != 0) return errno;
  const std::optional<Endpoint> local = EndpointFromSockaddr(&bound.generic, size);
  if (!local) return EADDRNOTAVAIL;
  if (!local->ip().Unmapped().IsUnspecified()) return EADDRNOTAVAIL;
  if (local->port() == 0 || binding == Binding::kKernel) return 0;
  SocketAddress wildcard{};
  wildcard.generic.sa_family = static_cast<sa_family_t>(family);
  in_port_t& port = family == AF_INET ? wildcard.v4.sin_port : wildcard.v6.sin6_port;
  port = htons(local->port());
  const socklen_t wildcard_size = family == AF_INET ? sizeof wildcard.v4 : sizeof wildcard.v6;
  // The old socket still holds the port, so both must allow sharing for this moment.
  int reuse = 0;
  socklen_t reuse_size = sizeof reuse;
  const int on = 1;
  const bool may_share = system.getsockopt(from, SOL_SOCKET, SO_REUSEPORT, &reuse, &reuse_size) == 0;
  if (may_share && reuse == 0) {
    system.setsockopt(from, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    system.setsockopt(to, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  const int error = system.bind(to, &wildcard.generic, wildcard_size) == 0 ? 0 : errno;
  if (may_share && reuse == 0) {
    system.setsockopt(from, SOL_SOCKET, SO_REUSEPORT, &reuse, sizeof reuse);
    system.setsockopt(to, SOL_SOCKET, SO_REUSEPORT, &reuse, sizeof reuse);
  }
  return error;
}

void CopyFileState(const System& system, int from, int to) {
  const int flags = system.fcntl(from, F_GETFL);
  if (flags >= 0) system.fcntl(to, F_SETFL, flags);
  f_owner_ex owner{};
  if (system.fcntl(from, F_GETOWN_EX, &owner) == 0 && owner.pid != 0) {
    system.fcntl(to, F_SETOWN_EX, &owner);
    system.fcntl(to, F_SETSIG, system.fcntl(from, F_GETSIG));
  }
}

std::string ReadFile(const System& system, const std::string& path) {
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(fd, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(count));
  }
  system.close(fd);
  return text;
}

struct Descriptor {
  int fd;
  std::string link;  // "socket:[123]", "anon_inode:[eventpoll]"
};

std::vector<Descriptor> ListDescriptors() {
  std::vector<Descriptor> all;
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) return all;
  const int directory_fd = dirfd(directory);
  while (const dirent* const entry = directory_fd < 0 ? nullptr : readdir(directory)) {
    const std::string_view name = entry->d_name;
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    char link[128];
    const ssize_t size = fd < 0 ? -1 : readlinkat(directory_fd, entry->d_name, link, sizeof link);
    if (size > 0) all.push_back({fd, std::string(link, static_cast<size_t>(size))});
  }
  closedir(directory);
  return all;
}

struct Registration {
  int epoll_fd;
  int fd;
  epoll_event event;
};

// A line of fdinfo: "tfd:        5 events:       19 data:                5  pos:0 ino:..." (proc(5)).
bool ParseRegistration(std::string_view line, Registration* out) {
  const auto number = [&line](std::string_view key, int base, auto* value) {
    const size_t at = line.find(key);
    if (at == std::string_view::npos) return false;
    const size_t digits = line.find_first_not_of(' ', at + key.size());
    if (digits == std::string_view::npos) return false;
    return std::from_chars(line.data() + digits, line.data() + line.size(), *value, base).ec == std::errc();
  };
  uint32_t events = 0;
  uint64_t data = 0;
  if (!number("tfd:", 10, &out->fd) || !number("events:", 16, &events) || !number("data:", 16, &data))
    return false;
  out->event.events = events;
  out->event.data.u64 = data;
  return true;
}

std::vector<Registration> ListRegistrations(const System& system, const std::vector<Descriptor>& all) {
  std::vector<Registration> found;
  for (const Descriptor& descriptor : all) {
    if (descriptor.link != "anon_inode:[eventpoll]") continue;
    const std::string text = ReadFile(system, "/proc/self/fdinfo/" + std::to_string(descriptor.fd));
    std::string_view rest = text;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      Registration registration{.epoll_fd = descriptor.fd, .fd = -1, .event = {}};
      if (ParseRegistration(rest.substr(0, end), &registration)) found.push_back(registration);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return found;
}

}  // namespace

int PutBehind(const System& system, int replacement, int fd, int kept) {
  const std::vector<Descriptor> all = ListDescriptors();
  const std::vector<Registration> registrations = ListRegistrations(system, all);
  std::string link;
  for (const Descriptor& descriptor : all) {
    if (descriptor.fd == fd) link = descriptor.link;
  }
  int error = 0;
  const auto replace = [&](int target) {
    const int descriptor_flags = system.fcntl(target, F_GETFD);
    if (descriptor_flags < 0) return;
    const int close_on_exec = (descriptor_flags & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0;
    // A registration outlives its descriptor while the open file does, and can be taken back only as long as
    // the descriptor leads to that file.
    std::vector<Registration> moved;
    for (const Registration& each : registrations) {
      if (each.fd == target && system.epoll_ctl(each.epoll_fd, EPOLL_CTL_DEL, target, nullptr) == 0)
        moved.push_back(each);
    }
    if (system.dup3(replacement, target, close_on_exec) < 0) error = errno;
    for (Registration& each : moved) {
      if (system.epoll_ctl(each.epoll_fd, EPOLL_CTL_ADD, target, &each.event) == 0) continue;
      // A set inside another cannot be had exclusively (epoll_ctl(2)).
      each.event.events &= ~static_cast<uint32_t>(EPOLLEXCLUSIVE);
      system.epoll_ctl(each.epoll_fd, EPOLL_CTL_ADD, target, &each.event);
    }
  };
  replace(fd);
  for (const Descriptor& descriptor : all) {
    const bool may_go = descriptor.fd != fd && descriptor.fd != kept;
    if (error == 0 && may_go && !link.empty() && descriptor.link == link) replace(descriptor.fd);
  }
  return error;
}

int ReplaceSocket(const System& system, int fd, int family, Binding binding) {
  int type = SOCK_STREAM;
  int protocol = 0;
  socklen_t size = sizeof type;
  if (system.getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return errno;
  if (system.getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0) return errno;
  const int replacement = system.socket(family, type | SOCK_CLOEXEC, protocol);
  if (replacement < 0) return errno;

  CopyOptions(system, fd, replacement);
  if (const int error = CopyBinding(system, fd, replacement, family, binding); error != 0) {
    system.close(replacement);
    return error;
  }
  CopyFileState(system, fd, replacement);

  const int error = PutBehind(system, replacement, fd, -1);
  system.close(replacement);
  return error;
}

}  // namespace socksify
