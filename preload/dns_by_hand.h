// SPDX-License-Identifier: BSD-2-Clause
// Programs that speak DNS by themselves, over UDP: c-ares, dig, node.
//
// A query to port 53 of a server that the route table does not send direct is answered within the send call
// (name_queries.h). The answer is put into the program's own socket: a helper socket on loopback, one for
// each name server, sends it there, so that the program's socket becomes readable by the kernel's own doing.
// A socket that is connected to the server is in truth connected to the helper; calls that tell addresses
// tell the server's. What the kernel delivers is the plain answer, so calls that nobody sees get it right,
// too.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/endpoint.h"
#include "preload/connections.h"
#include "preload/runtime.h"

namespace socksify {

// Whether the socket is connected to such a name server: what is sent without an address is for it.
[[gnu::always_inline]] inline bool IsConnectedToNameServer(int fd) {
  constexpr unsigned kBoth = kToNameServer | kHasConnection;
  return (g_descriptors.Flags(fd) & kBoth) == kBoth && FindConnection(fd).has_value();
}

// connect(2) of a datagram socket to the name server at `address`. Returns as connect(2).
int ConnectToNameServer(int fd, const sockaddr* address, socklen_t size);

// Ends such a connection, or one by a relay, so that the socket can be connected to somebody else from an
// address of its own.
void DissolveDatagramConnection(int fd);

// A datagram of the program's for the name server at `address`; for a null address the one that the socket is
// connected to. Returns as sendmsg(2).
ssize_t SendToNameServer(int fd, const iovec* parts, size_t count, const sockaddr* address, socklen_t size);
// The same as sendto(2), and as send(2) for a null address.
ssize_t SendToNameServer(int fd, const void* data, size_t data_size, const sockaddr* address, socklen_t size);

// Puts the name server's address into the place of its helper's, in what a receiving call has brought:
// `room` is what the program gave for it, `size` what the kernel said. False if it is no helper's.
bool ShowNameServer(sockaddr* address, socklen_t room, socklen_t* size);

// See leaf_lock.h.
LeafLock* NameServersLock();

}  // namespace socksify
