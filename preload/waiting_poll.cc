// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <cerrno>
#include <limits>

#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/scratch.h"
#include "preload/time_limit.h"
#include "preload/waiting.h"
#include "preload/watches.h"

namespace socksify {
namespace {

// How an entry of the program's is waited for.
enum class Role : uint8_t {
  kPlain,      // as the program says
  kHandshake,  // for what the handshake needs; nothing is shown
  kEarly,      // likewise, and for what the program may do before the reply
  kFailed,     // as the program says, and POLLERR
  kSet,        // an epoll set; it counts only if something in it is for the program
};

class PollWait {
 public:
  PollWait(pollfd* fds, nfds_t count, pollfd* kernels, Role* roles)
      : fds_(fds), count_(count), kernels_(kernels), roles_(roles) {}

  int Run(const timespec* timeout, const sigset_t* mask);

 private:
  void Prepare(const SignalsBlocked& blocked);
  // How many entries are ready for the program, and whether a handshake has come to its end.
  int Collect(const SignalsBlocked& blocked);

  pollfd* fds_;
  nfds_t count_;
  pollfd* kernels_;
  Role* roles_;
  LookAgain look_again_;
  long long deadline_ms_ = 0;  // the earliest of the handshakes taking part
  bool has_ended_ = false;
};

void PollWait::Prepare(const SignalsBlocked& blocked) {
  deadline_ms_ = std::numeric_limits<long long>::max();
  unsigned handshakes = 0;
  for (nfds_t i = 0; i < count_; ++i) {
    kernels_[i] = fds_[i];
    roles_[i] = Role::kPlain;
    const unsigned flags = g_descriptors.Flags(fds_[i].fd);
    if ((flags & kEpollSet) != 0) roles_[i] = Role::kSet;
    if ((flags & kPending) == 0) continue;
    // A number that was closed unseen and used again would be waited for in the wrong way. Large sets find
    // out by the first event.
    constexpr unsigned kLooksAtOnce = 16;
    if (handshakes < kLooksAtOnce) g_pendings.Verify(fds_[i].fd, blocked);
    const PendingView view = g_pendings.View(fds_[i].fd);
    if (view.progress == Progress::kFailed) roles_[i] = Role::kFailed;
    if (!IsUnderWay(view.progress)) continue;
    const bool is_early = view.progress == Progress::kEarly;
    roles_[i] = is_early ? Role::kEarly : Role::kHandshake;
    kernels_[i].events = is_early ? static_cast<short>(fds_[i].events | view.events) : view.events;
    deadline_ms_ = std::min(deadline_ms_, view.deadline_ms);
    ++handshakes;
  }
  if (handshakes > 0) deadline_ms_ = std::min(deadline_ms_, look_again_.NextMs());
}

int PollWait::Collect(const SignalsBlocked& blocked) {
  has_ended_ = false;
  const bool is_overdue = MonotonicMs() >= deadline_ms_;
  int ready = 0;
  for (nfds_t i = 0; i < count_; ++i) {
    short shown = kernels_[i].revents;
    switch (roles_[i]) {
      case Role::kPlain: break;
      case Role::kHandshake:
        if ((shown != 0 || is_overdue) && g_pendings.Advance(fds_[i].fd, blocked) != Progress::kWaiting)
          has_ended_ = true;
        shown = 0;
        break;
      case Role::kEarly: {
        const bool is_due = (shown & ~kEarlyEvents) != 0 || is_overdue;
        if (is_due && g_pendings.Advance(fds_[i].fd, blocked) != Progress::kEarly) has_ended_ = true;
        shown = static_cast<short>(shown & kEarlyEvents);
        break;
      }
      case Role::kFailed:
        if (g_pendings.View(fds_[i].fd).progress == Progress::kFailed) shown |= POLLERR;
        break;
      case Role::kSet:
        if ((shown & POLLIN) != 0 && !IsSetReadable(fds_[i].fd, blocked))
          shown = static_cast<short>(shown & ~(POLLIN | POLLRDNORM));
        break;
    }
    fds_[i].revents = shown;
    if (shown != 0) ++ready;
  }
  return ready;
}

int PollWait::Run(const timespec* timeout, const sigset_t* mask) {
  const SignalsBlocked blocked;
  TimeLimit limit(timeout);
  constexpr timespec kNow{};
  for (;;) {
    Prepare(blocked);
    // After the end of a handshake the kernel is asked again, for what the program wants to know.
    const timespec* const left = has_ended_ ? &kNow : limit.Left(deadline_ms_);
    const int result = libc::ppoll(kernels_, count_, left, mask != nullptr ? mask : blocked.wait_mask());
    if (result < 0) return result;
    const int ready = Collect(blocked);
    if (has_ended_) continue;
    if (ready > 0 || limit.HasPassed()) return ready;
  }
}

}  // namespace

bool HasOurs(pollfd* fds, nfds_t count) {
  for (nfds_t i = 0; i < count; ++i) {
    if ((g_descriptors.Flags(fds[i].fd) & (kPending | kEpollSet)) != 0) return true;
  }
  return false;
}

bool ConcernsPending(pollfd* fds, nfds_t count) {
  return g_pendings.is_used() && HasOurs(fds, count);
}

int WaitPoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  Scratch<pollfd, 128> kernels(count);
  Scratch<Role, 128> roles(count);
  if (kernels.data() == nullptr || roles.data() == nullptr) {
    errno = ENOMEM;
    return -1;
  }
  return PollWait(fds, count, kernels.data(), roles.data()).Run(timeout, mask);
}

}  // namespace socksify
