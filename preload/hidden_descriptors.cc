// SPDX-License-Identifier: BSD-2-Clause
#include "preload/hidden_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/errno_keeper.h"
#include "preload/originals.h"

namespace socksify {
namespace {

constexpr int kHighNumber = 900;

}  // namespace

int Hide(int fd) {
  const ErrnoKeeper keeper;
  int high = libc::fcntl(fd, F_DUPFD_CLOEXEC, kHighNumber);
  if (high < 0) high = libc::fcntl(fd, F_DUPFD_CLOEXEC, kHighNumber / 8);
  if (high >= 0) libc::close(fd);
  const int hidden = high >= 0 ? high : fd;
  // Whatever had the number was closed behind our back.
  g_descriptors.ClearFlags(hidden, ~0U);
  MarkDescriptor(hidden, kHidden);
  return hidden;
}

void CloseHidden(int fd, uint64_t cookie) {
  const ErrnoKeeper keeper;
  if (fd < 0 || SocketCookie(fd) != cookie) return;
  g_descriptors.ClearFlags(fd, kHidden);
  libc::close(fd);
}

void GiveUpHidden(int fd) {
  g_descriptors.ClearFlags(fd, kHidden);
}

bool IsStillHidden(int fd) {
  if (!IsHidden(fd)) return false;
  if (SocketCookie(fd) != 0) return true;
  GiveUpHidden(fd);
  return false;
}

int CloseRange(unsigned first, unsigned last, int flags) {
  unsigned begin = first;
  const unsigned end = g_descriptors.used_end();
  for (unsigned fd = first; fd < end && fd <= last; ++fd) {
    if (!IsHidden(static_cast<int>(fd))) continue;
    if (begin < fd && libc::close_range(begin, fd - 1, flags) != 0) return -1;
    begin = fd + 1;
  }
  // Also for a range that makes no sense, which the kernel is to refuse.
  if (begin > last && begin != first) return 0;
  return libc::close_range(begin, last, flags);
}

}  // namespace socksify
