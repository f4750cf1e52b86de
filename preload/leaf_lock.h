// SPDX-License-Identifier: BSD-2-Clause
// LeafLock: a lock on the preload's own tables. Signals are blocked while it is held, so that a signal
// handler of the holder's thread cannot meet it; nothing of libc that could take another lock is called under
// it. Spins with sched_yield(2), then in short sleeps: most critical sections are tens of instructions, the
// longest are a few system calls that do not block.
#pragma once

#include <signal.h>

#include <atomic>
#include <cstdint>

namespace socksify {

// Blocks the signals of this thread for a scope, save those that a fault raises, whose blocking would kill
// the process. A wait inside the scope is given previous(), as ppoll(2) takes it, so that the program sees
// its signals where it waits and nowhere else.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  const sigset_t& previous() const { return previous_; }

  // A number that no other scope of this process has had. While it is the same, no handler of the program has
  // run in this thread.
  uint64_t stretch() const { return stretch_; }
  // A wait has been interrupted: a handler has run.
  void BeginAnotherStretch();

 private:
  sigset_t previous_{};
  uint64_t stretch_ = 0;
};

class LeafLock {
 public:
  constexpr LeafLock() = default;
  LeafLock(const LeafLock&) = delete;
  LeafLock& operator=(const LeafLock&) = delete;

  // For the handlers around fork(2), which has to find the tables whole.
  void Acquire() {
    if (held_.test_and_set(std::memory_order_acquire)) [[unlikely]]
      AcquireSlowly();
  }
  void Release() { held_.clear(std::memory_order_release); }
  bool IsHeld() const { return held_.test(std::memory_order_acquire); }

 private:
  void AcquireSlowly();

  std::atomic_flag held_;
};

class LeafGuard {
 public:
  // The caller has blocked signals, and keeps them blocked for as long as the guard lives.
  LeafGuard(LeafLock* lock, const SignalsBlocked& /*proof*/) : lock_(lock) { lock_->Acquire(); }
  ~LeafGuard() { lock_->Release(); }
  LeafGuard(const LeafGuard&) = delete;
  LeafGuard& operator=(const LeafGuard&) = delete;

 private:
  LeafLock* lock_;
};

}  // namespace socksify
