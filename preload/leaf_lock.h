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

// A handler of the program's has been installed, for another signal than those that a fault raises
// (hooks_signal.cc); for good.
void NoteSignalHandler();
bool HasSignalHandlers();
constexpr bool IsFault(int number) {
  return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL || number == SIGTRAP ||
         number == SIGSYS;
}

// Blocks the signals of this thread for a scope, save those that a fault raises, whose blocking would kill
// the process. A wait inside the scope is given wait_mask(), as ppoll(2) takes it, so that the program sees
// its signals where it waits and nowhere else.
//
// Where nothing of the program's can come in between there is nothing to block: in a process of one thread
// that has never had a handler. A signal does to it what it does to any other then, stop or kill, and what it
// leaves is what SIGKILL leaves. Handlers that were installed past the hooks are not known (see
// docs/architecture.md); threads that libc makes for itself, for timers or asynchronous I/O, count as
// threads.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked() {
    if (is_blocking_) pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  // Nothing of the program's runs while the scope lasts.
  bool is_alone() const { return !is_blocking_; }
  // The program's own mask; null where that is in force.
  const sigset_t* wait_mask() const { return is_blocking_ ? &previous_ : nullptr; }

  // A number that no other scope of this process has had. While it is the same, no handler of the program has
  // run in this thread.
  uint64_t stretch() const { return stretch_; }
  // A wait has been interrupted: a handler has run.
  void BeginAnotherStretch();

 private:
  sigset_t previous_;
  bool is_blocking_;
  uint64_t stretch_ = 0;
};

// In a build for stress tests (SOCKSIFY_LOCK_JITTER) this thread waits now and then, for up to 2 ms: before
// and after each lock, and before each change of a descriptor's flags. Elsewhere it is nothing.
#ifdef SOCKSIFY_LOCK_JITTER
void PauseAtRandom();
#else
inline void PauseAtRandom() {}
#endif

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
  LeafGuard(LeafLock* lock, const SignalsBlocked& /*proof*/) : lock_(lock) {
    PauseAtRandom();
    lock_->Acquire();
  }
  ~LeafGuard() {
    lock_->Release();
    PauseAtRandom();
  }
  LeafGuard(const LeafGuard&) = delete;
  LeafGuard& operator=(const LeafGuard&) = delete;

 private:
  LeafLock* lock_;
};

}  // namespace socksify
