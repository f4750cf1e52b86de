// SPDX-License-Identifier: BSD-2-Clause
// Runtime: the preload's state in one process: configuration, table of fake addresses, descriptors, reports.
//
// Rules for everything below preload/, because it runs in somebody else's process:
//  1. A hook is about twenty lines: guard, decide, delegate. Its signature is written out. The one macro is
//     SOCKSIFY_EXPORT: with hidden visibility a hook without it is silently dead.
//  2. The version script (exports.map) is anonymous and exact: glibc's callers never reach a hook with a
//     version of its own, and without a script the static libstdc++ leaks into the program.
//  3. Globals are constinit: another library's constructor can call a hook before ours have run, and exit
//     handlers after they are gone. Nothing is ever destroyed.
//  4. Set up at the first internet-socket call, once; this thread passes through meanwhile, others wait.
//  5. The pass-through path allocates nothing, locks nothing and makes no system call of its own.
//  6. Locks are leaves (leaf_lock.h), with signals blocked while held; one pthread_atfork.
//  7. errno is untouched on success, set last on failure, preserved by reports.
//  8. Hooks are cancellation points: no noexcept; Guarded() lets abi::__forced_unwind through.
//  9. The siblings count: `_chk`, `__` aliases, `64`, `_r`, and syscall(). A test derives them from libc.
// 10. secure_getenv only. No iostream, regex, std::thread, locale. Numbers by std::from_chars.
#pragma once

#include <cxxabi.h>
#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "dialer/server_health.h"
#include "dialer/system.h"
#include "preload/connections.h"
#include "preload/report.h"
#include "resolver/fake_table.h"
#include "resolver/peer_table.h"
#include "routing/config.h"

// Makes a replaced call visible to the program. What replaces a variadic function has the arguments by name,
// and the function's name as its assembler label: the calling conventions of Linux pass both kinds alike as
// long as they are integers and pointers, and a function that is not variadic can end with a jump to libc's.
// After a system call a processor that guards against speculation does not foresee one return more, which
// would cost twice the budget.
#define SOCKSIFY_EXPORT extern "C" __attribute__((visibility("default")))

namespace socksify {

class Runtime {
 public:
  // The runtime of this process, set up on the first call. Null while the calling thread is itself setting it
  // up or looking up a proxy's own name: the caller passes the call through to libc.
  static Runtime* Get();

  // Null when the configuration has errors, or there is none: then every call that might need a proxy fails.
  const Config* config() const { return config_ ? &*config_ : nullptr; }
  // "direct", for loopback destinations while there is no configuration.
  const Rule& loopback_rule() const { return *loopback_rule_; }
  const ConnectionReporter& reporter() const { return reporter_; }
  // Whether the table sends datagrams of some kind to a proxy that can carry them.
  bool relays_datagrams() const { return relays_datagrams_; }
  // The program's base name, as rules with `process:` see it.
  std::string_view process() const;
  // The real user id as rules with `user:` see it: as it is now, since a program may have become somebody
  // else. Where no rule names users nobody is asked, and it is kNobody.
  uint32_t user() const;

  // The table of fake addresses, opened when it is first needed. Null when not even a private one can be had.
  FakeTable* fake_table();
  // The table of this process, if it has been opened; sets nothing up.
  static FakeTable* OpenedFakeTable();
  // The table of peers that all processes of the user share, likewise.
  PeerTable* peer_table();
  // Whether `address` may stand for a name; opens no table.
  bool IsFake(const IpAddress& address) const;

  // How the servers are, as all processes of the user know it. Null when not even a private table can be had.
  ServerHealth* health();

  // What an attempt by `rule` needs to know of this process and its configuration. Only with one.
  AttemptOptions OptionsFor(const Rule& rule);

 private:
  Runtime();
  static Runtime* SetUp();
  void LoadConfiguration();
  FakeTable* OpenFakeTable();
  PeerTable* OpenPeerTable();
  ServerHealth* OpenHealth();
  uint64_t Draw(const Rule& rule);

  std::optional<const Config> config_;
  std::unique_ptr<const Rule> loopback_rule_;
  bool relays_datagrams_ = false;
  ConnectionReporter reporter_;
  std::atomic<FakeTable*> fake_table_ = nullptr;
  std::atomic<PeerTable*> peer_table_ = nullptr;
  std::atomic<ServerHealth*> health_ = nullptr;
};

// libc's originals for the dialer.
const System& OriginalSystem();

// Marks the calling thread as one whose calls go straight to libc, with signals blocked, so that neither a
// handler nor a longjmp out of one can meet the mark.
class PassThroughScope {
 public:
  PassThroughScope();
  ~PassThroughScope();
  PassThroughScope(const PassThroughScope&) = delete;
  PassThroughScope& operator=(const PassThroughScope&) = delete;

 private:
  sigset_t previous_mask_{};
};

// Readies the unwinder that is linked into this library. pthread_cancel(3) unwinds by the program's libgcc_s,
// but the frames of a hook are asked by our own copy of the C++ personality, which aborts unless its tables
// have been filled; nothing but an unwinding of its own does that.
inline constinit std::atomic<bool> g_is_unwinder_ready = false;
void ReadyUnwinder();

// Runs a hook's body; an exception becomes an errno and `on_failure`, cancellation goes on its way (rule 8).
template <typename Body, typename Result>
Result Guarded(Body body, Result on_failure) {
  if (!g_is_unwinder_ready.load(std::memory_order_relaxed)) [[unlikely]]
    ReadyUnwinder();
  try {
    return body();
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
  } catch (...) {
    errno = EIO;
  }
  return on_failure;
}

}  // namespace socksify
