// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <cerrno>
#include <limits>

#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/time_limit.h"
#include "preload/waiting.h"
#include "preload/watches.h"

namespace socksify {
namespace {

constexpr long kNsInMs = 1'000'000;

// What one look of the kernel's has brought.
struct Harvest {
  int count = 0;             // events for the program, at the front of the array
  bool has_changed = false;  // a registration of the program's is back in the kernel: ask again
  bool has_stale = false;    // tokens of registrations that nobody can take out any more
};

// Before the reply a connection is writable, and no more.
bool ShowEarly(epoll_event* event, const Watches::Watch& watch, uint64_t token, Harvest* harvest,
               const SignalsBlocked& blocked) {
  event->events &= (watch.event.events | EPOLLERR) & static_cast<uint32_t>(kEarlyEvents);
  event->data = watch.event.data;
  if (event->events == 0) {
    g_watches.Rearm(token, blocked);
    return false;
  }
  if (g_watches.NoteShown(token, blocked)) return true;
  harvest->has_changed = true;
  return false;
}

// Whether the event is for the program, and what it looks like then.
bool Translate(epoll_event* event, Harvest* harvest, const SignalsBlocked& blocked) {
  if (!g_watches.IsToken(event->data.u64)) return true;
  const uint64_t token = event->data.u64;
  const Watches::Watch watch = g_watches.Resolve(token, event->events, blocked);
  switch (watch.mode) {
    case Watches::Mode::kHandshake:
    case Watches::Mode::kEarly:
      if (watch.mode == Watches::Mode::kEarly && (event->events & ~uint32_t{kEarlyEvents}) == 0)
        return ShowEarly(event, watch, token, harvest, blocked);
      switch (g_pendings.Advance(watch.fd, blocked)) {
        case Progress::kWaiting: return false;
        case Progress::kEarly:
          if (watch.mode == Watches::Mode::kEarly) return ShowEarly(event, watch, token, harvest, blocked);
          g_watches.EndHandshakeOf(token, Watches::After::kShowWritable, blocked);
          break;
        case Progress::kFailed: g_watches.EndHandshakeOf(token, Watches::After::kTranslate, blocked); break;
        case Progress::kNone: {
          // Its end should have done this; an event that comes again and again must not come for ever.
          const bool is_fresh = (g_descriptors.Flags(watch.fd) & kFreshStream) != 0;
          g_watches.EndHandshakeOf(token, is_fresh ? Watches::After::kRemember : Watches::After::kForget,
                                   blocked);
          break;
        }
      }
      harvest->has_changed = true;
      return false;
    case Watches::Mode::kTranslated:
      event->data = watch.event.data;
      if (g_pendings.View(watch.fd).progress == Progress::kFailed) event->events |= EPOLLERR;
      return true;
    case Watches::Mode::kOrphaned: {
      const Progress progress = g_pendings.Advance(watch.fd, blocked);
      if (progress == Progress::kWaiting) return false;
      pollfd now = {.fd = watch.fd, .events = static_cast<short>(watch.event.events), .revents = 0};
      if (libc::poll(&now, nfds_t{1}, 0) <= 0) return false;
      if (progress == Progress::kEarly) now.revents &= kEarlyEvents;
      event->data = watch.event.data;
      event->events = static_cast<uint16_t>(now.revents);
      return now.revents != 0;
    }
    case Watches::Mode::kNested:
      event->data = watch.event.data;
      if (IsSetReadable(watch.fd, blocked)) return true;
      g_watches.Rearm(token, blocked);
      return false;
    case Watches::Mode::kRemembered:
      // The program's own registration came back while this event was on its way.
      harvest->has_changed = true;
      return false;
    case Watches::Mode::kFree: harvest->has_stale = true; break;
  }
  return false;
}

Harvest Reap(epoll_event* events, int count, const SignalsBlocked& blocked) {
  Harvest harvest;
  for (int i = 0; i < count; ++i) {
    epoll_event event = events[i];
    if (Translate(&event, &harvest, blocked)) events[harvest.count++] = event;
  }
  return harvest;
}

// `is_fine`: the program counts in less than milliseconds, so epoll_pwait2(2) is there.
int WaitInKernel(int epoll_fd, epoll_event* events, int max_events, const timespec* timeout,
                 const sigset_t* mask, bool is_fine) {
  if (is_fine) return libc::epoll_pwait2(epoll_fd, events, max_events, timeout, mask);
  int timeout_ms = -1;
  if (timeout != nullptr) {
    const long long rounded_up_ms =
        static_cast<long long>(timeout->tv_sec) * 1000 + (timeout->tv_nsec + kNsInMs - 1) / kNsInMs;
    timeout_ms = static_cast<int>(std::min<long long>(rounded_up_ms, std::numeric_limits<int>::max()));
  }
  return libc::epoll_pwait(epoll_fd, events, max_events, timeout_ms, mask);
}

// epoll_pwait(2) in two steps. In one, a signal that the program ignores, arriving while all are blocked
// here, would interrupt it: the kernel keeps such a signal until it can be looked at, and only ppoll(2) is
// restarted then (signal(7)).
int AwaitSet(int epoll_fd, epoll_event* events, int max_events, const timespec* timeout,
             const sigset_t* mask) {
  const int count = libc::epoll_wait(epoll_fd, events, max_events, 0);
  if (count != 0 || (timeout != nullptr && timeout->tv_sec == 0 && timeout->tv_nsec == 0)) return count;
  pollfd set = {.fd = epoll_fd, .events = POLLIN, .revents = 0};
  const int ready = libc::ppoll(&set, nfds_t{1}, timeout, mask);
  return ready <= 0 ? ready : libc::epoll_wait(epoll_fd, events, max_events, 0);
}

int WaitForHandshakes(int epoll_fd, epoll_event* events, int max_events, const timespec* timeout,
                      const sigset_t* mask) {
  TimeLimit limit(timeout);
  const SignalsBlocked blocked;
  const sigset_t* const wait_mask = mask != nullptr ? mask : blocked.wait_mask();
  constexpr timespec kNow{};
  bool asks_again = false;
  for (;;) {
    const timespec* const left = asks_again ? &kNow : limit.Left(g_pendings.next_deadline_ms());
    const int count = AwaitSet(epoll_fd, events, max_events, left, wait_mask);
    if (count < 0) return count;
    const Harvest harvest = Reap(events, count, blocked);
    g_pendings.AdvanceOverdue(blocked);
    if (harvest.count > 0) return harvest.count;
    // What has changed is looked at even when the time is over, but once.
    const bool was_last_look = asks_again;
    asks_again = harvest.has_changed;
    if (limit.HasPassed() && (!asks_again || was_last_look)) return 0;
    if (harvest.has_stale) {
      const timespec pause = {.tv_sec = 0, .tv_nsec = 1'000'000};
      nanosleep(&pause, nullptr);
    }
  }
}

bool HasToken(const epoll_event* events, int count) {
  return std::any_of(events, events + std::max(count, 0),
                     [](const epoll_event& event) { return g_watches.IsToken(event.data.u64); });
}

}  // namespace

// A handshake may become ready at any moment, or be advanced by another thread. If none has come on from
// before the kernel said "readable" until all have been advanced after it, the kernel did not mean them.
bool IsSetReadable(int epoll_fd, const SignalsBlocked& blocked) {
  for (;;) {
    const unsigned steps = g_pendings.steps();
    pollfd set = {.fd = epoll_fd, .events = POLLIN, .revents = 0};
    if (libc::poll(&set, nfds_t{1}, 0) <= 0) return false;
    // Not only what has tokens: another thread may be about to register one.
    if (g_pendings.is_used()) g_pendings.AdvanceEach(blocked);
    if (g_pendings.steps() == steps) return true;
  }
}

int WaitEpoll(int epoll_fd, epoll_event* events, int max_events, const timespec* timeout,
              const sigset_t* mask) {
  if (g_watches.has_tokens()) return WaitForHandshakes(epoll_fd, events, max_events, timeout, mask);
  const bool is_fine = timeout != nullptr && timeout->tv_nsec % kNsInMs != 0;
  const int count = WaitInKernel(epoll_fd, events, max_events, timeout, mask, is_fine);
  return FinishEpoll(epoll_fd, events, max_events, timeout, mask, count);
}

int FinishEpoll(int epoll_fd, epoll_event* events, int max_events, const timespec* timeout,
                const sigset_t* mask, int count) {
  if (!HasToken(events, count)) return count;
  {
    const SignalsBlocked blocked;
    const Harvest harvest = Reap(events, count, blocked);
    g_pendings.AdvanceOverdue(blocked);
    if (harvest.count > 0) return harvest.count;
  }
  return WaitForHandshakes(epoll_fd, events, max_events, timeout, mask);
}

}  // namespace socksify
