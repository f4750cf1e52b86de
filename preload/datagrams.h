// SPDX-License-Identifier: BSD-2-Clause
// What the route table means for one datagram, and the way that it takes.
#pragma once

#include <sys/socket.h>

#include "preload/decision.h"
#include "preload/relays.h"
#include "preload/runtime.h"

namespace socksify {

enum class DatagramWay : uint8_t {
  kPass,    // libc, as it is
  kAnswer,  // a query to a name server, answered here (dns_by_hand.h)
  kRelay,   // by a relay (relayed_sends.h)
  kRefuse,  // Decision::failure says why
};
// May set the decision's failure.
DatagramWay JudgeDatagram(Runtime* runtime, Decision* decision);
// The same for a datagram of our own, which is never answered here.
DatagramWay JudgeOwnDatagram(Decision* decision);

// What a socket carries. Of the internet sockets kOther are those whose packets no proxy takes: raw ones, and
// those of other protocols, such as the ones that ping(8) uses.
enum class SocketKind : uint8_t { kNone, kStream, kUdp, kOther };
SocketKind KindOf(int fd);
// Whether IPV6_V6ONLY, as the program knows it, keeps the socket from that destination: it is ::ffff:a.b.c.d
// (ipv6(7)), to which the kernel says ENETUNREACH.
bool IsBarredByV6Only(int fd, const sockaddr* address, socklen_t size);
// Refuses a packet of kOther to a destination that the table does not send direct. Always -1.
int RefuseOther(Runtime* runtime, const Decision& decision);

// What to do with a send that names its destination: sendto(2), sendmsg(2), sendmmsg(2). For kRelay
// `decision` says where the datagram goes.
enum class AddressedSend : uint8_t {
  kPass,          // libc, as it is
  kConnectFirst,  // TCP Fast Open to a proxied destination: ConnectOutbound, then a plain send
  kAnswer,        // a query to a name server: SendToNameServer
  kRelay,         // SendRelayed
  kRefuse,        // errno says why
};
AddressedSend JudgeAddressedSend(int fd, const sockaddr* address, socklen_t size, int flags,
                                 Decision* decision);

// The relay for datagrams as `decision` has it, which is kRelay. Asks a proxy for one where there is none, or
// it has ended; that blocks. Null: errno says why.
Relay* FindPath(Runtime* runtime, int fd, RelayedSocket* socket, const Decision& decision, RelayData* out);

// Which relay that is.
RelayKey KeyFor(const Decision& decision);
// Whether it need not be looked at before the next datagram, which is about to be sent.
bool IsFresh(Relay* relay);

// connect(2) to such a destination. No proxy is asked before something is sent: programs connect datagram
// sockets only to learn which local address leads to the destination. Meanwhile the kernel has the socket
// connected to the proxy itself.
int ConnectRelayed(Runtime* runtime, int fd, const sockaddr* address, socklen_t size,
                   const Decision& decision);

}  // namespace socksify
