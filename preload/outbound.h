// SPDX-License-Identifier: BSD-2-Clause
// What happens when a program addresses an internet destination: the decision, and the connection that
// follows. The hooks delegate to these; all return as the call that they stand in for, with errno set on
// failure.
#pragma once

#include <sys/socket.h>

#include <optional>

#include "preload/runtime.h"

namespace socksify {

// connect(2) for an AF_INET or AF_INET6 address; anything else goes to libc.
int ConnectOutbound(int fd, const sockaddr* address, socklen_t size);

// connect(2) on a socket that has connected already, or is about to, or has tried: 0 or the errno. Nothing if
// it is free to connect.
std::optional<int> JudgeRepetition(int fd);

// Whether a stream connection to `server` may go past every proxy.
bool MayGoDirect(Runtime* runtime, const Endpoint& server);
// Whether nothing but the direct way is tried.
bool GoesDirect(Runtime* runtime, const Endpoint& server, Transport transport);

// Whether an address is an internet address at all; reads only the family. What cannot be a pointer is left
// for the kernel to refuse (EFAULT).
bool IsInternetAddress(const sockaddr* address, socklen_t size);
// Whether a datagram may go to it: an internet address, or AF_UNSPEC, which udp(7) takes for AF_INET.
bool IsInternetDestination(const sockaddr* address, socklen_t size);

}  // namespace socksify
