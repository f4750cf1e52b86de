// SPDX-License-Identifier: BSD-2-Clause
// Sockets of our own to name servers, by the way that the route table has for them.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "base/endpoint.h"
#include "preload/runtime.h"

namespace socksify {

// A connected blocking socket of `type` (SOCK_STREAM, SOCK_DGRAM) to `server`, an address or a name; -1 and
// errno if there is none after `timeout_ms`. Datagrams that have to go through proxies have a relay then;
// each proxy that does not answer may take that time once more. The descriptor is hidden
// (hidden_descriptors.h). No cancellation point, if cancellation is off.
int OpenOwnSocket(Runtime* runtime, int type, const Endpoint& server, int timeout_ms);
void CloseOwnSocket(int fd);

// send(2) and recv(2) on such a socket. Where a relay is in between, the datagram is that of the server, and
// what comes from anybody else is dropped: an EAGAIN may follow on readiness.
ssize_t SendOwn(int fd, const void* data, size_t size, int flags);
ssize_t ReceiveOwn(int fd, void* data, size_t size, int flags);

}  // namespace socksify
