// SPDX-License-Identifier: BSD-2-Clause
// Connections that this process did not make itself: descriptors that came over execve(2) or by SCM_RIGHTS
// (unix(7)). The process that made them has told the others of the same user (resolver/peer_table.h).
//
// The others find it by the socket's identity, SO_COOKIE (socket(7)). Most sockets end where they were made,
// so a connection that is made while nothing else of the program can run is recorded without its identity.
// That is asked for when somebody wants to know of the connection, and before another process can have the
// socket. Until then the socket is believed to be the one that was connected if it leads to a proxy, or if it
// has ended and has received as many bytes as the handshake's answers have.
#pragma once

#include <sys/socket.h>

#include <optional>

#include "base/socket_address.h"
#include "preload/descriptor_table.h"

namespace socksify {

// Finds what is the same for all connections of a process, once, by any socket.
void PrepareToShare(int fd);

// Tells of a proxied connection. `proxy` is the socket's peer as the kernel has it.
void SharePeer(int fd, const Connection& connection, const IpAndPort& proxy);

// A connection has been recorded without its socket's identity.
void NoteUnidentified();
// Finds out the identity of the socket whose connection was found for `fd` without, and tells the others.
// Nothing if it is another socket by now.
std::optional<Connection> IdentifyConnection(int fd, const Connection& found);
// Does so for all of this process: another one is about to have its sockets.
void IdentifyConnections();

// Whether a socket with this peer, as the kernel has it, may lead to one of the configured proxies.
bool MayLeadToProxy(const sockaddr* peer, socklen_t size);

// Looks for what is known of a socket whose peer is, for the kernel, `peer`, and records it for `fd`. No
// system call unless that is the address of one of the configured proxies.
std::optional<Connection> AdoptConnection(int fd, const sockaddr* peer, socklen_t size);

}  // namespace socksify
