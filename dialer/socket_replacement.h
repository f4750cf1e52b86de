// SPDX-License-Identifier: BSD-2-Clause
// Replacing the socket behind a descriptor by one of another family: the last resort when an AF_INET socket
// must reach an IPv6-only proxy.
#pragma once

#include "dialer/system.h"

namespace socksify {

// Whether the socket's local port is the program's choice. One that the kernel chose for a connection stays
// with a socket that is dissolved, and may be no other socket's at the same time.
enum class Binding : uint8_t { kProgram, kKernel };

// Puts a new stream socket of `family` (AF_INET or AF_INET6) behind `fd` and behind every other descriptor of
// this process that shares its socket. Carried over: the descriptor flags, the file status flags, the owner
// for signals, the socket options of socket(7), tcp(7), ip(7) and ipv6(7) that a program can set, a wildcard
// binding with its port, and the registrations in this process's epoll sets. A socket bound to a particular
// address cannot be replaced (EADDRNOTAVAIL). Returns 0, or an errno value with everything as it was.
//
// Reads /proc/self; allocates. Not atomic towards other threads that use the descriptor meanwhile.
int ReplaceSocket(const System& system, int fd, int family, Binding binding);

// Its parts. What `fd` leads to is replaced by what `replacement` does, for it and for every other descriptor
// of this process that shares it but `kept`; the descriptor flags and the registrations in epoll sets stay. 0
// or an errno value.
int PutBehind(const System& system, int replacement, int fd, int kept);
// The socket options that a program can set, where they are not as on a fresh socket.
void CopyOptions(const System& system, int from, int to);

}  // namespace socksify
