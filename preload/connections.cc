// SPDX-License-Identifier: BSD-2-Clause
#include "preload/connections.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/errno_keeper.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/watches.h"

namespace socksify {

constinit DescriptorTable g_descriptors;

namespace {

constinit std::atomic<pid_t> g_owner = 0;

pid_t CurrentProcess() {
  return static_cast<pid_t>(libc::syscall(SYS_getpid));
}

}  // namespace

uint64_t SocketCookie(int fd) {
  const ErrnoKeeper keeper;
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  const int result = libc::getsockopt(fd, SOL_SOCKET, SO_COOKIE, static_cast<void*>(&cookie), &size);
  return result == 0 ? cookie : 0;
}

std::optional<Connection> FindConnection(int fd) {
  std::optional<Connection> connection = g_descriptors.Find(fd);
  if (!connection) return std::nullopt;
  if (SocketCookie(fd) == connection->cookie) return connection;
  ForgetDescriptor(fd);
  return std::nullopt;
}

void ForgetConnection(int fd) {
  const unsigned flags = g_descriptors.Flags(fd);
  if ((flags & (kPending | kHasConnection | kConnectFailed)) == 0) return;
  if ((flags & kPending) != 0) g_pendings.TakeError(fd);
  g_descriptors.Drop(fd);
  g_descriptors.SetFlags(fd, (flags & kOptionFlags) | kFreshStream);
}

void ForgetDescriptor(int fd) {
  const unsigned flags = g_descriptors.Flags(fd);
  // The others have no more to them than the flag.
  constexpr unsigned kHeavy = kHasConnection | kPending | kFreshStream | kEpollSet;
  if (flags == 0 || ((flags & kHeavy) != 0 && IsBorrowedMemory())) return;
  if ((flags & kEpollSet) != 0) g_watches.ForgetSet(fd);
  if (g_watches.IsWatched(fd)) {
    const SignalsBlocked blocked;
    g_watches.Forget(fd, blocked);
  }
  if ((flags & kPending) != 0) g_pendings.Forget(fd);
  g_descriptors.Drop(fd);
}

void ForgetDescriptors(unsigned first, unsigned last) {
  const unsigned end = g_descriptors.used_end();
  if (first >= end || IsBorrowedMemory()) return;
  for (unsigned fd = first; fd < end && fd <= last; ++fd) ForgetDescriptor(static_cast<int>(fd));
}

void CopyDescriptor(int from, int to) {
  const unsigned flags = g_descriptors.Flags(from);
  if ((flags | g_descriptors.Flags(to)) != 0 && IsBorrowedMemory()) return;
  if (from == to) return;
  ForgetDescriptor(to);
  // The socket may be connected, or registered, by another of its descriptors from now on.
  if ((flags & (kPending | kFreshStream | kEpollSet)) != 0) g_descriptors.SetFlags(from, kHasCopies);
  g_descriptors.Duplicate(from, to);
  if ((flags & kPending) != 0) g_pendings.Copy(from, to);
}

bool IsBorrowedMemory() {
  const pid_t owner = g_owner.load(std::memory_order_relaxed);
  return owner != 0 && owner != CurrentProcess();
}

void ClaimMemory() {
  g_owner.store(CurrentProcess(), std::memory_order_relaxed);
}

}  // namespace socksify
