// SPDX-License-Identifier: BSD-2-Clause
// What calls on a descriptor say whose proxied connection is pending. For descriptors with kPending; each
// advances the connection first, so the answer may be that it is there.
#pragma once

#include <sys/socket.h>

#include "preload/leaf_lock.h"

namespace socksify {

enum class Direction : unsigned char { kReceive, kSend };

// Whether data may be received or sent now. If not, errno says why: EAGAIN while a non-blocking one is on its
// way, else what became of it. A blocking call waits for the end first. `flags` are those of send(2).
bool MayTransfer(int fd, Direction direction, int flags);

// connect(2) once more, for any address; and the end of a first one that blocks. Both return 0 or the errno.
// EINTR and EINPROGRESS (SO_SNDTIMEO): it goes on by itself.
int ConnectAgain(int fd);
int AwaitConnect(int fd);
// The same for one that has just been started: its answer cannot be there yet.
int AwaitStartedConnect(int fd, SignalsBlocked* blocked);
// Takes a socket whose connection has failed, which the program has been told, or that was shut down too
// early, back to where it can be connected.
void UndoFailedConnect(int fd);

// getsockopt(2) of SO_ERROR: the errno, or 0. True if it is ours to tell.
bool PendingSocketError(int fd, int* error);
// Whether the connection is still on its way or has failed: getpeername(2) says ENOTCONN then.
bool IsNotConnected(int fd);
// Whether what has been received, if anything, is the handshake's.
bool HasNothingToRead(int fd);
// shutdown(2) and connect(AF_UNSPEC) while the connection is on its way dissolve it. False: ask the kernel.
bool DissolvePending(int fd);

// Whether a call that a signal has interrupted goes on, as with SA_RESTART (signal(7)).
bool IsRestarted();

}  // namespace socksify
