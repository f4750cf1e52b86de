// SPDX-License-Identifier: BSD-2-Clause
// Sockets of our own to name servers, by the way that the route table has for them.
#pragma once

#include "base/endpoint.h"
#include "preload/runtime.h"

namespace socksify {

// A connected blocking socket of `type` (SOCK_STREAM, SOCK_DGRAM) to `server`, an address or a name,
// close-on-exec; -1 and errno if there is none after `timeout_ms`. EOPNOTSUPP for datagrams that would have
// to go through a proxy. No cancellation point, if cancellation is off.
int OpenOwnSocket(Runtime* runtime, int type, const Endpoint& server, int timeout_ms);
void CloseOwnSocket(int fd);

}  // namespace socksify
