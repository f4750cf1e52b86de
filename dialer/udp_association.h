// SPDX-License-Identifier: BSD-2-Clause
// UDP ASSOCIATE (RFC 1928 sections 4, 6 and 7): a relay for datagrams at a proxy, which lasts as long as the
// TCP connection that asked for it.
#pragma once

#include <optional>

#include "base/endpoint.h"
#include "base/failure.h"
#include "dialer/attempt.h"
#include "dialer/system.h"
#include "routing/route_table.h"

namespace socksify {

struct UdpAssociation {
  const Target* target = nullptr;  // the path; null when none was tried
  bool is_direct = false;          // the path goes direct: there is neither a relay nor a connection
  // The connection, which is the caller's to keep and to close; non-blocking, with close-on-exec.
  int control_fd = -1;
  Endpoint relay;                  // where datagrams go, an IP address, not v4-mapped
  std::optional<Failure> failure;  // why there is none of all this
};

// Asks the servers of `rule` for a relay, in the order in which they are to be tried for `destination`, until
// one gives it. Blocks, at most for as long as the limits in `options` (its `command` aside) make it.
// Allocates only as Attempt does.
//
// A proxy that gives a name or 0.0.0.0 (::) as its relay's address means its own.
UdpAssociation Associate(const System& system, const Rule& rule, const Endpoint& destination,
                         const AttemptOptions& options);

// Whether the proxy still keeps the association up. Discards what the proxy says there. One system call,
// which does not block.
bool IsAssociationAlive(const System& system, int control_fd);

}  // namespace socksify
