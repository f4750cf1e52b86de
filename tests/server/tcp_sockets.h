// SPDX-License-Identifier: BSD-2-Clause
// Non-blocking TCP sockets: what the parts of the server that connect, listen and relay share. Failures leave
// their reason in errno.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "base/endpoint.h"
#include "base/unique_fd.h"

namespace socksify::testserver {

// A side is not read while this much waits for the other one.
constexpr size_t kMaxWaiting = 256 << 10;

// 0.0.0.0:0 for a socket that has no such address.
Endpoint LocalAddressOf(int fd);
Endpoint PeerAddressOf(int fd);

// A socket that is bound to a port of the kernel's choice, and does not listen: for as long as it is open,
// nobody else gets the port, and connections to it are refused. Invalid when there is none.
UniqueFd HoldTcpPort(const IpAddress& ip);
// Listens on `local`, whose port may be 0, or the one that `holder`, of HoldTcpPort(), is bound to; -1 for
// none. The port can be bound again while its connections fade away. Invalid when it cannot be had.
UniqueFd OpenTcpListener(const Endpoint& local, int backlog, int holder = -1);
// Connects, from `from` unless that is null. The socket is writable once that has come to an end, which
// TakeSocketError() tells; invalid when it failed at once.
UniqueFd StartConnecting(const Endpoint& to, const IpAddress* from);
int TakeSocketError(int fd);  // SO_ERROR: an errno value, 0 for none
void SetNoDelay(int fd);
void SetResetOnClose(int fd);

// One read behind the end of `out`: the count, 0 at the end, -1 with errno.
ssize_t ReadSome(int fd, std::string* out);
// Sends what the socket takes off the front of `bytes`: the count, -1 with errno when it takes nothing more.
ssize_t SendSome(int fd, std::string* bytes);

}  // namespace socksify::testserver
