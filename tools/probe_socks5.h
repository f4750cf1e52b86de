// SPDX-License-Identifier: BSD-2-Clause
// What only SOCKS5 has: authentication methods, and requests that come before they are asked for.
#pragma once

#include "tools/probe.h"

namespace socksify {

// The answers on `socks5`, `none`, `username`, `credentials` and `gssapi`.
void ProbeMethods(const System& system, const Server& server, const IpAddress& address,
                  const ProbeLimits& limits, ProbeReport* report);

// Sends the greeting, the credentials and a CONNECT to `destination` in one flight, with the method that the
// server is known to choose from the configured ones, and waits for the reply to the last of them.
ProbeAnswer ProbePipelining(const System& system, const Server& server, const IpAddress& address,
                            const ProbeLimits& limits, const Endpoint& destination,
                            const ProbeReport& report);

}  // namespace socksify
