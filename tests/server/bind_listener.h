// SPDX-License-Identifier: BSD-2-Clause
// BindListener: where the peer of a BIND (RFC 1928 section 6) connects to: a port on the address at which the
// client reached the server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "base/endpoint.h"
#include "base/unique_fd.h"
#include "tests/server/script.h"

namespace socksify::testserver {

// The BINDs that a server has granted.
struct BindHistory {
  size_t granted = 0;
  // With bind.same-port=1 the port stays the server's between two BINDs, by a socket that does not listen.
  std::map<uint16_t, UniqueFd> ports;
};

class BindListener {
 public:
  // Listens on `local`; `wanted` is the port of the request, 0 for none. An errno value, 0 for success; EPERM
  // where the script grants no more BINDs.
  int Open(const IpAddress& local, uint16_t wanted, const BindScript& script, BindHistory* history);
  // Stops listening; connections that were not accepted are reset.
  void Close() { fd_.Reset(); }
  bool is_open() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }
  uint16_t port() const { return port_; }

  // The next peer, non-blocking; invalid when none waits.
  UniqueFd Accept();

 private:
  UniqueFd fd_;
  uint16_t port_ = 0;
};

}  // namespace socksify::testserver
