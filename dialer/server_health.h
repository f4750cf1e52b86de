// SPDX-License-Identifier: BSD-2-Clause
// ServerHealth: which servers have failed lately, so that a dead one is not tried first again and again
// (route.maxfail, route.badexpire). A server that is passed over goes to the end of the line and is not left
// out: a connection fails only when all of its servers do.
//
// What is known is shared by all processes of the user (HealthTable), so that a dead server costs its
// time-out once per back-off and not once per process: when the back-off has passed, one connection tries the
// server, and the others go on without it until that one knows more. Likewise, while somebody waits for a
// server that does not answer, the others prefer those that do.
//
// Lock-free, thread- and async-signal-safe, without allocation (NextTurn aside).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "resolver/health_table.h"
#include "routing/rule.h"
#include "routing/server.h"

namespace socksify {

// What one connection has taken upon itself: to find out whether servers have come back. To it they are not
// bad. More than fit are left to others.
class Probes {  // NOLINT(cppcoreguidelines-pro-type-member-init): of `probes_` the first `count_` are there.
 public:
  bool Has(const Server& server) const;

 private:
  friend class ServerHealth;
  static constexpr size_t kMost = 8;
  struct Probe {
    const Server* server;
    uint64_t ticket;
  };
  std::array<Probe, kMost> probes_;
  size_t count_ = 0;
};

class ServerHealth {
 public:
  // The table must outlive it. `probe_ms`: how long one connection may try a server that was bad before
  // another one may. With a `max_fail` of 0 no server is ever passed over.
  ServerHealth(HealthTable* table, unsigned max_fail, unsigned bad_expire_s, unsigned probe_ms)
      : table_(table), policy_{.max_fail = max_fail, .bad_expire_s = bad_expire_s, .probe_ms = probe_ms} {}

  // `now_ms` is MonotonicMs(), `error` an errno value. A latency of 0 was not measured.
  void NoteFailure(const Server& server, long long now_ms, int error);
  void NoteSuccess(const Server& server, long long now_ms, uint32_t latency_us);
  bool IsBad(const Server& server, long long now_ms) const;
  // Whether somebody waits for the server's answer.
  bool IsWaitedFor(const Server& server, long long now_ms) const;
  // Tells others that somebody waits for the server's answer; false when another one does so already.
  bool NoteWaiting(const Server& server, long long now_ms);
  // The one that told so at `since_ms` waits no more, and has learnt nothing.
  void EndWaiting(const Server& server, long long since_ms);
  // Gives the probes back of which nothing was noted.
  void EndProbes(Probes* probes);
  bool passes_over() const { return policy_.max_fail != 0; }

  // Whether a handshake in one flight is known to be taken, or not to be.
  Pipelining PipeliningOf(const Server& server, long long now_ms) const;
  void NotePipelining(const Server& server, long long now_ms, Pipelining pipelining);
  // Likewise, what its replies to CONNECT are like.
  ReplyForm ReplyFormOf(const Server& server, long long now_ms) const;
  void NoteReplyForm(const Server& server, long long now_ms, ReplyForm form);

  // Moves the targets whose servers are waited for behind the good ones, and behind these those with bad
  // servers, each kind in its order. Targets up to the first that leads to no proxy take part: what stands
  // behind a `block` is never reached, and what stands before `direct` is preferred to it.
  // The first of them may be one that is to be probed.
  void PutInOrder(std::span<const Target*> targets, long long now_ms, Probes* probes);

  // Counts the connections by a rule, over all processes: for Balance::kRoundRobin.
  uint64_t NextTurn(const Rule& rule);

  // The name of a server's entry in the table: "socks5 10.0.3.1:1080".
  class Key {
   public:
    explicit Key(const Server& server);
    std::string_view text() const { return {text_.data(), size_}; }

   private:
    void Add(std::string_view text);
    void AddNumber(unsigned number);
    // A protocol, a name, a port and what stands between them.
    std::array<char, Endpoint::kMaxNameSize + 24> text_;
    size_t size_ = 0;
  };

 private:
  enum class Standing : uint8_t { kGood, kWaitedFor, kBad };

  HealthEntry* Find(const Server& server, long long now_ms) const;
  Standing Judge(const Target& target, long long now_ms, bool may_probe) const;
  bool TakeProbes(const Target& target, long long now_ms, Probes* probes);

  HealthTable* table_;
  HealthPolicy policy_;
};

}  // namespace socksify
