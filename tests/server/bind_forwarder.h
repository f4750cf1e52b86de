// SPDX-License-Identifier: BSD-2-Clause
// BindForwarder: a BIND with Dante's bind extension, which is asked for with DST.ADDR 255.255.255.255: one
// request, and any number of peers.
//
// For every peer the server connects to a socket on which the client listens; the client asks on the control
// connection who it was, naming the server's end of the connection, and only then the two are relayed. New
// peers are taken as long as the control connection lives; those that are relayed outlive it.
//
// Dante's client has its control connection come from the port that it listens on and that it asks for as
// DST.PORT, so that all three are one; Dante 1.4 connects to the first, older versions to the last.
#pragma once

#include <cstdint>
#include <map>

#include "base/endpoint.h"
#include "tests/server/bind_listener.h"
#include "tests/server/connection_context.h"
#include "tests/server/forwarded_pair.h"

namespace socksify::testserver {

class BindForwarder {
 public:
  // `listener` and `record`, in which it counts, outlive the forwarder. Connects from `local` to `client`.
  // The sockets have `token` and those behind it in the poller.
  BindForwarder(const ConnectionContext& context, uint64_t token, RequestRecord* record,
                BindListener* listener, const IpAddress& local, const Endpoint& client);

  // Takes a peer that waits. False when the client does not take it, which ends a BIND.
  bool Accept();
  // `place` counts from the first of the sockets' tokens. False as for Accept().
  bool OnReady(uint64_t place, uint32_t events);
  // Who the peer of the connection is whose end at the server is `asked`: 0.0.0.0:0 when it is none of these.
  // From now on it is relayed.
  Endpoint StartRelaying(const Endpoint& asked);
  // Ends what is not relayed.
  void KeepRelayed();
  // Nothing is being forwarded.
  bool is_idle() const { return pairs_.empty(); }

 private:
  const ConnectionContext context_;
  const uint64_t token_;
  RequestRecord* const record_;
  BindListener* const listener_;
  const IpAddress local_;
  const Endpoint client_;
  std::map<uint64_t, ForwardedPair> pairs_;  // by the first place of each
  uint64_t next_place_ = 0;
};

}  // namespace socksify::testserver
