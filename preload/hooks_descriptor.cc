// SPDX-License-Identifier: BSD-2-Clause
// The calls that make, copy and end descriptors. On a descriptor that is not ours each is libc's call and one
// array look-up.

#include <fcntl.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>

#include "base/errno_keeper.h"
#include "preload/connections.h"
#include "preload/decision.h"
#include "preload/hidden_descriptors.h"
#include "preload/libc_aliases.h"
#include "preload/listening.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/relays.h"
#include "preload/runtime.h"
#include "preload/watches.h"

namespace socksify {
namespace {

// Programs for 32 bits with 64-bit times change the mode of a socket by names of their own (__fcntl_time64).
constexpr bool kSeesModes = sizeof(long) == 8;

// What was known of a number is over, if it was closed where we could not see: fclose(3), for one.
[[gnu::always_inline]] inline void NoteNewDescriptor(int fd) {
  if (g_descriptors.Flags(fd) == 0) [[likely]]
    return;
  GiveUpHidden(fd);
  ForgetDescriptor(fd);
}

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT int socket(int domain, int type, int protocol) noexcept {
  const int fd = libc::socket(domain, type, protocol);
  if (fd < 0) return fd;
  NoteNewDescriptor(fd);
  const bool is_internet = domain == AF_INET || domain == AF_INET6;
  const int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  const bool is_standard = fd <= STDERR_FILENO;
  if (is_internet && kind == SOCK_STREAM) {
    const bool is_known_blocking = kSeesModes && (type & SOCK_NONBLOCK) == 0;
    const unsigned mode = is_known_blocking ? unsigned{kKnownBlocking} : 0U;
    MarkDescriptor(fd, kFreshStream | kUnshared | mode | (is_standard ? unsigned{kOfStream} : 0U));
  }
  const bool is_udp = protocol == 0 || protocol == IPPROTO_UDP;
  if (is_internet && kind == SOCK_DGRAM && is_udp) MarkDescriptor(fd, kDatagram);
  return fd;
}

SOCKSIFY_EXPORT int socketpair(int domain, int type, int protocol, int pair[2]) noexcept {
  const int result = libc::socketpair(domain, type, protocol, pair);
  if (result == 0) {
    NoteNewDescriptor(pair[0]);
    NoteNewDescriptor(pair[1]);
  }
  return result;
}

SOCKSIFY_EXPORT int accept(int fd, sockaddr* address, socklen_t* size) {
  if ((g_descriptors.Flags(fd) & kInbound) != 0) [[unlikely]]
    return Guarded([&] { return AcceptInbound(fd, address, size, 0); }, -1);
  const int accepted = libc::accept(fd, address, size);
  NoteNewDescriptor(accepted);
  return accepted;
}

SOCKSIFY_EXPORT int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  if ((g_descriptors.Flags(fd) & kInbound) != 0) [[unlikely]]
    return Guarded([&] { return AcceptInbound(fd, address, size, flags); }, -1);
  const int accepted = libc::accept4(fd, address, size, flags);
  NoteNewDescriptor(accepted);
  return accepted;
}

namespace {

// One that was not made by socket(2): rresvport(3) makes its own.
bool IsInternetStream(int fd) {
  const ErrnoKeeper keeper;
  const int domain = SocketOption(fd, SO_DOMAIN);
  return (domain == AF_INET || domain == AF_INET6) && SocketOption(fd, SO_TYPE) == SOCK_STREAM;
}

}  // namespace

// A listening socket is in epoll sets for long, and is never connected.
SOCKSIFY_EXPORT int listen(int fd, int backlog) noexcept {
  const unsigned flags = g_descriptors.Flags(fd);
  if ((flags & kFreshStream) != 0) {
    g_watches.EndFresh(fd);
    g_descriptors.ClearFlags(fd, kFreshStream | kUnshared | kKnownBlocking);
  }
  if ((flags & (kFreshStream | kInbound)) == 0 && !IsInternetStream(fd)) return libc::listen(fd, backlog);
  return Guarded([&] { return Listen(fd, backlog); }, -1);
}

namespace {

// Out of line, so that the way to libc needs no stack frame.
[[gnu::noinline]] int CloseKnown(int fd) {
  if (IsHidden(fd) && IsStillHidden(fd)) [[unlikely]] {
    errno = EBADF;
    return -1;
  }
  if ((g_descriptors.Flags(fd) & kPending) != 0) g_pendings.BeforeClose(fd);
  // Forgotten before it is closed: afterwards the number may already be another thread's.
  ForgetDescriptor(fd);
  return libc::close(fd);
}

}  // namespace

SOCKSIFY_EXPORT int close(int fd) {
  if (g_descriptors.Flags(fd) != 0) return CloseKnown(fd);
  return libc::close(fd);
}

SOCKSIFY_EXPORT int __close(int fd) {
  return close(fd);
}

SOCKSIFY_EXPORT int dup(int fd) noexcept {
  const int copy = libc::dup(fd);
  if (copy >= 0 && (g_descriptors.Flags(fd) | g_descriptors.Flags(copy)) != 0) CopyDescriptor(fd, copy);
  return copy;
}

namespace {

// dup2(2) ends `to`, which must be known before: what acts on that number afterwards acts on another socket.
void ForgetReplaced(int from, int to) {
  if (from == to || g_descriptors.Flags(to) == 0) [[likely]]
    return;
  const ErrnoKeeper keeper;
  if (libc::fcntl(from, F_GETFD) < 0) return;
  if ((g_descriptors.Flags(to) & kPending) != 0) g_pendings.BeforeClose(to);
  if (IsHidden(to)) GiveUpHidden(to);
  ForgetDescriptor(to);
}

}  // namespace

SOCKSIFY_EXPORT int dup2(int from, int to) noexcept {
  ForgetReplaced(from, to);
  const int copy = libc::dup2(from, to);
  if (copy >= 0 && (g_descriptors.Flags(from) | g_descriptors.Flags(copy)) != 0) CopyDescriptor(from, copy);
  return copy;
}

SOCKSIFY_EXPORT int __dup2(int from, int to) {
  return dup2(from, to);
}

SOCKSIFY_EXPORT int dup3(int from, int to, int flags) noexcept {
  if ((flags & ~O_CLOEXEC) == 0) ForgetReplaced(from, to);
  const int copy = libc::dup3(from, to, flags);
  if (copy >= 0 && (g_descriptors.Flags(from) | g_descriptors.Flags(copy)) != 0) CopyDescriptor(from, copy);
  return copy;
}

namespace {

// `original` is fcntl or fcntl64, which differ only for locks on 32-bit machines.
template <typename FcntlOfLibc>
[[gnu::noinline]] int FcntlOfHeeded(const FcntlOfLibc& original, int fd, int command, void* argument) {
  // Known no longer, whatever the new mode is.
  if (command == F_SETFL) g_descriptors.ClearFlags(fd, kKnownBlocking);
  const int result = original(fd, command, argument);
  const bool is_copy = (command == F_DUPFD || command == F_DUPFD_CLOEXEC) && result >= 0;
  if (is_copy && (g_descriptors.Flags(fd) | g_descriptors.Flags(result)) != 0) CopyDescriptor(fd, result);
  return result;
}

// One look for all: a command that we have to heed has bits of these and no others. So have a few more, but
// not the most frequent ones, F_GETFD and F_GETFL.
template <typename FcntlOfLibc>
[[gnu::always_inline]] inline int Fcntl(const FcntlOfLibc& original, int fd, int command, void* argument) {
  constexpr int kBitsOfHeeded = F_DUPFD | F_DUPFD_CLOEXEC | F_SETFL;
  if ((command & ~kBitsOfHeeded) == 0) [[unlikely]]
    return FcntlOfHeeded(original, fd, command, argument);
  return original(fd, command, argument);
}

}  // namespace

// Under the names of variadic functions (see runtime.h).
SOCKSIFY_EXPORT int HookedFcntl(int fd, int command, void* argument) __asm__("fcntl");
SOCKSIFY_EXPORT int HookedFcntl64(int fd, int command, void* argument) __asm__("fcntl64");
SOCKSIFY_EXPORT int HookedFcntlOfLibc(int fd, int command, void* argument) __asm__("__fcntl");

SOCKSIFY_EXPORT int HookedFcntl(int fd, int command, void* argument) {
  return Fcntl(libc::fcntl, fd, command, argument);
}

SOCKSIFY_EXPORT int HookedFcntl64(int fd, int command, void* argument) {
  return Fcntl(libc::fcntl64, fd, command, argument);
}

SOCKSIFY_EXPORT int HookedFcntlOfLibc(int fd, int command, void* argument) {
  return Fcntl(libc::fcntl, fd, command, argument);
}

SOCKSIFY_EXPORT int close_range(unsigned first, unsigned last, int flags) noexcept {
  const bool closes = (static_cast<unsigned>(flags) & CLOSE_RANGE_CLOEXEC) == 0;
  if (closes) ReportCloses(first, last);
  const int result = CloseRange(first, last, flags);
  if (result == 0 && closes) ForgetDescriptors(first, last);
  return result;
}

SOCKSIFY_EXPORT void closefrom(int first) noexcept {
  // It cannot fail; where the kernel lacks the call, libc looks through /proc.
  const unsigned begin = first < 0 ? 0U : static_cast<unsigned>(first);
  ReportCloses(begin, ~0U);
  if (CloseRange(begin, ~0U, 0) != 0) libc::closefrom(first);
  ForgetDescriptors(begin, ~0U);
}

namespace {

// When the program ends in an orderly way.
[[gnu::destructor]] void AtExit() {
  g_relays.BeforeExit();
  ReportCloses(0, ~0U);
}

}  // namespace
