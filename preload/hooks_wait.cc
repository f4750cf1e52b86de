// SPDX-License-Identifier: BSD-2-Clause
// Waiting for descriptors. While there is nothing in the process that any wait has to heed, each is libc's
// call. What there is, and whether it matters to this wait, is looked at out of line.
//
// A thread that begins a handshake, or registers what may come to have one, counts it before it touches the
// socket or the epoll set. A wait that has looked before that was there first: then the kernel tells it of a
// hang-up, if it waits for the socket itself, and if it waits for a set, what it brings is looked through
// (PollOfThreads(), WaitOfThreads()).

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/single_threaded.h>

#include <limits>

#include "preload/connections.h"
#include "preload/listening.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/runtime.h"
#include "preload/time_limit.h"
#include "preload/wait_concern.h"
#include "preload/waiting.h"
#include "preload/watches.h"

namespace socksify {
namespace {

constexpr long kNsInS = 1'000'000'000;

// What the kernel would refuse is left to it.
bool IsValid(const timespec* timeout) {
  return timeout == nullptr || (timeout->tv_sec >= 0 && timeout->tv_nsec >= 0 && timeout->tv_nsec < kNsInS);
}

// poll(2) and epoll_wait(2) count in milliseconds; less than 0 is for ever.
class Milliseconds {
 public:
  explicit Milliseconds(int timeout_ms)
      : is_for_ever_(timeout_ms < 0),
        time_{.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1'000'000L} {}
  const timespec* get() const { return is_for_ever_ ? nullptr : &time_; }

 private:
  bool is_for_ever_;
  timespec time_;
};

// While a thread waits, no other can begin a connection. Whatever else the wait brings, it is libc's then,
// and the hooks' last act, which saves the processor a return that it does not see coming after a system
// call.
bool IsAlone() {
  return __libc_single_threaded != 0;
}

[[gnu::noinline]] int PollAmongPending(pollfd* fds, nfds_t count, const timespec* timeout,
                                       const sigset_t* mask) {
  if (!HasOurs(fds, count)) return libc::ppoll(fds, count, timeout, mask);
  // What is readable may be an epoll set in which a handshake has begun meanwhile.
  TimeLimit limit(timeout);
  if (!ConcernsPending(fds, count)) {
    const int result = libc::ppoll(fds, count, timeout, mask);
    if (result <= 0 || !ConcernsPending(fds, count)) return result;
  }
  const timespec* const left = limit.Left(std::numeric_limits<long long>::max());
  return Guarded([&] { return WaitPoll(fds, count, left, mask); }, -1);
}

[[gnu::noinline]] int PollAmongPending(pollfd* fds, nfds_t count, int timeout_ms) {
  return PollAmongPending(fds, count, Milliseconds(timeout_ms).get(), nullptr);
}

// While this thread waits for an epoll set, another may begin a handshake in it.
[[gnu::noinline]] int PollOfThreads(pollfd* fds, nfds_t count, int timeout_ms) {
  if (!HasOurs(fds, count)) return libc::poll(fds, count, timeout_ms);
  const int result = libc::poll(fds, count, timeout_ms);
  if (result <= 0 || !g_pendings.is_used()) return result;
  return PollAmongPending(fds, count, timeout_ms);
}

[[gnu::noinline]] int WaitAmongHandshakes(int epoll_fd, epoll_event* events, int max_events, int timeout_ms,
                                          const sigset_t* mask) {
  const Milliseconds timeout(timeout_ms);
  return Guarded([&] { return WaitEpoll(epoll_fd, events, max_events, timeout.get(), mask); }, -1);
}

[[gnu::noinline]] int FinishWait(int epoll_fd, epoll_event* events, int max_events, int timeout_ms,
                                 const sigset_t* mask, int count) {
  const Milliseconds timeout(timeout_ms);
  return Guarded([&] { return FinishEpoll(epoll_fd, events, max_events, timeout.get(), mask, count); }, -1);
}

[[gnu::noinline]] int SelectAmongPending(int count, fd_set* read, fd_set* write, fd_set* except,
                                         timeval* timeout) {
  const bool is_valid = timeout == nullptr || (timeout->tv_sec >= 0 && timeout->tv_usec >= 0);
  if (!ConcernsPending(count, read, write, except) || !is_valid)
    return libc::select(count, read, write, except, timeout);
  if (timeout == nullptr)
    return Guarded([&] { return WaitSelect(count, read, write, except, nullptr, nullptr, nullptr); }, -1);
  // The kernel takes any number of microseconds (select(2)), and tells what is left of the time.
  timespec time = {.tv_sec = timeout->tv_sec + timeout->tv_usec / 1'000'000,
                   .tv_nsec = timeout->tv_usec % 1'000'000 * 1000};
  const int result =
      Guarded([&] { return WaitSelect(count, read, write, except, &time, nullptr, &time); }, -1);
  timeout->tv_sec = time.tv_sec;
  timeout->tv_usec = time.tv_nsec / 1000;
  return result;
}

[[gnu::always_inline]] inline bool HasConcerns() {
  return g_wait_concerns.is_any();
}

// Before a wait proxies are asked to listen again.
void ListenBeforeWait() {
  if (g_inbounds.has_idle()) Guarded([] { return ListenAgain(), 0; }, 0);
}

// What was known of the number is over, if it was closed where we could not see.
int NoteSet(int epoll_fd) {
  if (epoll_fd < 0) return epoll_fd;
  if (g_descriptors.Flags(epoll_fd) != 0) ForgetDescriptor(epoll_fd);
  MarkDescriptor(epoll_fd, kEpollSet);
  return epoll_fd;
}

[[gnu::always_inline]] inline int PollByLibc(pollfd* fds, nfds_t count, int timeout_ms) {
  if (!IsAlone()) return PollOfThreads(fds, count, timeout_ms);
  return libc::poll(fds, count, timeout_ms);
}

[[gnu::noinline]] int PollConcerned(pollfd* fds, nfds_t count, int timeout_ms) {
  ListenBeforeWait();
  if (g_pendings.is_used() || g_watches.is_used()) return PollAmongPending(fds, count, timeout_ms);
  return PollByLibc(fds, count, timeout_ms);
}

[[gnu::noinline]] int PollConcerned(pollfd* fds, nfds_t count, const timespec* timeout,
                                    const sigset_t* mask) {
  ListenBeforeWait();
  if ((g_pendings.is_used() || g_watches.is_used()) && IsValid(timeout))
    return PollAmongPending(fds, count, timeout, mask);
  return libc::ppoll(fds, count, timeout, mask);
}

[[gnu::noinline]] int SelectConcerned(int count, fd_set* read, fd_set* write, fd_set* except,
                                      timeval* timeout) {
  ListenBeforeWait();
  if (g_pendings.is_used()) return SelectAmongPending(count, read, write, except, timeout);
  return libc::select(count, read, write, except, timeout);
}

[[gnu::noinline]] int SelectConcerned(int count, fd_set* read, fd_set* write, fd_set* except,
                                      const timespec* timeout, const sigset_t* mask) {
  ListenBeforeWait();
  if (!ConcernsPending(count, read, write, except) || !IsValid(timeout))
    return libc::pselect(count, read, write, except, timeout, mask);
  return Guarded([&] { return WaitSelect(count, read, write, except, timeout, mask, nullptr); }, -1);
}

// While a thread waits, another one may register what is pending.
[[gnu::noinline]] int WaitOfThreads(int epoll_fd, epoll_event* events, int max_events, int timeout_ms) {
  const int count = libc::epoll_wait(epoll_fd, events, max_events, timeout_ms);
  if (count > 0 && g_watches.is_used()) [[unlikely]]
    return FinishWait(epoll_fd, events, max_events, timeout_ms, nullptr, count);
  return count;
}

[[gnu::noinline]] int WaitOfThreads(int epoll_fd, epoll_event* events, int max_events, int timeout_ms,
                                    const sigset_t* mask) {
  const int count = libc::epoll_pwait(epoll_fd, events, max_events, timeout_ms, mask);
  if (count > 0 && g_watches.is_used()) [[unlikely]]
    return FinishWait(epoll_fd, events, max_events, timeout_ms, mask, count);
  return count;
}

[[gnu::noinline]] int WaitOfThreads(int epoll_fd, epoll_event* events, int max_events,
                                    const timespec* timeout, const sigset_t* mask) {
  const int count = libc::epoll_pwait2(epoll_fd, events, max_events, timeout, mask);
  if (count > 0 && g_watches.is_used()) [[unlikely]]
    return Guarded([&] { return FinishEpoll(epoll_fd, events, max_events, timeout, mask, count); }, -1);
  return count;
}

[[gnu::always_inline]] inline int WaitByLibc(int epoll_fd, epoll_event* events, int max_events,
                                             int timeout_ms) {
  if (!IsAlone()) return WaitOfThreads(epoll_fd, events, max_events, timeout_ms);
  return libc::epoll_wait(epoll_fd, events, max_events, timeout_ms);
}

[[gnu::always_inline]] inline int WaitByLibc(int epoll_fd, epoll_event* events, int max_events,
                                             int timeout_ms, const sigset_t* mask) {
  if (!IsAlone()) return WaitOfThreads(epoll_fd, events, max_events, timeout_ms, mask);
  return libc::epoll_pwait(epoll_fd, events, max_events, timeout_ms, mask);
}

[[gnu::always_inline]] inline int WaitByLibc(int epoll_fd, epoll_event* events, int max_events,
                                             const timespec* timeout, const sigset_t* mask) {
  if (!IsAlone()) return WaitOfThreads(epoll_fd, events, max_events, timeout, mask);
  return libc::epoll_pwait2(epoll_fd, events, max_events, timeout, mask);
}

[[gnu::noinline]] int WaitConcerned(int epoll_fd, epoll_event* events, int max_events, int timeout_ms) {
  ListenBeforeWait();
  if (g_watches.is_used()) return WaitAmongHandshakes(epoll_fd, events, max_events, timeout_ms, nullptr);
  return WaitByLibc(epoll_fd, events, max_events, timeout_ms);
}

[[gnu::noinline]] int WaitConcerned(int epoll_fd, epoll_event* events, int max_events, int timeout_ms,
                                    const sigset_t* mask) {
  ListenBeforeWait();
  if (g_watches.is_used()) return WaitAmongHandshakes(epoll_fd, events, max_events, timeout_ms, mask);
  return WaitByLibc(epoll_fd, events, max_events, timeout_ms, mask);
}

[[gnu::noinline]] int WaitConcerned(int epoll_fd, epoll_event* events, int max_events,
                                    const timespec* timeout, const sigset_t* mask) {
  ListenBeforeWait();
  if (g_watches.is_used() && IsValid(timeout))
    return Guarded([&] { return WaitEpoll(epoll_fd, events, max_events, timeout, mask); }, -1);
  return WaitByLibc(epoll_fd, events, max_events, timeout, mask);
}

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT int poll(pollfd* fds, nfds_t count, int timeout_ms) {
  if (HasConcerns()) [[unlikely]]
    return PollConcerned(fds, count, timeout_ms);
  return PollByLibc(fds, count, timeout_ms);
}

SOCKSIFY_EXPORT int __poll(pollfd* fds, nfds_t count, int timeout_ms) {
  return poll(fds, count, timeout_ms);
}

SOCKSIFY_EXPORT int __poll_chk(pollfd* fds, nfds_t count, int timeout_ms, size_t fds_size) {
  // The original ends a program whose array is too short.
  if (fds_size / sizeof *fds < count) return libc::poll_chk(fds, count, timeout_ms, fds_size);
  return poll(fds, count, timeout_ms);
}

SOCKSIFY_EXPORT int ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  if (HasConcerns()) [[unlikely]]
    return PollConcerned(fds, count, timeout, mask);
  return libc::ppoll(fds, count, timeout, mask);
}

SOCKSIFY_EXPORT int __ppoll_chk(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask,
                                size_t fds_size) {
  if (fds_size / sizeof *fds < count) return libc::ppoll_chk(fds, count, timeout, mask, fds_size);
  return ppoll(fds, count, timeout, mask);
}

SOCKSIFY_EXPORT int select(int count, fd_set* read, fd_set* write, fd_set* except, timeval* timeout) {
  if (HasConcerns()) [[unlikely]]
    return SelectConcerned(count, read, write, except, timeout);
  return libc::select(count, read, write, except, timeout);
}

SOCKSIFY_EXPORT int __select(int count, fd_set* read, fd_set* write, fd_set* except, timeval* timeout) {
  return select(count, read, write, except, timeout);
}

SOCKSIFY_EXPORT int pselect(int count, fd_set* read, fd_set* write, fd_set* except, const timespec* timeout,
                            const sigset_t* mask) {
  if (HasConcerns()) [[unlikely]]
    return SelectConcerned(count, read, write, except, timeout, mask);
  return libc::pselect(count, read, write, except, timeout, mask);
}

SOCKSIFY_EXPORT int epoll_create(int size) noexcept {
  return NoteSet(libc::epoll_create(size));
}

SOCKSIFY_EXPORT int epoll_create1(int flags) noexcept {
  return NoteSet(libc::epoll_create1(flags));
}

SOCKSIFY_EXPORT int epoll_ctl(int epoll_fd, int operation, int fd, epoll_event* event) noexcept {
  if (!Watches::Concerns(fd)) [[likely]] {
    const int result = libc::epoll_ctl(epoll_fd, operation, fd, event);
    if (result == 0 || OwnSocketOf(fd) == fd || errno != EINVAL || event == nullptr) return result;
    // What stands behind a socket that listens at a proxy is a set, and those cannot be had exclusively.
    epoll_event shared = *event;
    shared.events &= ~static_cast<uint32_t>(EPOLLEXCLUSIVE);
    return libc::epoll_ctl(epoll_fd, operation, fd, &shared);
  }
  return g_watches.Control(epoll_fd, operation, fd, event);
}

SOCKSIFY_EXPORT int epoll_wait(int epoll_fd, epoll_event* events, int max_events, int timeout_ms) {
  if (HasConcerns()) [[unlikely]]
    return WaitConcerned(epoll_fd, events, max_events, timeout_ms);
  return WaitByLibc(epoll_fd, events, max_events, timeout_ms);
}

SOCKSIFY_EXPORT int epoll_pwait(int epoll_fd, epoll_event* events, int max_events, int timeout_ms,
                                const sigset_t* mask) {
  if (HasConcerns()) [[unlikely]]
    return WaitConcerned(epoll_fd, events, max_events, timeout_ms, mask);
  return WaitByLibc(epoll_fd, events, max_events, timeout_ms, mask);
}

SOCKSIFY_EXPORT int epoll_pwait2(int epoll_fd, epoll_event* events, int max_events, const timespec* timeout,
                                 const sigset_t* mask) {
  if (HasConcerns()) [[unlikely]]
    return WaitConcerned(epoll_fd, events, max_events, timeout, mask);
  return WaitByLibc(epoll_fd, events, max_events, timeout, mask);
}
