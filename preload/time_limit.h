// SPDX-License-Identifier: BSD-2-Clause
// TimeLimit and LookAgain: until when a wait may take.
#pragma once

#include <sys/single_threaded.h>
#include <time.h>

#include <algorithm>
#include <limits>

namespace socksify {

// When a thread that waits for a handshake in poll(2) has to look again. Another thread may have brought the
// handshake to its end, taking away what this one waits for; the kernel does not wake it then. Epoll sets
// need none of this: their registrations are changed.
class LookAgain {
 public:
  // By CLOCK_MONOTONIC in milliseconds, later and later from call to call; never in a process of one thread.
  long long NextMs() {
    if (__libc_single_threaded != 0) return std::numeric_limits<long long>::max();
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    pause_ms_ = std::min(pause_ms_ * 2, 100LL);
    return static_cast<long long>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000 + pause_ms_;
  }

 private:
  long long pause_ms_ = 4;
};

class TimeLimit {
 public:
  // From now on; a null timeout is for ever.
  explicit TimeLimit(const timespec* timeout) {
    if (timeout == nullptr) return;
    constexpr long long kLongestS = 1'000'000'000;
    const long long seconds = std::min<long long>(timeout->tv_sec, kLongestS);
    until_ns_ = NowNs() + seconds * 1'000'000'000 + timeout->tv_nsec;
  }

  static long long NowNs() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<long long>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
  }

  bool HasPassed() const { return until_ns_ != kNever && NowNs() >= until_ns_; }

  // What is left of it, at most until `deadline_ms` (MonotonicMs()); null for ever. Valid until the next
  // call.
  const timespec* Left(long long deadline_ms) {
    constexpr long long kNsInMs = 1'000'000;
    long long until_ns = until_ns_;
    if (deadline_ms < kNever / kNsInMs) until_ns = std::min(until_ns, deadline_ms * kNsInMs);
    if (until_ns == kNever) return nullptr;
    const long long left_ns = std::max(until_ns - NowNs(), 0LL);
    left_.tv_sec = static_cast<time_t>(left_ns / 1'000'000'000);
    left_.tv_nsec = static_cast<long>(left_ns % 1'000'000'000);
    return &left_;
  }

 private:
  static constexpr long long kNever = std::numeric_limits<long long>::max();
  long long until_ns_ = kNever;
  timespec left_{};
};

}  // namespace socksify
