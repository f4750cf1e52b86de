// SPDX-License-Identifier: BSD-2-Clause
// The connection to a proxy that asks it for something other than a way on: a relay for datagrams, or to
// listen.
#pragma once

#include <optional>

#include "base/endpoint.h"
#include "dialer/system.h"
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

// What the last proxy of `path`, to which `fd` leads, means by `bound` as an address of its own: 0.0.0.0, ::
// and a name stand for the address at which it is reached. Not v4-mapped. Nothing for port 0, or where the
// address cannot be found out. Blocks for the look-up of the name of a chain's last proxy only.
std::optional<Endpoint> AddressAtProxy(const System& system, int fd, const Target& path,
                                       const Endpoint& bound);

}  // namespace socksify
