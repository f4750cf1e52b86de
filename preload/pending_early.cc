// SPDX-License-Identifier: BSD-2-Clause
// Connections that the program takes for made, and writes to, while the proxy's reply is still to come.
//
// The kernel's socket is connected and writable, so for everything but reading its own answers are right.
// What must not happen is that anybody reads the reply for the peer's first bytes: our hooks take it away
// first, but a program after execve(2), the receiver of a descriptor and libc's stdio do not pass by a hook
// that knows of it. Before one of them gets the socket its reply is waited for (SettleEarly). That costs what
// connect(2) would have cost.
//
// close(2) before the reply: the kernel resets a connection whose received bytes nobody has read, and with it
// goes what has not been sent yet; one that is closed is reset by the reply when that comes; and some servers
// drop everything when they see the end of the stream that early. So a blocking socket, if the program has
// written to it, waits for the reply as its connect(2) would have done. A non-blocking one takes the reply
// away if it is there, and is closed.

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>

#include <cerrno>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"
#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/watches.h"

namespace socksify {
namespace {

bool HasNoDelay(int fd) {
  int is_on = 0;
  socklen_t size = sizeof is_on;
  return libc::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, static_cast<void*>(&is_on), &size) == 0 && is_on != 0;
}

// Whether there is anything on the connection but the handshake's own.
bool HasWritten(int fd) {
  const std::optional<Connection> connection = g_descriptors.Find(fd);
  tcp_info info{};
  socklen_t size = sizeof info;
  if (!connection || libc::getsockopt(fd, IPPROTO_TCP, TCP_INFO, static_cast<void*>(&info), &size) != 0)
    return true;
  return info.tcpi_bytes_sent + info.tcpi_notsent_bytes - info.tcpi_bytes_retrans >
         connection->negotiated_sent;
}

// SO_LINGER with no time: the program wants the connection reset (socket(7)).
bool IsToBeReset(int fd) {
  linger wanted{};
  socklen_t size = sizeof wanted;
  return libc::getsockopt(fd, SOL_SOCKET, SO_LINGER, static_cast<void*>(&wanted), &size) == 0 &&
         wanted.l_onoff != 0 && wanted.l_linger == 0;
}

}  // namespace

Progress PendingTable::SetEarly(Entry* entry, int fd, const SignalsBlocked& blocked) {
  const long long deadline_ms = entry->attempt->deadline_ms();
  entry->deadline_ms.store(deadline_ms, std::memory_order_relaxed);
  NoteDeadline(deadline_ms);
  if (entry->progress.load(std::memory_order_relaxed) != Progress::kEarly) BecomeEarly(entry, fd, blocked);
  return Progress::kEarly;
}

// From now on the program sees a connection.
void PendingTable::BecomeEarly(Entry* entry, int fd, const SignalsBlocked& blocked) {
  if ((g_descriptors.Flags(fd) & kCorked) != 0) SetTcpFlag(fd, TCP_CORK, 1);
  // The request is not acknowledged yet, and Nagle's algorithm would have the program's first bytes wait for
  // that (RFC 9293 section 3.7.4): the round trip that is to be saved.
  if (!HasNoDelay(fd)) {
    SetTcpFlag(fd, TCP_NODELAY, 1);
    entry->lends_no_delay.store(true);
  }
  entry->events.store(POLLIN, std::memory_order_relaxed);
  entry->Identify(fd);
  // Recorded before it is shown as a connection.
  g_descriptors.Record(fd, ConnectionOf(*entry), blocked);
  ForEachDescriptor(*entry, [&](int each) {
    g_descriptors.Share(fd, each, blocked);
    g_descriptors.SetFlags(each, kMayRepeatConnect);
  });
  entry->progress.store(Progress::kEarly, std::memory_order_release);
  ForEachDescriptor(*entry,
                    [&](int each) { g_watches.EndHandshake(each, Watches::After::kShowWritable, blocked); });
}

// What was shown as a connection is one no longer.
void PendingTable::Unrecord(const Entry& entry, const SignalsBlocked& blocked) {
  ForEachDescriptor(entry, [&](int each) {
    g_descriptors.Unrecord(each, blocked);
    g_descriptors.ClearFlags(each, kMayRepeatConnect);
  });
}

void PendingTable::NoteNoDelay(int fd) {
  Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return;
  const SignalsBlocked blocked;
  const LeafGuard guard(&entry->lock, blocked);
  if (entries_.Get(fd) == entry) entry->lends_no_delay.store(false);
}

bool PendingTable::LendsNoDelay(int fd) const {
  const Entry* const entry = entries_.Get(fd);
  return entry != nullptr && entry->progress.load() == Progress::kEarly && entry->lends_no_delay.load();
}

// The reply has to be read; and servers take the end of the stream before it for the end of everything (ssh
// -D).
bool PendingTable::ShutDown(int fd, int how) {
  Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return false;
  const SignalsBlocked blocked;
  const LeafGuard guard(&entry->lock, blocked);
  if (entries_.Get(fd) != entry || entry->progress.load() != Progress::kEarly) return false;
  if (how != SHUT_WR) entry->is_receiving_over = true;
  if (how != SHUT_RD) entry->is_sending_over.store(true);
  return true;
}

bool PendingTable::IsSendingOver(int fd) const {
  const Entry* const entry = entries_.Get(fd);
  return entry != nullptr && entry->is_sending_over.load(std::memory_order_relaxed);
}

bool PendingTable::Dissolve(int fd) {
  Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return false;
  const ErrnoKeeper keeper;
  const CancellationOff cancellation_off;
  const SignalsBlocked blocked;
  const LeafGuard guard(&entry->lock, blocked);
  if (entries_.Get(fd) != entry || entry->progress.load() != Progress::kEarly) return false;
  if (IsStale(entry, fd, blocked)) return false;
  Report(*entry);
  GiveOptionsBack(*entry, fd);
  entry->attempt->set_fd(fd);
  // Takes the socket back to unconnected.
  entry->EndAttempt();
  Unrecord(*entry, blocked);
  End(entry, 0, blocked);
  return true;
}

// Whether a descriptor of the same socket is not among those from `first` to `last`.
bool PendingTable::HasOutside(int fd, unsigned first, unsigned last) const {
  const Entry* const entry = entries_.Get(fd);
  for (unsigned each = 0; each < g_descriptors.used_end(); ++each) {
    if ((each < first || each > last) && entries_.Get(static_cast<int>(each)) == entry) return true;
  }
  return false;
}

void PendingTable::BeforeClose(int fd, unsigned first, unsigned last) {
  if (View(fd).progress != Progress::kEarly || IsBorrowedMemory() || HasOutside(fd, first, last)) return;
  const ErrnoKeeper keeper;
  const CancellationOff cancellation_off;
  if (!HasWritten(fd) || IsToBeReset(fd)) return;
  if ((libc::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) {
    Advance(fd);
  } else {
    AwaitPending(fd, kNoTimeLimit);
  }
}

void PendingTable::SettleEarly(int fd) {
  const CancellationOff cancellation_off;
  while (View(fd).progress == Progress::kEarly) {
    const Entry* const entry = entries_.Get(fd);
    // What a child of vfork(2) has closed its parent has still.
    if (entry == nullptr || (SocketCookie(fd) != entry->cookie && IsBorrowedMemory())) return;
    AwaitPending(fd, kNoTimeLimit);
  }
}

void PendingTable::SettleEarly() {
  if (!is_used()) return;
  const ErrnoKeeper keeper;
  const bool is_borrowed = IsBorrowedMemory();
  for (int each = 0; each < static_cast<int>(g_descriptors.used_end()); ++each) {
    if (View(each).progress != Progress::kEarly) continue;
    // What a child of vfork(2) does not keep is its parent's business, some of whose epoll sets it may lack.
    if (is_borrowed && (libc::fcntl(each, F_GETFD) & FD_CLOEXEC) != 0) continue;
    SettleEarly(each);
  }
}

}  // namespace socksify
