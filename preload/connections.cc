// SPDX-License-Identifier: BSD-2-Clause
#include "preload/connections.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/errno_keeper.h"
#include "preload/originals.h"

namespace socksify {

constinit DescriptorTable g_descriptors;

namespace {

constinit std::atomic<pid_t> g_owner = 0;

pid_t CurrentProcess() {
  return static_cast<pid_t>(libc::syscall(SYS_getpid));
}

}  // namespace

std::optional<Connection> FindConnection(int fd) {
  std::optional<Connection> connection = g_descriptors.Find(fd);
  if (!connection) return std::nullopt;
  const ErrnoKeeper keeper;
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  const bool is_same = libc::getsockopt(fd, SOL_SOCKET, SO_COOKIE, static_cast<void*>(&cookie), &size) == 0 &&
                       cookie == connection->cookie;
  if (is_same) return connection;
  ForgetDescriptor(fd);
  return std::nullopt;
}

void ForgetConnection(int fd) {
  const uint8_t flags = g_descriptors.Flags(fd);
  if ((flags & kHasConnection) == 0) return;
  ForgetDescriptor(fd);
  for (const DescriptorFlag flag : {kFastOpenConnect, kReceiveLowWater, kBound}) {
    if ((flags & flag) != 0) g_descriptors.SetFlag(fd, flag);
  }
}

void ForgetDescriptor(int fd) {
  const uint8_t flags = g_descriptors.Flags(fd);
  if (flags == 0 || ((flags & kHasConnection) != 0 && IsBorrowedMemory())) return;
  g_descriptors.Drop(fd);
}

void ForgetDescriptors(unsigned first, unsigned last) {
  if (g_descriptors.IsUsedFrom(first) && !IsBorrowedMemory()) g_descriptors.DropRange(first, last);
}

void CopyDescriptor(int from, int to) {
  if (((g_descriptors.Flags(from) | g_descriptors.Flags(to)) & kHasConnection) != 0 && IsBorrowedMemory())
    return;
  g_descriptors.Duplicate(from, to);
}

bool IsBorrowedMemory() {
  const pid_t owner = g_owner.load(std::memory_order_relaxed);
  return owner != 0 && owner != CurrentProcess();
}

void ClaimMemory() {
  g_owner.store(CurrentProcess(), std::memory_order_relaxed);
}

}  // namespace socksify
