// SPDX-License-Identifier: BSD-2-Clause
// ServerHealth: which servers have failed lately, so that a dead one is not tried first again and again
// (route.maxfail, route.badexpire). A server that is passed over goes to the end of the line and is not left
// out: a connection fails only when all of its servers do.
//
// Of one process. Lock-free, of fixed size; what does not fit is not remembered. Thread- and
// async-signal-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "routing/server.h"

namespace socksify {

class ServerHealth {
 public:
  // `max_fail` failures in a row make a server bad (0: never) for `bad_expire_s` seconds (0: for good).
  constexpr ServerHealth(unsigned max_fail, unsigned bad_expire_s)
      : max_fail_(max_fail), bad_expire_ms_(static_cast<long long>(bad_expire_s) * 1000) {}

  // `now_ms` is MonotonicMs().
  void NoteFailure(const Server& server, long long now_ms);
  void NoteSuccess(const Server& server);
  bool IsBad(const Server& server, long long now_ms) const;

  // Moves the targets that lead through a bad server behind the others, both in their order. Targets up to a
  // `block` alone take part: what stands behind it is never reached.
  void PutBadOnesLast(std::span<const Target*> targets, long long now_ms) const;

 private:
  static constexpr size_t kMaxServers = 128;
  struct Entry {
    std::atomic<const Server*> server = nullptr;
    std::atomic<unsigned> failures = 0;
    std::atomic<long long> failed_ms = 0;
  };

  // The entry of `server`, or null; the second form takes a free one if there is none.
  const Entry* Find(const Server& server) const;
  Entry* FindOrTake(const Server& server);

  unsigned max_fail_;
  long long bad_expire_ms_;
  std::array<Entry, kMaxServers> entries_;
};

}  // namespace socksify
