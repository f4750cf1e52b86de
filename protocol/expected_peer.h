// SPDX-License-Identifier: BSD-2-Clause
// Who may connect to what a BIND has opened (RFC 1928 section 4; the SOCKS4 memo, section "BIND"), and why
// nobody did.
#pragma once

#include <cerrno>
#include <optional>

#include "base/endpoint.h"
#include "base/failure.h"

namespace socksify {

// Whether a peer is the one that is waited for. Only the address counts: RFC 1928 section 6 has the proxy
// tell "the address and port number of the connecting host", and a peer may choose its port. Anybody is
// expected when `expected` is nothing, 0.0.0.0 or ::. A peer that the proxy gives a name to is nobody in
// particular.
bool IsExpectedPeer(const std::optional<IpAddress>& expected, const Endpoint& peer);

inline constexpr Failure kUnexpectedPeer = {Fault::kDestination, EACCES, -1,
                                            "a peer of another address than the expected one connected"};
inline constexpr Failure kNoPeerCame = {Fault::kServer, ECONNABORTED, -1,
                                        "the proxy closed the connection before a peer connected"};

}  // namespace socksify
