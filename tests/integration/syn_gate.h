// SPDX-License-Identifier: BSD-2-Clause
// SynGate: makes a listening socket on loopback slow to connect to, so that a direct connection is truly
// pending for a while. Not thread-safe.
//
// A socket filter drops the first SYN of every connection. The gate learns of it from the socket's count of
// drops, opens, and the client's kernel asks again after a second (RFC 6298, section 2); once as many
// connections have been accepted as were dropped the gate is shut again. A client that leaves before keeps it
// open for the rest of its second, so what must be pending again needs a gate of its own.
#pragma once

#include <chrono>
#include <cstdint>

namespace socksify {

class SynGate {
 public:
  enum class Ending : uint8_t {
    kAccept,
    kRefuse,  // the second SYN finds nobody listening
    kNever,   // no SYN gets through
  };

  // `listener` stays the caller's and outlives the gate; its port, when it listens no more, is for somebody
  // else to hold.
  SynGate(int listener, Ending ending) : listener_(listener), ending_(ending) { Shut(); }

  // To be called often, at least some times a second. False: the socket listens no more.
  bool Tick();
  // One connection was accepted.
  void Accepted() { --expected_; }

 private:
  using Clock = std::chrono::steady_clock;
  void Shut();
  void Open();
  uint32_t CountDrops() const;

  int listener_;
  Ending ending_;
  bool is_open_ = false;
  bool is_listening_ = true;
  uint32_t drops_ = 0;
  int expected_ = 0;  // dropped, but not accepted yet
  Clock::time_point opened_;
};

}  // namespace socksify
