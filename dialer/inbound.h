// SPDX-License-Identifier: BSD-2-Clause
// BIND (RFC 1928 sections 4 and 6; the SOCKS4 memo, section "BIND"): a proxy that listens for one peer and
// hands it over on the very connection that asked for it.
#pragma once

#include <expected>
#include <optional>

#include "base/endpoint.h"
#include "base/failure.h"
#include "dialer/attempt.h"
#include "dialer/system.h"
#include "protocol/handshake.h"
#include "routing/route_table.h"

namespace socksify {

enum class PeerCheck : uint8_t {
  kLeftToProxy,
  kOwn,  // here as well: a peer of another address than the request names is refused
};

struct InboundRequest {
  // Whose connection is awaited: an IP address, or a name; 0.0.0.0 for anybody's. The port is the one that
  // the proxy is asked to listen on, 0 for any. RFC 1928 does not say that a client may choose; Dante's
  // server and others read DST.PORT so beside 0.0.0.0, and give another one where they cannot.
  // BindExtensionRequest() asks for Dante's extension (protocol/bind_query.h), in which no second reply
  // comes.
  Endpoint destination;
  PeerCheck check = PeerCheck::kLeftToProxy;
  // Where not 0, the port that the connection to the proxy comes from, as the extension needs it. The socket
  // that is to listen there must have SO_REUSEADDR, be bound and not listen yet.
  uint16_t local_port = 0;
};

struct Inbound {
  const Target* target = nullptr;  // the path; null when none was tried
  bool is_direct = false;          // the path goes direct: nobody was asked to listen
  // The connection, which is the caller's to keep and to close; non-blocking, with close-on-exec and with
  // SO_KEEPALIVE. AF_INET, or AF_INET6 where the proxy has an IPv6 address.
  int control_fd = -1;
  Endpoint bound;                  // where the peer is to connect, an IP address, not v4-mapped
  Handshake handshake;             // for ReadPeer
  std::optional<Failure> failure;  // why there is none of all this
};

// Asks the servers of `rule` to listen, in the order in which they are to be tried for the request's
// destination, until one does. Blocks, at most for as long as the limits in `options` make it; its `command`,
// `is_nonblocking` and `is_bound` are not looked at. Allocates only as Attempt does.
//
// A proxy that gives a name or 0.0.0.0 (::) as its address means its own. Port 0 is a failure.
Inbound AskToListen(const System& system, const Rule& rule, const InboundRequest& request,
                    const AttemptOptions& options);

// Reads what has come of the second reply, without blocking, and never a byte behind it: call it when
// `control_fd` is readable. Nothing: the peer has not come yet. An endpoint: it has, the connection is the
// application's from now on, and SO_KEEPALIVE is off again; the endpoint may be 0.0.0.0 (SOCKS4) or a name.
// A failure: it will not come, and the connection is of no more use. Afterwards it must not be called again.
std::expected<std::optional<Endpoint>, Failure> ReadPeer(const System& system, int control_fd,
                                                         Handshake* handshake);

}  // namespace socksify
