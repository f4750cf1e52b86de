// SPDX-License-Identifier: BSD-2-Clause
// The connection to a proxy that asks it for something other than a way on: a relay for datagrams, or to
// listen.
#pragma once

#include <optional>

#include "base/endpoint.h"
#include "base/failure.h"
#include "dialer/attempt.h"
#include "dialer/system.h"
#include "protocol/handshake.h"
#include "routing/server.h"

namespace socksify {

// A stream socket of our own, AF_INET, non-blocking and with close-on-exec. Closed with the object unless it
// is released, also when the thread is cancelled.
class ControlSocket {
 public:
  explicit ControlSocket(const System& system);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  int get() const { return fd_; }  // -1 and errno when there is none
  int Release();

 private:
  const System& system_;
  int fd_;
};

// What a proxy was asked for and gave.
struct ProxyAnswer {
  const Target* target = nullptr;  // the path; null when none was tried
  bool is_direct = false;          // the path goes direct: no proxy was asked
  // The address and port that it gave, not v4-mapped: 0.0.0.0, :: and a name stand for the address at which
  // the last proxy of the path is reached.
  Endpoint address;
  Handshake handshake;
  std::optional<Failure> failure;  // why there is none of all this; `no_address` where it gave none
};

// Asks for what `options.command` says, and waits for the answer. Afterwards `control` has SO_KEEPALIVE, so
// that a proxy which vanishes without a word is noticed in the end.
ProxyAnswer AskProxy(const System& system, const ControlSocket& control, const Rule& rule,
                     const Endpoint& destination, const AttemptOptions& options, const Failure& no_address);

}  // namespace socksify
