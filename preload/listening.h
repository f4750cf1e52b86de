// SPDX-License-Identifier: BSD-2-Clause
// listen(2), accept(2) and what belongs to them, for sockets that listen at a proxy (inbounds.h).
//
// A socket that the program binds and connects is none of those; it shows itself with listen(2). Then it
// listens at a proxy if the table says so for BIND, and if it is bound
//  - to the local address of a proxied connection, as FTP clients do (PORT, RFC 959),
//  - to the wildcard address and a port of the kernel's choice, while there is a proxied connection, or
//  - to the wildcard address, and the route has a `command` of its own.
// The destination by which the table is asked is the connection's peer, and 0.0.0.0 if there is none.
// Whatever else listens does so here.
#pragma once

#include <sys/socket.h>

#include "preload/connections.h"
#include "preload/inbounds.h"

namespace socksify {

// The program has bound `fd` to `address`, the local address of the proxied connection to `counterpart`.
void NoteCounterpart(int fd, const Endpoint& counterpart);

// listen(2) for a fresh stream socket.
int Listen(int fd, int backlog);
// accept4(2), for descriptors with kInbound.
int AcceptInbound(int fd, sockaddr* address, socklen_t* size, int flags);

// getsockname(2): where peers connect. Programs ask for it before they listen (FTP clients do), so a socket
// with a counterpart begins to listen at the proxy here, and one whose last peer was accepted listens again:
// where, only the proxy knows. False: ask the kernel.
bool InboundAddress(int fd, sockaddr* address, socklen_t* size, int* result);

// connect(2) is about to be called on the socket: it was not to listen.
void GiveUpInbound(int fd);
// shutdown(2) of a listening one.
int ShutDownInbound(int fd, int how);

// Before the program waits: proxies are asked to listen again for those sockets whose last peer was accepted.
void ListenAgain();

// The descriptor that has the socket: its own number, unless something else is behind that.
[[gnu::always_inline]] inline int OwnSocketOf(int fd) {
  if ((g_descriptors.Flags(fd) & kInbound) == 0) [[likely]]
    return fd;
  const InboundSocket* const socket = g_inbounds.Find(fd);
  const int own_fd = socket != nullptr ? socket->own_fd.load(std::memory_order_acquire) : -1;
  return own_fd >= 0 ? own_fd : fd;
}

}  // namespace socksify
