// SPDX-License-Identifier: BSD-2-Clause
// Connections that this process did not make itself: descriptors that came over execve(2) or by SCM_RIGHTS
// (unix(7)). The process that made them has told the others of the same user (resolver/peer_table.h).
#pragma once

#include <sys/socket.h>

#include "base/socket_address.h"
#include "preload/descriptor_table.h"

namespace socksify {

// Finds what is the same for all connections of a process, once, by any socket.
void PrepareToShare(int fd);

// Tells of a proxied connection. `proxy` is the socket's peer as the kernel has it.
void SharePeer(int fd, const Connection& connection, const IpAndPort& proxy);

// Looks for what is known of a socket whose peer is, for the kernel, `peer`, and records it for `fd`. No
// system call unless that is the address of one of the configured proxies.
bool AdoptConnection(int fd, const sockaddr* peer, socklen_t size);

}  // namespace socksify
