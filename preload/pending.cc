// SPDX-License-Identifier: BSD-2-Clause
// Who has which pending connection, and who may advance it. What a handshake comes to is in
// pending_outcome.cc.
//
// A descriptor leads to its entry by entries_, which is read without a lock. The reader locks the entry and
// looks again: entries are never unmapped, so at worst it has locked one that is somebody else's by now.
// Locks are taken in the order entry, then one of pool, descriptor table, or watches.

#include "preload/pending.h"

#include <limits.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"
#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/report.h"
#include "preload/runtime.h"
#include "preload/watches.h"

namespace socksify {

constinit PendingTable g_pendings;

int PendingTable::Start(int fd, const PendingStart& start, const SignalsBlocked& blocked) {
  const CancellationOff cancellation_off;
  Entry* entry = nullptr;
  {
    const LeafGuard guard(&pool_lock_, blocked);
    if (void* const room = g_descriptors.room(); room != nullptr && pool_.is_without_memory())
      pool_.Provide(room);
    entry = pool_.Take();
  }
  if (entry == nullptr) return ENOMEM;
  const LeafGuard guard(&entry->lock, blocked);
  if (!Attach(entry, fd, start, blocked)) {
    entry->progress.store(Progress::kNone, std::memory_order_release);
    const LeafGuard pool_guard(&pool_lock_, blocked);
    pool_.Give(entry);
    return ENOMEM;
  }
  entry->checked_fd = fd;
  entry->checked_in = blocked.stretch();
  // Before connect(2): the socket is readable for "hang-up" then, which wakes a thread that already sleeps in
  // epoll_wait(2) on one of its sets, so that it comes to know of the new deadline.
  ForEachDescriptor(*entry, [&](int each) { g_watches.StartHandshake(each, POLLOUT, blocked); });
  PutOptionsAside(entry, fd);
  entry->attempt = new (entry->room.data())
      Attempt(OriginalSystem(), fd, start.address->sa_family, *start.rule, *start.destination, start.options);
  entry->attempt->Start(MonotonicMs());
  if (entry->attempt->is_replaced()) entry->cookie = SocketCookie(fd);
  if (entry->attempt->state() != Attempt::State::kFailed) {
    Settle(entry, fd, blocked);
    return 0;
  }
  const int error = entry->attempt->failure().error;
  Report(*entry);
  GiveOptionsBack(*entry, fd);
  End(entry, kFreshStream, blocked);
  return error;
}

// The socket's descriptors become the entry's. A socket that was duplicated before has more than one.
bool PendingTable::Attach(Entry* entry, int fd, const PendingStart& start, const SignalsBlocked& blocked) {
  entry->references = 0;
  entry->error = 0;
  entry->is_abandoned = false;
  entry->is_receiving_over = false;
  entry->is_sending_over.store(false, std::memory_order_relaxed);
  entry->lends_no_delay.store(false, std::memory_order_relaxed);
  entry->is_inherited.store(false, std::memory_order_relaxed);
  entry->started_us = start.wants_time ? MonotonicUs() : 0;
  entry->cookie = start.wants_identity || !blocked.is_alone() ? SocketCookie(fd) : 0;
  entry->peer_size = NormalizeSockaddr(start.address, start.address_size, &entry->peer);
  entry->events.store(POLLOUT, std::memory_order_relaxed);
  entry->deadline_ms.store(LLONG_MAX, std::memory_order_relaxed);
  entry->fd.store(fd, std::memory_order_relaxed);
  entry->progress.store(Progress::kWaiting, std::memory_order_release);
  const auto attach = [&](int each) {
    std::atomic<Entry*>* const cell = entries_.Provide(each);
    if (cell == nullptr || !g_descriptors.SetFlags(each, kPending)) return false;
    g_descriptors.ClearFlags(each, kConnectFailed | kMayRepeatConnect | kFreshStream | kKnownBlocking);
    cell->store(entry, std::memory_order_release);
    ++entry->references;
    return true;
  };
  if (!attach(fd)) return false;
  pendings_.Add();
  if ((g_descriptors.Flags(fd) & kHasCopies) == 0) return true;
  for (int each = 0; each < static_cast<int>(g_descriptors.used_end()); ++each) {
    const bool may_be_copy = each != fd && (g_descriptors.Flags(each) & kHasCopies) != 0;
    if (may_be_copy && SocketCookie(each) == entry->cookie) attach(each);
  }
  return true;
}

Progress PendingTable::Advance(int fd) {
  const SignalsBlocked blocked;
  return Advance(fd, blocked);
}

Progress PendingTable::Advance(int fd, const SignalsBlocked& blocked) {
  Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return Progress::kNone;
  const LeafGuard guard(&entry->lock, blocked);
  if (entries_.Get(fd) != entry) return Progress::kNone;
  // The program uses it in this process.
  if (entry->is_inherited.exchange(false)) NoteDeadline(entry->deadline_ms.load());
  return AdvanceLocked(entry, fd, blocked);
}

void PendingTable::Identify(int fd, const SignalsBlocked& blocked) {
  Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return;
  const LeafGuard guard(&entry->lock, blocked);
  if (entries_.Get(fd) == entry) entry->Identify(fd);
}

void PendingTable::Verify(int fd, const SignalsBlocked& blocked) {
  Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return;
  const ErrnoKeeper keeper;
  const LeafGuard guard(&entry->lock, blocked);
  if (entries_.Get(fd) == entry) IsStale(entry, fd, blocked);
}

// The program closed it where we could not see, and has the number for something else now. Where nothing of
// the program's can have run since it was last looked at, it is not asked again.
bool PendingTable::IsStale(Entry* entry, int fd, const SignalsBlocked& blocked) {
  const bool is_checked = entry->checked_fd == fd && entry->checked_in == blocked.stretch();
  if (is_checked && __libc_single_threaded != 0) return false;
  const uint64_t cookie = SocketCookie(fd);
  // A handler that was installed past the hooks has run (leaf_lock.h).
  if (entry->cookie == 0) entry->cookie = cookie;
  if (cookie != 0 && cookie == entry->cookie) {
    entry->checked_fd = fd;
    entry->checked_in = blocked.stretch();
    return false;
  }
  // A child of vfork(2) has the memory of its parent, whose threads go on, and descriptors of its own: what
  // another thread has opened since is not what the child has by that number.
  if (IsBorrowedMemory()) return true;
  g_watches.Forget(fd, blocked);
  Detach(entry, fd, blocked);
  return true;
}

Progress PendingTable::AdvanceLocked(Entry* entry, int fd, const SignalsBlocked& blocked) {
  const ErrnoKeeper keeper;
  const CancellationOff cancellation_off;
  if (IsStale(entry, fd, blocked)) return Progress::kNone;
  if (!IsUnderWay(entry->progress.load(std::memory_order_relaxed)))
    return entry->progress.load(std::memory_order_relaxed);
  const bool was_replaced = entry->attempt->is_replaced();
  const unsigned activity = entry->attempt->activity();
  entry->attempt->set_fd(fd);
  entry->attempt->Advance(MonotonicMs());
  if (entry->attempt->activity() != activity) steps_.fetch_add(1);
  if (entry->attempt->is_replaced() != was_replaced) entry->cookie = SocketCookie(fd);
  return Settle(entry, fd, blocked);
}

template <typename Wants>
void PendingTable::AdvanceAll(const SignalsBlocked& blocked, const Wants& wants) {
  pool_.ForEach([&](Entry* entry) {
    if (!IsUnderWay(entry->progress.load(std::memory_order_acquire))) return;
    if (entry->is_inherited.load() || !wants(*entry)) return;
    const LeafGuard guard(&entry->lock, blocked);
    const int fd = entry->fd.load(std::memory_order_relaxed);
    if (!IsUnderWay(entry->progress.load(std::memory_order_relaxed)) || entries_.Get(fd) != entry) return;
    AdvanceLocked(entry, fd, blocked);
  });
}

void PendingTable::AdvanceOverdue(const SignalsBlocked& blocked) {
  const long long now_ms = MonotonicMs();
  long long passed_ms = next_deadline_ms();
  if (now_ms < passed_ms) return;
  AdvanceAll(blocked, [now_ms](const Entry& entry) { return entry.deadline_ms.load() <= now_ms; });
  // The bound is raised, and then lowered again for what came meanwhile: nobody sees it too high for long
  // enough to go to sleep without a limit.
  long long next_ms = std::numeric_limits<long long>::max();
  const auto visit_waiting = [&](const auto& visit) {
    pool_.ForEach([&](const Entry* entry) {
      if (IsUnderWay(entry->progress.load()) && !entry->is_inherited.load()) visit(entry->deadline_ms.load());
    });
  };
  visit_waiting([&](long long deadline_ms) { next_ms = std::min(next_ms, deadline_ms); });
  next_deadline_ms_.compare_exchange_strong(passed_ms, next_ms);
  visit_waiting([&](long long deadline_ms) { NoteDeadline(deadline_ms); });
}

void PendingTable::AdvanceEach(const SignalsBlocked& blocked) {
  AdvanceAll(blocked, [](const Entry& /*any*/) { return true; });
}

void PendingTable::NoteDeadline(long long deadline_ms) {
  long long known_ms = next_deadline_ms_.load();
  while (deadline_ms < known_ms && !next_deadline_ms_.compare_exchange_weak(known_ms, deadline_ms)) {
  }
}

PendingView PendingTable::View(int fd) const {
  const Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return {};
  const PendingView view = {.progress = entry->progress.load(std::memory_order_acquire),
                            .events = entry->events.load(std::memory_order_relaxed),
                            .deadline_ms = entry->deadline_ms.load(std::memory_order_relaxed)};
  return entries_.Get(fd) == entry ? view : PendingView();
}

int PendingTable::OtherDescriptor(int fd) const {
  const Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return -1;
  for (int each = 0; each < static_cast<int>(g_descriptors.used_end()); ++each) {
    if (each != fd && entries_.Get(each) == entry) return each;
  }
  return -1;
}

int PendingTable::TakeError(int fd) {
  Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return 0;
  const SignalsBlocked blocked;
  const LeafGuard guard(&entry->lock, blocked);
  if (entries_.Get(fd) != entry || entry->progress.load() != Progress::kFailed) return 0;
  const int error = entry->error;
  End(entry, entry->is_abandoned ? 0U : unsigned{kConnectFailed}, blocked);
  return error;
}

bool PendingTable::EndAbandoned(int fd) {
  Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return false;
  const SignalsBlocked blocked;
  const LeafGuard guard(&entry->lock, blocked);
  if (entries_.Get(fd) != entry || entry->progress.load() != Progress::kFailed || !entry->is_abandoned)
    return false;
  End(entry, 0, blocked);
  return true;
}

void PendingTable::Forget(int fd) {
  Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return;
  const SignalsBlocked blocked;
  const LeafGuard guard(&entry->lock, blocked);
  if (entries_.Get(fd) == entry) Detach(entry, fd, blocked);
}

bool PendingTable::Copy(int from, int to) {
  Entry* const entry = entries_.Get(from);
  if (entry == nullptr) return false;
  const SignalsBlocked blocked;
  const LeafGuard guard(&entry->lock, blocked);
  std::atomic<Entry*>* const cell = entries_.Provide(to);
  if (entries_.Get(from) != entry || cell == nullptr) return false;
  cell->store(entry, std::memory_order_release);
  ++entry->references;
  const unsigned flags = g_descriptors.Flags(from);
  g_descriptors.SetFlags(to, kPending | (flags & (kOptionFlags | kMayRepeatConnect)));
  if ((flags & kHasConnection) != 0) g_descriptors.Share(from, to, blocked);
  return true;
}

// A close(2) that still sees the flag waits for the lock in Forget(); one that does not goes on, and the
// number may have another entry by the time that this one is taken out.
void PendingTable::Detach(Entry* entry, int fd, const SignalsBlocked& blocked) {
  g_descriptors.ClearFlags(fd, kPending);
  Entry* expected = entry;
  entries_.At(fd)->compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel);
  if (--entry->references != 0) {
    if (entry->fd.load() != fd) return;
    for (int each = 0; each < static_cast<int>(g_descriptors.used_end()); ++each) {
      if (entries_.Get(each) == entry) entry->fd.store(each);
    }
    return;
  }
  // Closed before the reply: what became of it nobody will know.
  if (entry->progress.load(std::memory_order_relaxed) == Progress::kEarly) Report(*entry);
  entry->progress.store(Progress::kNone, std::memory_order_release);
  if (entry->attempt != nullptr) entry->attempt->Release();
  entry->EndAttempt();
  GiveRoomBack(entry);
  pendings_.Remove();
  const LeafGuard guard(&pool_lock_, blocked);
  pool_.Give(entry);
}

// Whole pages of the first entry, once: many programs have one connection, and the others have use for them
// again.
void PendingTable::GiveRoomBack(Entry* entry) {
  static_assert(offsetof(Entry, room) == 0);
  if (static_cast<void*>(entry) != g_descriptors.room() || has_given_room_back_.load()) return;
  has_given_room_back_.store(true);
  const ErrnoKeeper keeper;
  const auto page_size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  madvise(entry->room.data(), entry->room.size() / page_size * page_size, MADV_DONTNEED);
}

// No descriptor of the socket is pending any longer; the program's own registrations are back in its sets.
void PendingTable::End(Entry* entry, unsigned new_flags, const SignalsBlocked& blocked) {
  const bool stays_unconnected = (new_flags & kHasConnection) == 0;
  const unsigned flags = stays_unconnected ? new_flags | kFreshStream : new_flags & ~kHasConnection;
  // All of them first: whoever sees the end at one of the descriptors, without the lock, goes on from there.
  ForEachDescriptor(*entry, [&](int each) { g_descriptors.SetFlags(each, flags); });
  entry->progress.store(Progress::kNone, std::memory_order_release);
  ForEachDescriptor(*entry, [&](int each) {
    g_watches.EndHandshake(each, stays_unconnected ? Watches::After::kRemember : Watches::After::kForget,
                           blocked);
    Detach(entry, each, blocked);
  });
}

void PendingTable::AfterFork() {
  next_deadline_ms_.store(std::numeric_limits<long long>::max());
  pool_.ForEach([](Entry* entry) {
    entry->is_inherited.store(true);
    if (!entry->lock.IsHeld()) return;
    // A thread that this process does not have was in the middle of it: nobody knows how far it came.
    entry->lock.Release();
    if (entry->progress.load() == Progress::kNone) return;
    if (entry->attempt != nullptr) entry->attempt->Release();
    entry->error = ECONNABORTED;
    entry->progress.store(Progress::kFailed);
  });
}

}  // namespace socksify
