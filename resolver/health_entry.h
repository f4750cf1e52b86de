// SPDX-License-Identifier: BSD-2-Clause
// HealthEntry: what all processes of a user know of one proxy server, and a turn counter for one group.
//
// It lies in the shared memory of a HealthTable and is used by any number of processes at a time. Everything
// is lock-free, bounded, async-signal-safe, allocates nothing, makes no system call (but getpid(2) for a
// probe), and is safe against any content of the memory. A process may be killed between any two stores: at
// worst its last note is missing, or nobody probes the server until the probe's time is over.
//
// Times are milliseconds of CLOCK_MONOTONIC (base/monotonic_clock.h), which all processes of a boot share.
// One that lies more than kClockSlackMs ahead was not read from that clock: it counts as long past.
//
//     line of 64 bytes, rarely written: tag | name check | used | failures | probe | suspect | failed | error
//     line of counters, written by every success: successes | success | latency | turns | handshake | key
//     line with the rest of the key
//
// So that a server which is well can be looked at by all processors without a cache line going from one to
// the other: a success writes to the first line only if it changes what stands there.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "resolver/fake_table_index.h"

namespace socksify {

// When a server counts as bad (route.maxfail, route.badexpire). Programs with different policies may share a
// table: it holds what has happened, not the judgement.
struct HealthPolicy {
  unsigned max_fail = 1;        // failures in a row that make a server bad; 0: none do
  unsigned bad_expire_s = 300;  // for how long after the last one; 0: until a success, or Clear()
  unsigned probe_ms = 30'000;   // how long others wait for the one that tries a bad server again
};

// Whether a server takes a whole handshake in one flight.
enum class Pipelining : uint8_t { kUnknown, kTaken, kNotTaken };

// Whether all of a server's replies to CONNECT had at least as many bytes as one with an IPv4 address has.
enum class ReplyForm : uint8_t { kUnknown, kUsual, kShort };

// A copy of an entry. Times are 0 for what has not happened yet.
struct HealthReport {
  std::string key;  // as it was given, or its first bytes where it was longer than HealthTable::kMaxKeySize
  bool is_key_cut = false;
  uint32_t failures_in_a_row = 0;
  uint64_t failures = 0;
  uint64_t successes = 0;
  int last_error = 0;     // the errno value of the last failure, even if successes followed
  int64_t failed_ms = 0;  // the last failure, likewise
  int64_t succeeded_ms = 0;
  uint32_t latency_us = 0;  // smoothed; 0 as long as none was measured
  uint32_t last_latency_us = 0;
  int64_t probe_until_ms = 0;
  uint32_t probe_pid = 0;
  int64_t suspect_since_ms = 0;
  uint64_t turns = 0;
  Pipelining pipelining = Pipelining::kUnknown;
  int64_t used_ms = 0;  // within a second

  // As HealthEntry has them.
  bool IsBad(const HealthPolicy& policy, int64_t now_ms) const;
  bool IsSuspect(int64_t now_ms) const;
};

class HealthEntry {
 public:
  // A suspicion that nobody has confirmed for this long was left by a process that is no more.
  static constexpr int64_t kSuspicionMs = 60'000;
  // The longest HealthPolicy::probe_ms; a greater one means this.
  static constexpr int64_t kLongestProbeMs = 600'000;
  // How far a time may lie ahead of a caller's, who read the clock a little earlier.
  static constexpr int64_t kClockSlackMs = 10'000;
  // Failures in a row are counted so far; a greater HealthPolicy::max_fail means this.
  static constexpr uint32_t kMaxFailures = (1U << 24) - 1;

  enum class Admission {
    kGood,   // use the server
    kProbe,  // it has been bad, and this caller is the one to try it: note the outcome
    kBad     // leave it, or put it behind all others
  };

  // Connecting or negotiating failed for the server's sake: one failure in a row more. Ends a probe, and
  // suspicion. `error` is an errno value.
  void NoteFailure(int64_t now_ms, int error, const FakeTableSteps& steps = {});
  // The server did its work, whoever asked: no failures in a row. Ends a probe, and suspicion. `latency_us`
  // is the time that it took to answer, 0 where that was not measured.
  void NoteSuccess(int64_t now_ms, uint32_t latency_us, const FakeTableSteps& steps = {});
  // The server has not answered for a while. A suspicion that stands keeps its time; true for the one who
  // raises it.
  bool NoteWaiting(int64_t now_ms, const FakeTableSteps& steps = {});
  // The one who raised it at `since_ms` waits no longer and knows no more.
  void EndWaiting(int64_t since_ms);

  // Whether Admit() would say kBad; relaxed loads only.
  bool IsBad(const HealthPolicy& policy, int64_t now_ms) const;
  // Whether somebody waits for an answer of the server: others had better ask another one first. Relaxed.
  bool IsSuspect(int64_t now_ms) const;
  // kGood below max_fail failures in a row. Once the time of a bad server is over, exactly one caller of all
  // processes gets kProbe, and the others kBad, until a note ends the probe or policy.probe_ms are over, the
  // prober having died. A probe that fails begins the bad time anew.
  // A caller that gets kProbe, and in the end has learnt nothing, gives the probe back by *ticket.
  Admission Admit(const HealthPolicy& policy, int64_t now_ms, uint64_t* ticket = nullptr,
                  const FakeTableSteps& steps = {});
  void GiveProbeBack(uint64_t ticket);
  // What Admit() would say, kProbe standing for a probe that may be had.
  Admission Look(const HealthPolicy& policy, int64_t now_ms) const;

  // What is known of whether the server keeps bytes that come before its replies. Relaxed.
  void NotePipelining(Pipelining pipelining, const FakeTableSteps& steps = {});
  Pipelining pipelining() const;

  // What the server's replies are like. kShort stays, whatever comes after it. Relaxed.
  void NoteReplyForm(ReplyForm form, const FakeTableSteps& steps = {});
  ReplyForm reply_form() const;

  // 0, 1, 2 ...: each value once among all processes.
  uint64_t NextTurn() { return turns_.fetch_add(1, std::memory_order_relaxed); }

 private:
  friend class HealthTable;
  static constexpr size_t kNameWords = 11;

  // Forgets everything but tag, name and use.
  void Reset(const FakeTableSteps& steps);
  void NoteHandshake(unsigned shift, uint64_t value, const FakeTableSteps& steps);
  // All of the report but the key.
  HealthReport Read() const;

  // The hash of the key; 0 for an entry that is free.
  alignas(64) std::atomic<uint64_t> tag_;
  // Hash of `name_` and tag: a name for which it does not fit is not whole (health_table.cc).
  alignas(8) std::atomic<uint64_t> name_check_;
  alignas(8) std::atomic<uint64_t> used_ms_;
  // Failures in a row in the upper 24 bits, the time of the last one in the lower 40.
  alignas(8) std::atomic<uint64_t> failing_;
  // The prober's process id in the upper 24 bits, the end of its time in the lower 40; 0: no probe.
  alignas(8) std::atomic<uint64_t> probe_;
  alignas(8) std::atomic<uint64_t> suspect_since_ms_;
  alignas(8) std::atomic<uint64_t> failures_;
  alignas(8) std::atomic<uint64_t> last_error_;

  alignas(8) std::atomic<uint64_t> successes_;
  alignas(8) std::atomic<uint64_t> succeeded_ms_;
  // In microseconds: smoothed in the upper half, the last one in the lower.
  alignas(8) std::atomic<uint64_t> latency_;
  alignas(8) std::atomic<uint64_t> turns_;
  alignas(8) std::atomic<uint64_t> handshake_;  // a Pipelining in the lowest byte, a ReplyForm in the next
  // The key's bytes; the last byte is its size, with the top bit set where it was cut.
  alignas(8) std::atomic<uint64_t> name_[kNameWords];
};
static_assert(sizeof(HealthEntry) == 192);
static_assert(std::atomic<uint64_t>::is_always_lock_free && sizeof(std::atomic<uint64_t>) == 8);

}  // namespace socksify
