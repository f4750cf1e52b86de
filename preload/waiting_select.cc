// SPDX-License-Identifier: BSD-2-Clause
// select(2) by way of poll(2), with the kernel's own rules for which event counts in which set (fs/select.c).

#include <algorithm>
#include <cerrno>
#include <climits>

#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/scratch.h"
#include "preload/time_limit.h"
#include "preload/waiting.h"

namespace socksify {
namespace {

constexpr short kReadEvents = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR;
constexpr short kWriteEvents = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR;
constexpr short kExceptEvents = POLLPRI;

constexpr int kBitsInWord = sizeof(unsigned long) * CHAR_BIT;

// Programs allocate larger sets than fd_set is (select(2), "BUGS"), so FD_ISSET would not do.
unsigned long* WordOf(fd_set* set, int fd) {
  return set == nullptr ? nullptr : reinterpret_cast<unsigned long*>(set) + fd / kBitsInWord;
}

bool Has(const fd_set* set, int fd) {
  const unsigned long* const word = WordOf(const_cast<fd_set*>(set), fd);
  return word != nullptr && (*word >> fd % kBitsInWord & 1) != 0;
}

void Put(fd_set* set, int fd, bool is_in) {
  unsigned long* const word = WordOf(set, fd);
  if (word == nullptr) return;
  const unsigned long bit = 1UL << fd % kBitsInWord;
  *word = is_in ? *word | bit : *word & ~bit;
}

template <typename Visit>
void ForEachMember(int count, const fd_set* read, const fd_set* write, const fd_set* except,
                   const Visit& visit) {
  for (int fd = 0; fd < count; ++fd) {
    short events = 0;
    if (Has(read, fd)) events |= kReadEvents;
    if (Has(write, fd)) events |= kWriteEvents;
    if (Has(except, fd)) events |= kExceptEvents;
    if (events != 0) visit(fd, events);
  }
}

}  // namespace

bool ConcernsPending(int count, const fd_set* read, const fd_set* write, const fd_set* except) {
  if (!g_pendings.is_used() || count <= 0) return false;
  bool is_concerned = false;
  ForEachMember(count, read, write, except, [&](int fd, short /*events*/) {
    if ((g_descriptors.Flags(fd) & (kPending | kEpollSet)) != 0) is_concerned = true;
  });
  return is_concerned;
}

int WaitSelect(int count, fd_set* read, fd_set* write, fd_set* except, const timespec* timeout,
               const sigset_t* mask, timespec* left) {
  Scratch<pollfd, 128> scratch(static_cast<size_t>(std::max(count, 1)));
  pollfd* const fds = scratch.data();
  if (fds == nullptr) {
    errno = ENOMEM;
    return -1;
  }
  nfds_t used = 0;
  ForEachMember(count, read, write, except,
                [&](int fd, short events) { fds[used++] = {.fd = fd, .events = events, .revents = 0}; });
  TimeLimit limit(timeout);
  const int result = WaitPoll(fds, used, timeout, mask);
  if (left != nullptr && timeout != nullptr) *left = *limit.Left(std::numeric_limits<long long>::max());
  if (result < 0) return result;
  for (nfds_t i = 0; i < used; ++i) {
    if ((fds[i].revents & POLLNVAL) == 0) continue;
    errno = EBADF;
    return -1;
  }
  int members = 0;
  for (nfds_t i = 0; i < used; ++i) {
    const auto show = [&](fd_set* set, short events) {
      if (!Has(set, fds[i].fd)) return;
      const bool is_ready = (fds[i].revents & events) != 0;
      Put(set, fds[i].fd, is_ready);
      if (is_ready) ++members;
    };
    show(read, kReadEvents);
    show(write, kWriteEvents);
    show(except, kExceptEvents);
  }
  return members;
}

}  // namespace socksify
