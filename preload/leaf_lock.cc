// SPDX-License-Identifier: BSD-2-Clause
#include "preload/leaf_lock.h"

#include <sched.h>
#include <time.h>

#include "base/cancellation_off.h"

namespace socksify {

namespace {

constinit std::atomic<uint64_t> g_stretches = 0;

}  // namespace

SignalsBlocked::SignalsBlocked() {
  BeginAnotherStretch();
  sigset_t all;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&all, fault);
  pthread_sigmask(SIG_SETMASK, &all, &previous_);
}

void SignalsBlocked::BeginAnotherStretch() {
  stretch_ = g_stretches.fetch_add(1, std::memory_order_relaxed) + 1;
}

void LeafLock::AcquireSlowly() {
  const CancellationOff cancellation_off;
  for (unsigned tries = 0; held_.test_and_set(std::memory_order_acquire); ++tries) {
    const timespec pause = {.tv_sec = 0, .tv_nsec = 100'000};
    if (tries < 100) {
      sched_yield();
    } else {
      nanosleep(&pause, nullptr);
    }
  }
}

}  // namespace socksify
