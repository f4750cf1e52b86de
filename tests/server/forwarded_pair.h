// SPDX-License-Identifier: BSD-2-Clause
// ForwardedPair: a peer's connection and the one that the server makes to the client for it, with nothing but
// data on either. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/endpoint.h"
#include "base/unique_fd.h"
#include "tests/server/poller.h"

namespace socksify::testserver {

class ForwardedPair {
 public:
  enum class End : uint8_t { kPeer, kClient };

  // `peer` is connected, `client` connects; both are non-blocking. The sockets have `token` and the one
  // behind it in the poller, which outlives the pair.
  ForwardedPair(Poller* poller, uint64_t token, UniqueFd peer, UniqueFd client);

  // The server's end of the connection to the client, and who the peer is.
  const Endpoint& local() const { return local_; }
  const Endpoint& peer() const { return peer_; }

  // Nothing is read before this.
  void StartRelaying();
  bool relays() const { return relays_; }

  void OnReady(End end, uint32_t events);
  bool is_over() const { return is_over_; }
  // The client does not take the connection.
  bool refused() const { return refused_; }

  // What was taken from one end and given to the other since this was last asked.
  uint64_t TakeCount(End from);

 private:
  // From one end to the other one.
  struct Lane {
    std::string waiting;
    bool ended = false;  // nothing more comes
    bool told = false;   // and the other end knows
    uint64_t count = 0;
  };

  void Move(End from, bool hung_up);
  void UpdateInterest();
  void Reset();
  UniqueFd& fd(End end) { return fds_[static_cast<size_t>(end)]; }
  Lane& lane(End from) { return lanes_[static_cast<size_t>(from)]; }

  Poller* const poller_;
  const uint64_t token_;
  std::array<UniqueFd, 2> fds_;  // by End, as all arrays here
  std::array<Lane, 2> lanes_;
  std::array<uint32_t, 2> interests_{};
  Endpoint local_;
  Endpoint peer_;
  bool connecting_ = true;
  bool relays_ = false;
  bool refused_ = false;
  bool is_over_ = false;
};

}  // namespace socksify::testserver
