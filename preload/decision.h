// SPDX-License-Identifier: BSD-2-Clause
// Decision: which rule decides about one call of the program, and what is known before anything is tried.
#pragma once

#include "base/endpoint.h"
#include "base/failure.h"
#include "preload/runtime.h"
#include "routing/route_table.h"

namespace socksify {

struct Decision {
  Endpoint destination;  // a name if the program has it by a fake address; no v4-mapped address
  const Rule* rule = nullptr;
  const Failure* failure = nullptr;  // decided without any attempt
  bool is_fake = false;              // the program knows the destination by a fake address
  IpAddress fake;                    // is_fake: that address, not v4-mapped

  // Straight through libc with the program's own arguments.
  bool IsPlainDirect() const {
    return failure == nullptr && !is_fake && rule->fallback.empty() && rule->group.size() == 1 &&
           rule->group[0].kind == Target::Kind::kDirect;
  }
};

// `fd` is asked for its local address if a rule wants to know; -1: none yet.
void Decide(Runtime* runtime, int fd, const Endpoint& address, Transport transport, Decision* out);
// The same for what the proxy is to be asked for.
void Decide(Runtime* runtime, int fd, const Endpoint& address, Transport transport, Command command,
            Decision* out);
// The local address of a socket, not v4-mapped; 0.0.0.0:0 while it has none.
Endpoint LocalEndpoint(int fd);

// Reports the failure and sets errno. Always -1.
int Refuse(Runtime* runtime, const Decision& decision, const Failure& failure, const char* protocol);

// SO_TYPE or SO_DOMAIN; -1 for what is no socket.
int SocketOption(int fd, int name);

}  // namespace socksify
