// SPDX-License-Identifier: BSD-2-Clause
// Datagrams that came to a socket with relays (relays.h). Where there is room for a short one, header and
// payload come together, and the payload is copied. Into a larger room the kernel writes the payload itself,
// and puts the header aside, into one more struct iovec in front; only when the header is of another size
// than the one before has the payload to be moved. What a relay sends that is no datagram of RFC 1928 section
// 7, or not for this program, is dropped here, and so is what comes past the relays from somebody to whom the
// table does not go direct.
//
// A datagram socket gets its first relay while other threads may be waiting in a receiving call, so all
// datagram sockets of the program receive this way as long as the table has relays at all.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <ctime>

#include "preload/connections.h"

namespace socksify {

// Whether the calls below are to be made instead of libc's.
[[gnu::always_inline]] inline bool ReceivesDatagrams(int fd) {
  return (g_descriptors.Flags(fd) & (kRelayed | kDatagram | kDnsByHand)) != 0;
}

// recvmsg(2).
ssize_t ReceiveRelayed(int fd, msghdr* message, int flags);
// recv(2) and its like.
ssize_t ReceiveRelayed(int fd, const iovec* parts, size_t count, int flags);
// recvfrom(2).
ssize_t ReceiveRelayed(int fd, void* buffer, size_t size, int flags, sockaddr* address,
                       socklen_t* address_size);
// recvmmsg(2).
int ReceiveManyRelayed(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout);

// FIONREAD: the size of the datagram that comes next, or 0.
int NextDatagramSize(int fd);

}  // namespace socksify
