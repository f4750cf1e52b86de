// SPDX-License-Identifier: BSD-2-Clause
// Datagrams on their way to a relay (relays.h), with the header of RFC 1928 section 7 in front. Short ones
// are copied behind it; of long ones, and of several for one call, it is one more struct iovec.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>

#include "preload/connections.h"
#include "preload/decision.h"

namespace socksify {

// Whether what is sent without an address goes to a relay, and what comes is from one.
[[gnu::always_inline]] inline bool IsConnectedByRelay(int fd) {
  constexpr unsigned kAll = kRelayed | kHasConnection | kToNameServer;
  return (g_descriptors.Flags(fd) & kAll) == (kRelayed | kHasConnection);
}

// What the program has called. Who has only sendmsg(2) may have denied himself the other one (seccomp(2)).
enum class SendCall : uint8_t { kSendto, kSendmsg };

// Sends a message, if a datagram went the same way lately. False: it takes a decision.
bool SendByKnownPath(int fd, const msghdr& message, int flags, SendCall call, ssize_t* result);

// sendmsg(2); the address in `message` is not looked at again. With a null `decision` the datagram is for the
// peer of a socket with IsConnectedByRelay().
ssize_t SendRelayed(int fd, const msghdr& message, int flags, const Decision* decision);

// send(2) and its like to the peer.
ssize_t SendRelayed(int fd, const iovec* parts, size_t count, int flags);

// sendmmsg(2), if the first message is for a relay: as many as can be sent that way, up to the first message
// that cannot.
int SendManyRelayed(int fd, mmsghdr* messages, unsigned count, int flags);

// The size of the header in front of what goes to the peer of a socket with IsConnectedByRelay().
int HeaderSizeOfPeer(int fd);

}  // namespace socksify
