// SPDX-License-Identifier: BSD-2-Clause
// The connection on which a proxy listens for a socket of the program's: asked for, and let go of. The caller
// is the one that deals with the socket (InboundSocket::is_busy).
#pragma once

#include "preload/decision.h"
#include "preload/inbounds.h"
#include "preload/report.h"
#include "preload/runtime.h"

namespace socksify {

// `failure` may be null.
void ReportInbound(const Runtime& runtime, const InboundSocket& socket, ConnectionEvent::Kind kind,
                   const Endpoint& destination, const Failure* failure, long long elapsed_us);

// Asks a proxy to listen; 0 or an errno. `port` is the one that is wanted, 0 for any; `own_port` that of the
// program's socket.
int Ask(Runtime* runtime, InboundSocket* socket, const Decision& decision, uint16_t port, uint16_t own_port);
// Asks again, where no proxy listens for a socket that is to have one. errno stays.
void Arm(Runtime* runtime, int fd, InboundSocket* socket);

void DropControl(int fd, InboundSocket* socket);
// The same where the peer is another process's: that one takes the connection out of the set, which both
// have.
void LeaveControl(InboundSocket* socket);

// Makes the set behind a descriptor readable when `fd` is.
bool AddToSet(int set_fd, int fd);

}  // namespace socksify
