// SPDX-License-Identifier: BSD-2-Clause
//
// Whether a server is bad is told by one word, which holds failures and time alike, so no reader sees the one
// without the other. The word that a prober takes by compare-exchange is another one, and two rules keep a
// second prober off:
//
//     a note         failing word, then probe word = 0
//     Admit()        failing word, probe word: 0 -> mine, failing word again: changed? then probe word -> 0
//
// Whoever takes the probe word over from a probe that has ended meanwhile sees, by the second look, the note
// that ended it: either the server is good now, or its bad time has begun anew.
#include "resolver/health_entry.h"

#include <unistd.h>

#include <algorithm>

namespace socksify {
namespace {

constexpr unsigned kTimeBits = 40;  // 34 years of milliseconds
constexpr uint64_t kTimeMask = (uint64_t{1} << kTimeBits) - 1;
// How often a failure is counted anew because others count theirs; then it is not.
constexpr int kAttempts = 1000;

// A number that does not fit is cut: the memory may hold anything, and so may a caller's clock.
uint64_t Pack(uint64_t high, int64_t time_ms) {
  return high << kTimeBits | (static_cast<uint64_t>(time_ms) & kTimeMask);
}
uint32_t HighOf(uint64_t word) {
  return static_cast<uint32_t>(word >> kTimeBits);
}
int64_t TimeOf(uint64_t word) {
  return static_cast<int64_t>(word & kTimeMask);
}

// Whether `time_ms` lies in the last `span_ms`.
bool IsRecent(int64_t time_ms, int64_t span_ms, int64_t now_ms) {
  return time_ms <= now_ms + HealthEntry::kClockSlackMs && now_ms - time_ms < span_ms;
}

enum class Judgement { kGood, kBad, kExpired };

Judgement Judge(uint32_t failures_in_a_row, int64_t failed_ms, const HealthPolicy& policy, int64_t now_ms) {
  const uint32_t limit = std::min(policy.max_fail, HealthEntry::kMaxFailures);
  if (limit == 0 || failures_in_a_row < limit) return Judgement::kGood;
  const int64_t span_ms = policy.bad_expire_s == 0 ? INT64_MAX : int64_t{policy.bad_expire_s} * 1000;
  return IsRecent(failed_ms, span_ms, now_ms) ? Judgement::kBad : Judgement::kExpired;
}

// Whether a probe whose time ends then is under way.
bool IsProbing(int64_t until_ms, int64_t now_ms) {
  return until_ms > now_ms && until_ms - now_ms <= HealthEntry::kLongestProbeMs + HealthEntry::kClockSlackMs;
}

bool IsSuspicion(int64_t since_ms, int64_t now_ms) {
  return since_ms > 0 && IsRecent(since_ms, HealthEntry::kSuspicionMs, now_ms);
}

// Stores zero, if anything else is there.
void Erase(std::atomic<uint64_t>* word, const FakeTableSteps& steps) {
  if (word->load(std::memory_order_relaxed) == 0) return;
  word->store(0, std::memory_order_release);
  steps();
}

// A time that is stored must not look like none.
uint64_t StoredTime(int64_t now_ms) {
  return static_cast<uint64_t>(std::max<int64_t>(now_ms, 1));
}

}  // namespace

bool HealthReport::IsBad(const HealthPolicy& policy, int64_t now_ms) const {
  const Judgement judgement = Judge(failures_in_a_row, failed_ms, policy, now_ms);
  return judgement == Judgement::kBad ||
         (judgement == Judgement::kExpired && IsProbing(probe_until_ms, now_ms));
}

bool HealthReport::IsSuspect(int64_t now_ms) const {
  return IsSuspicion(suspect_since_ms, now_ms);
}

void HealthEntry::NoteFailure(int64_t now_ms, int error, const FakeTableSteps& steps) {
  uint64_t failing = failing_.load(std::memory_order_relaxed);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const uint32_t failures = std::min(HighOf(failing), kMaxFailures - 1) + 1;
    if (failing_.compare_exchange_weak(failing, Pack(failures, now_ms))) break;
  }
  steps();
  Erase(&probe_, steps);
  Erase(&suspect_since_ms_, steps);
  last_error_.store(static_cast<uint32_t>(error), std::memory_order_relaxed);
  steps();
  failures_.fetch_add(1, std::memory_order_relaxed);
  steps();
}

void HealthEntry::NoteSuccess(int64_t now_ms, uint32_t latency_us, const FakeTableSteps& steps) {
  const uint64_t failing = failing_.load(std::memory_order_relaxed);
  if (HighOf(failing) != 0) {
    failing_.store(Pack(0, TimeOf(failing)), std::memory_order_release);
    steps();
  }
  Erase(&probe_, steps);
  Erase(&suspect_since_ms_, steps);
  if (latency_us != 0) {
    const uint64_t before = latency_.load(std::memory_order_relaxed) >> 32;
    const uint64_t smoothed = before == 0 ? latency_us : (before * 7 + latency_us + 4) / 8;
    latency_.store(smoothed << 32 | latency_us, std::memory_order_relaxed);
    steps();
  }
  succeeded_ms_.store(StoredTime(now_ms), std::memory_order_relaxed);
  steps();
  successes_.fetch_add(1, std::memory_order_relaxed);
  steps();
}

bool HealthEntry::NoteWaiting(int64_t now_ms, const FakeTableSteps& steps) {
  uint64_t since = suspect_since_ms_.load(std::memory_order_relaxed);
  if (IsSuspicion(static_cast<int64_t>(since), now_ms)) return false;
  const bool is_first =
      suspect_since_ms_.compare_exchange_strong(since, StoredTime(now_ms), std::memory_order_relaxed);
  steps();
  return is_first;
}

void HealthEntry::EndWaiting(int64_t since_ms) {
  uint64_t since = StoredTime(since_ms);
  suspect_since_ms_.compare_exchange_strong(since, 0, std::memory_order_relaxed);
}

HealthEntry::Admission HealthEntry::Look(const HealthPolicy& policy, int64_t now_ms) const {
  const uint64_t failing = failing_.load(std::memory_order_relaxed);
  switch (Judge(HighOf(failing), TimeOf(failing), policy, now_ms)) {
    case Judgement::kGood: return Admission::kGood;
    case Judgement::kBad: return Admission::kBad;
    case Judgement::kExpired: break;
  }
  const bool is_probing = IsProbing(TimeOf(probe_.load(std::memory_order_relaxed)), now_ms);
  return is_probing ? Admission::kBad : Admission::kProbe;
}

bool HealthEntry::IsBad(const HealthPolicy& policy, int64_t now_ms) const {
  return Look(policy, now_ms) == Admission::kBad;
}

void HealthEntry::GiveProbeBack(uint64_t ticket) {
  if (ticket != 0) probe_.compare_exchange_strong(ticket, 0);
}

bool HealthEntry::IsSuspect(int64_t now_ms) const {
  return IsSuspicion(static_cast<int64_t>(suspect_since_ms_.load(std::memory_order_relaxed)), now_ms);
}

HealthEntry::Admission HealthEntry::Admit(const HealthPolicy& policy, int64_t now_ms, uint64_t* ticket,
                                          const FakeTableSteps& steps) {
  const uint64_t failing = failing_.load();
  const Judgement judgement = Judge(HighOf(failing), TimeOf(failing), policy, now_ms);
  if (judgement == Judgement::kGood) return Admission::kGood;
  uint64_t probe = probe_.load();
  if (judgement == Judgement::kBad || IsProbing(TimeOf(probe), now_ms)) return Admission::kBad;
  const int64_t span_ms = std::clamp<int64_t>(policy.probe_ms, 1, kLongestProbeMs);
  uint64_t mine = Pack(static_cast<uint32_t>(getpid()), now_ms + span_ms);
  steps();
  if (!probe_.compare_exchange_strong(probe, mine)) return Admission::kBad;
  steps();
  const uint64_t after = failing_.load();
  if (after == failing) {
    if (ticket != nullptr) *ticket = mine;
    return Admission::kProbe;
  }
  probe_.compare_exchange_strong(mine, 0);
  steps();
  return Judge(HighOf(after), TimeOf(after), policy, now_ms) == Judgement::kGood ? Admission::kGood
                                                                                 : Admission::kBad;
}

void HealthEntry::Reset(const FakeTableSteps& steps) {
  for (std::atomic<uint64_t>* const word :
       {&failing_, &probe_, &suspect_since_ms_, &failures_, &last_error_, &name_check_, &successes_,
        &succeeded_ms_, &latency_, &turns_, &handshake_})
    Erase(word, steps);
}

// Of what two store at the same time one may be lost, and is found again by a later connection.
void HealthEntry::NoteHandshake(unsigned shift, uint64_t value, const FakeTableSteps& steps) {
  const uint64_t before = handshake_.load(std::memory_order_relaxed);
  const uint64_t after = (before & ~(uint64_t{0xff} << shift)) | value << shift;
  if (before == after) return;
  handshake_.store(after, std::memory_order_relaxed);
  steps();
}

void HealthEntry::NotePipelining(Pipelining pipelining, const FakeTableSteps& steps) {
  NoteHandshake(0, static_cast<uint64_t>(pipelining), steps);
}

Pipelining HealthEntry::pipelining() const {
  switch (handshake_.load(std::memory_order_relaxed) & 0xff) {
    case static_cast<uint64_t>(Pipelining::kTaken): return Pipelining::kTaken;
    case static_cast<uint64_t>(Pipelining::kNotTaken): return Pipelining::kNotTaken;
    default: return Pipelining::kUnknown;
  }
}

void HealthEntry::NoteReplyForm(ReplyForm form, const FakeTableSteps& steps) {
  if (reply_form() != ReplyForm::kShort) NoteHandshake(8, static_cast<uint64_t>(form), steps);
}

ReplyForm HealthEntry::reply_form() const {
  switch (handshake_.load(std::memory_order_relaxed) >> 8 & 0xff) {
    case static_cast<uint64_t>(ReplyForm::kUsual): return ReplyForm::kUsual;
    case static_cast<uint64_t>(ReplyForm::kShort): return ReplyForm::kShort;
    default: return ReplyForm::kUnknown;
  }
}

HealthReport HealthEntry::Read() const {
  const auto load = [](const std::atomic<uint64_t>& word) { return word.load(std::memory_order_relaxed); };
  const auto time = [&](const std::atomic<uint64_t>& word) { return static_cast<int64_t>(load(word)); };
  const uint64_t failing = load(failing_);
  const uint64_t probe = load(probe_);
  const uint64_t latency = load(latency_);
  HealthReport report;
  report.failures_in_a_row = HighOf(failing);
  report.failures = load(failures_);
  report.successes = load(successes_);
  report.last_error = static_cast<int>(load(last_error_));
  report.failed_ms = TimeOf(failing);
  report.succeeded_ms = time(succeeded_ms_);
  report.latency_us = static_cast<uint32_t>(latency >> 32);
  report.last_latency_us = static_cast<uint32_t>(latency);
  report.probe_until_ms = TimeOf(probe);
  report.probe_pid = HighOf(probe);
  report.suspect_since_ms = time(suspect_since_ms_);
  report.turns = load(turns_);
  report.pipelining = pipelining();
  report.used_ms = time(used_ms_);
  return report;
}

}  // namespace socksify
