// SPDX-License-Identifier: BSD-2-Clause
// PeerTable: what the program connected to, for every process that comes to have the socket.
//
// A process that gets a proxied connection over execve(2) or by SCM_RIGHTS (unix(7)) knows nothing of it, and
// the kernel would name the proxy as its peer. All processes of one user share this table; where no file can
// be had, an anonymous mapping is shared with children over fork. Names are not in it: a fake address stays
// one. The record of a connection may be lost, when newer ones come to its set, but is never another's.
//
// Thread-safe. All but making and destroying one is async-signal-safe, takes no lock, allocates nothing and
// makes no system call.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <utility>

#include "resolver/peer_table_store.h"
#include "resolver/shared_mapping.h"

namespace socksify {

class PeerTable {
 public:
  // Maps the table in `directory`, which must exist (see state_directory.h), making the file if need be. A
  // file that is not a valid table of this layout is replaced. Fails with an errno value.
  static std::expected<std::unique_ptr<PeerTable>, int> Open(const std::string& directory);
  // An anonymous shared mapping instead of a file.
  static std::expected<std::unique_ptr<PeerTable>, int> MakePrivate();

  PeerTable(const PeerTable&) = delete;
  PeerTable& operator=(const PeerTable&) = delete;

  // Records a connection of the socket with this identity (socket_identity.h), in the place of an earlier
  // record of the same connection, or of the oldest where the table has no room.
  void Record(uint64_t identity, const SharedPeer& peer) { store_.Record(identity, peer); }
  // What was recorded for the socket. `proxy` and `proxy_port` are what the kernel says of its peer now; a
  // record with another is of another connection.
  std::optional<SharedPeer> Find(uint64_t identity, const IpAddress& proxy, uint16_t proxy_port) const {
    return store_.Find(identity, proxy, proxy_port);
  }
  // The socket's connection is dissolved, or no longer proxied. Closing one descriptor is no reason to call
  // this, since others may have the socket: its identity never comes again.
  void Forget(uint64_t identity) { store_.Forget(identity); }

  // For tests: `steps` is called after each store of a writer.
  void set_steps(const FakeTableSteps& steps) { store_.set_steps(steps); }

 private:
  explicit PeerTable(SharedMapping mapping) : mapping_(std::move(mapping)), store_(mapping_.memory()) {}
  static std::expected<std::unique_ptr<PeerTable>, int> Make(std::expected<SharedMapping, int> mapping);

  const SharedMapping mapping_;
  PeerTableStore store_;
};

}  // namespace socksify
