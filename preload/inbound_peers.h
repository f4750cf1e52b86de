// SPDX-License-Identifier: BSD-2-Clause
// The peers of a socket that listens at a proxy, for accept(2).
#pragma once

#include "preload/inbounds.h"
#include "preload/runtime.h"

namespace socksify {

enum class Got : uint8_t { kNothing, kConnection, kError };

// What is to be given to the program: an accepted descriptor, its peer.
struct Accepted {
  int fd = -1;
  Endpoint peer;
};

// The peer whom the proxy has announced. kError: errno is set. Does not block.
Got TakeFromProxy(Runtime* runtime, int fd, InboundSocket* socket, int flags, Accepted* out);
// One that has come to the program's own socket: a local one, or by Dante's bind extension.
Got TakeOwn(InboundSocket* socket, int flags, Accepted* out);
// What the program is to be told of the connection.
void RecordAccepted(const InboundSocket& socket, const Accepted& accepted);

}  // namespace socksify
