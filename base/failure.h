// SPDX-License-Identifier: BSD-2-Clause
// Failure: why an attempt did not lead to a connection, and for whose sake.
//
// A fault of the server (unreachable, breaks the protocol, refuses the credentials) makes the next path worth
// trying; a fault of the destination (refused, unreachable, not allowed) is the answer.
#pragma once

#include <cstdint>

namespace socksify {

enum class Fault : uint8_t {
  kServer,       // this proxy is to blame: another one may do better
  kDestination,  // the proxy did its work and the destination cannot be had: the answer
  kCaller,  // the call itself was wrong (not a socket, already connected, ...): the answer, nothing undone
};

struct Failure {
  Fault fault = Fault::kServer;
  // An errno value that fits, for the program (errno(3)); never 0.
  int error = 0;
  // The server's own reply code, or -1 where there was none.
  int reply_code = -1;
  // Static text for people: lower case, no full stop. Never null.
  const char* reason = "";
};

// The symbolic name of an errno value: "ECONNREFUSED"; "E?" for one that Linux does not have.
const char* ErrnoName(int error);

}  // namespace socksify
