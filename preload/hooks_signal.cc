// SPDX-License-Identifier: BSD-2-Clause
// The calls that install signal handlers. All that is of interest is whether the program has ever done so
// (see SignalsBlocked); each is libc's call otherwise.
//
// libc's own calls of one another do not come by here, so all of them have to be here. What it does with
// handlers for itself, in threads of its own mostly, touches nothing of ours.

#include <signal.h>

#include "preload/leaf_lock.h"
#include "preload/libc_aliases.h"
#include "preload/originals.h"
#include "preload/runtime.h"

namespace socksify {
namespace {

// Before the first handler can run, the calls that it may make, and libc allows it to, have been looked up.
[[gnu::cold, gnu::noinline]] void NoteFirstHandler() {
  NoteSignalHandler();
  libc::sigaction.get();
  libc::signal.get();
}

// What a fault raises is never blocked.
[[gnu::always_inline]] inline void Note(int number, sighandler_t handler) {
  if (handler == SIG_DFL || handler == SIG_IGN || IsFault(number)) return;
  if (!HasSignalHandlers()) NoteFirstHandler();
}

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT int sigaction(int number, const struct sigaction* action,
                              struct sigaction* previous) noexcept {
  if (action != nullptr) Note(number, action->sa_handler);
  return libc::sigaction(number, action, previous);
}

SOCKSIFY_EXPORT int __sigaction(int number, const struct sigaction* action,
                                struct sigaction* previous) noexcept {
  return sigaction(number, action, previous);
}

SOCKSIFY_EXPORT sighandler_t signal(int number, sighandler_t handler) noexcept {
  Note(number, handler);
  return libc::signal(number, handler);
}

SOCKSIFY_EXPORT sighandler_t bsd_signal(int number, sighandler_t handler) noexcept {
  Note(number, handler);
  return libc::bsd_signal(number, handler);
}

SOCKSIFY_EXPORT sighandler_t ssignal(int number, sighandler_t handler) noexcept {
  Note(number, handler);
  return libc::ssignal(number, handler);
}

SOCKSIFY_EXPORT sighandler_t sysv_signal(int number, sighandler_t handler) noexcept {
  Note(number, handler);
  return libc::sysv_signal(number, handler);
}

SOCKSIFY_EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler) noexcept {
  return sysv_signal(number, handler);
}

SOCKSIFY_EXPORT sighandler_t sigset(int number, sighandler_t handler) noexcept {
  Note(number, handler);
  return libc::sigset(number, handler);
}
