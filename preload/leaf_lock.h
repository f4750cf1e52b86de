// SPDX-License-Identifier: BSD-2-Clause
// LeafLock: a lock for a few instructions on the preload's own tables. Signals are blocked while it is held,
// so that a signal handler of the holder's thread cannot meet it; nothing of libc that could take another
// lock is called under it. Spins with sched_yield(2): the critical sections are tens of instructions.
#pragma once

#include <sched.h>
#include <signal.h>

#include <atomic>

namespace socksify {

class LeafLock {
 public:
  constexpr LeafLock() = default;
  LeafLock(const LeafLock&) = delete;
  LeafLock& operator=(const LeafLock&) = delete;

  // For the child after fork(): the thread that held it does not exist there.
  void ResetAfterFork() { held_.clear(std::memory_order_release); }

 private:
  friend class LeafGuard;
  std::atomic_flag held_;
};

class LeafGuard {
 public:
  explicit LeafGuard(LeafLock* lock) : lock_(lock) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous_mask_);
    while (lock_->held_.test_and_set(std::memory_order_acquire)) sched_yield();
  }
  ~LeafGuard() {
    lock_->held_.clear(std::memory_order_release);
    pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
  }
  LeafGuard(const LeafGuard&) = delete;
  LeafGuard& operator=(const LeafGuard&) = delete;

 private:
  LeafLock* lock_;
  sigset_t previous_mask_{};
};

}  // namespace socksify
