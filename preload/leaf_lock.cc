// SPDX-License-Identifier: BSD-2-Clause
#include "preload/leaf_lock.h"

#include <sched.h>
#include <sys/single_threaded.h>
#include <time.h>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"

namespace socksify {

namespace {

constinit std::atomic<uint64_t> g_stretches = 0;
constinit std::atomic<bool> g_has_signal_handlers = false;

}  // namespace

void NoteSignalHandler() {
  g_has_signal_handlers.store(true, std::memory_order_relaxed);
}

bool HasSignalHandlers() {
  return g_has_signal_handlers.load(std::memory_order_relaxed);
}

// The mask is written where it is needed. NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
SignalsBlocked::SignalsBlocked() : is_blocking_(__libc_single_threaded == 0 || HasSignalHandlers()) {
  BeginAnotherStretch();
  if (!is_blocking_) return;
  sigset_t all;
  sigfillset(&all);
  for (int number = 1; number < NSIG; ++number) {
    if (IsFault(number)) sigdelset(&all, number);
  }
  pthread_sigmask(SIG_SETMASK, &all, &previous_);
}

void SignalsBlocked::BeginAnotherStretch() {
  stretch_ = g_stretches.fetch_add(1, std::memory_order_relaxed) + 1;
}

#ifdef SOCKSIFY_LOCK_JITTER
void PauseAtRandom() {
  // A count that all threads share, mixed as MurmurHash3 ends.
  static constinit std::atomic<uint32_t> g_count = 0;
  uint32_t random = g_count.fetch_add(1, std::memory_order_relaxed);
  random = (random ^ random >> 16) * 0x85ebca6b;
  random = (random ^ random >> 13) * 0xc2b2ae35;
  random ^= random >> 16;
  if (random >> 28 != 0) return;
  const ErrnoKeeper keeper;
  const CancellationOff cancellation_off;
  const timespec pause = {.tv_sec = 0, .tv_nsec = static_cast<long>(random % 2'000'000)};
  nanosleep(&pause, nullptr);
}
#endif

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
