// SPDX-License-Identifier: BSD-2-Clause
#include "preload/pending_calls.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>

#include <cerrno>

#include "base/errno_keeper.h"
#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/runtime.h"
#include "preload/time_limit.h"

namespace socksify {
namespace {

// SO_SNDTIMEO or SO_RCVTIMEO as a point in time.
long long TransferLimitMs(int fd, int name) {
  if ((g_descriptors.Flags(fd) & kTransferTimeout) == 0) return kNoTimeLimit;
  timeval timeout{};
  socklen_t size = sizeof timeout;
  if (libc::getsockopt(fd, SOL_SOCKET, name, static_cast<void*>(&timeout), &size) != 0) return kNoTimeLimit;
  if (timeout.tv_sec == 0 && timeout.tv_usec == 0) return kNoTimeLimit;
  return MonotonicMs() + static_cast<long long>(timeout.tv_sec) * 1000 + (timeout.tv_usec + 999) / 1000;
}

bool IsNonblocking(int fd) {
  return (libc::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

}  // namespace

// Whether connect(2) would go on by itself after a signal (signal(7)): handlers that were installed with
// SA_RESTART let it. Which signal it was cannot be told afterwards, so one handler without it suffices to
// return: alarm(2) as a time limit is what programs do, and EINTR is what connect(2) has them expect.
// Handlers for faults do not count: no fault comes in a wait, and those of sanitizers and language runtimes
// lack it.
bool IsRestarted() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action{};
    if (IsFault(number) || sigaction(number, nullptr, &action) != 0) continue;
    const bool has_handler = action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
    if (has_handler && (action.sa_flags & SA_RESTART) == 0) return false;
  }
  return true;
}

namespace {

// `looks_first`: something may have come meanwhile.
AwaitEnd Await(int fd, long long until_ms, Awaited awaited, bool looks_first, SignalsBlocked* blocked) {
  const ErrnoKeeper keeper;
  bool looks = looks_first;
  for (LookAgain look_again;; looks = true) {
    const Progress progress = looks ? g_pendings.Advance(fd, *blocked) : g_pendings.View(fd).progress;
    if (!IsUnderWay(progress) || (progress == Progress::kEarly && awaited == Awaited::kEarly))
      return AwaitEnd::kOver;
    const long long now_ms = MonotonicMs();
    if (until_ms != kNoTimeLimit && now_ms >= until_ms) return AwaitEnd::kTimedOut;
    const PendingView view = g_pendings.View(fd);
    if (!IsUnderWay(view.progress)) continue;
    long long deadline_ms = std::min(view.deadline_ms, look_again.NextMs());
    if (until_ms != kNoTimeLimit) deadline_ms = std::min(deadline_ms, until_ms);
    pollfd waiting = {.fd = fd, .events = view.events, .revents = 0};
    TimeLimit limit(nullptr);
    const int result = libc::ppoll(&waiting, nfds_t{1}, limit.Left(deadline_ms), blocked->wait_mask());
    if (result >= 0 || errno != EINTR) continue;
    if (until_ms != kNoTimeLimit || !IsRestarted()) return AwaitEnd::kInterrupted;
    blocked->BeginAnotherStretch();
  }
}

}  // namespace

AwaitEnd AwaitPending(int fd, long long until_ms, Awaited awaited) {
  SignalsBlocked blocked;
  return Await(fd, until_ms, awaited, true, &blocked);
}

void UndoFailedConnect(int fd) {
  const ErrnoKeeper keeper;
  ClearOfSocket(fd, kConnectFailed | kShutDownEarly);
  sockaddr unspecified{};
  unspecified.sa_family = AF_UNSPEC;
  libc::connect(fd, &unspecified, static_cast<socklen_t>(sizeof unspecified));
}

namespace {

// What connect(2) says at the end of waiting.
int EndOfConnect(int fd, AwaitEnd end) {
  switch (end) {
    case AwaitEnd::kInterrupted: return EINTR;
    case AwaitEnd::kTimedOut: return EINPROGRESS;
    case AwaitEnd::kOver: break;
  }
  const int error = g_pendings.TakeError(fd);
  if (error != 0) {
    UndoFailedConnect(fd);
    return error;
  }
  ClearOfSocket(fd, kMayRepeatConnect);
  return (g_descriptors.Flags(fd) & kHasConnection) != 0 ? 0 : ECONNABORTED;
}

}  // namespace

int AwaitConnect(int fd) {
  return EndOfConnect(fd, AwaitPending(fd, TransferLimitMs(fd, SO_SNDTIMEO), Awaited::kEarly));
}

int AwaitStartedConnect(int fd, SignalsBlocked* blocked) {
  const AwaitEnd end = Await(fd, TransferLimitMs(fd, SO_SNDTIMEO), Awaited::kEarly, false, blocked);
  if (end != AwaitEnd::kOver) g_pendings.Identify(fd, *blocked);
  return EndOfConnect(fd, end);
}

int ConnectAgain(int fd) {
  const bool is_waiting = g_pendings.Advance(fd) == Progress::kWaiting;
  if (is_waiting && IsNonblocking(fd)) return EALREADY;
  const int error = AwaitConnect(fd);
  return error == EINPROGRESS ? EALREADY : error;
}

bool MayTransfer(int fd, Direction direction, int flags) {
  const bool is_send = direction == Direction::kSend;
  // Straight to the socket: it need not be known whether the reply is there, nor whether the socket is the
  // one.
  if (is_send && g_pendings.View(fd).progress == Progress::kEarly) {
    if (!g_pendings.IsSendingOver(fd)) return true;
    errno = EPIPE;
    if ((flags & MSG_NOSIGNAL) == 0) raise(SIGPIPE);
    return false;
  }
  const auto judge = [&] {
    const Progress progress = g_pendings.Advance(fd);
    const bool is_waiting = is_send ? progress == Progress::kWaiting : IsUnderWay(progress);
    if (is_waiting && ((flags & MSG_DONTWAIT) != 0 || IsNonblocking(fd))) {
      errno = EAGAIN;
      return false;
    }
    if (is_waiting) {
      const long long limit_ms = TransferLimitMs(fd, is_send ? SO_SNDTIMEO : SO_RCVTIMEO);
      switch (AwaitPending(fd, limit_ms, is_send ? Awaited::kEarly : Awaited::kOver)) {
        case AwaitEnd::kInterrupted: errno = EINTR; return false;
        case AwaitEnd::kTimedOut: errno = EAGAIN; return false;
        case AwaitEnd::kOver: break;
      }
    }
    const int error = g_pendings.TakeError(fd);
    if (error != 0) errno = error;
    return error == 0;
  };
  return Guarded(judge, false);
}

bool PendingSocketError(int fd, int* error) {
  const Progress progress = g_pendings.Advance(fd);
  *error = progress == Progress::kFailed ? g_pendings.TakeError(fd) : 0;
  return progress != Progress::kNone;
}

bool IsNotConnected(int fd) {
  const Progress progress = g_pendings.Advance(fd);
  return progress == Progress::kWaiting || progress == Progress::kFailed;
}

bool HasNothingToRead(int fd) {
  return g_pendings.Advance(fd) != Progress::kNone;
}

bool DissolvePending(int fd) {
  if (g_pendings.Advance(fd) != Progress::kWaiting) return false;
  g_pendings.Abandon(fd);
  return true;
}

}  // namespace socksify
