// SPDX-License-Identifier: BSD-2-Clause
// System: the system calls that the dialer uses, as a parameter.
//
// Inside the preload they must be libc's originals and not our own replacements; a supervisor that acts for
// another process supplies its own. Each behaves as its man page says: -1 and errno on failure.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <span>

#include "base/ip_address.h"
#include "base/monotonic_clock.h"

namespace socksify {

struct System {
  int (*socket)(int domain, int type, int protocol);
  int (*bind)(int fd, const sockaddr* address, socklen_t size);
  int (*connect)(int fd, const sockaddr* address, socklen_t size);
  ssize_t (*send)(int fd, const void* data, size_t size, int flags);
  ssize_t (*sendto)(int fd, const void* data, size_t size, int flags, const sockaddr* address,
                    socklen_t address_size);
  ssize_t (*recv)(int fd, void* data, size_t size, int flags);
  int (*poll)(pollfd* fds, nfds_t count, int timeout_ms);
  int (*getsockname)(int fd, sockaddr* address, socklen_t* size);
  int (*getpeername)(int fd, sockaddr* address, socklen_t* size);
  int (*getsockopt)(int fd, int level, int name, void* value, socklen_t* size);
  int (*setsockopt)(int fd, int level, int name, const void* value, socklen_t size);
  int (*fcntl)(int fd, int command, ...);
  int (*dup3)(int from, int to, int flags);
  int (*close)(int fd);
  int (*epoll_ctl)(int epoll_fd, int operation, int fd, epoll_event* event);

  // Looks a proxy's own name up, locally and blocking; writes at most out.size() addresses and returns how
  // many. 0: the name has none or cannot be looked up.
  size_t (*resolve)(const char* name, std::span<IpAddress> out);
};

// The calls of libc as this program sees them: for the tools and for tests.
const System& LibcSystem();

}  // namespace socksify
