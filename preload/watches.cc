// SPDX-License-Identifier: BSD-2-Clause
#include "preload/watches.h"

#include <cerrno>
#include <new>

#include "base/errno_keeper.h"
#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/pending.h"

namespace socksify {

constinit Watches g_watches;

namespace {

// The values of EPOLLIN and EPOLLOUT are those of POLLIN and POLLOUT (epoll_ctl(2)).
static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT);

constexpr int kGenerationShift = 48;

bool IsOneShot(const epoll_event& event) {
  return (event.events & EPOLLONESHOT) != 0;
}

}  // namespace

bool Watches::Concerns(int fd) {
  return (g_descriptors.Flags(fd) & (kPending | kFreshStream | kEpollSet)) != 0;
}

Watches::Mode Watches::ModeFor(const PendingView& view, int fd, const epoll_event& event) {
  switch (view.progress) {
    case Progress::kWaiting: return Mode::kHandshake;
    case Progress::kEarly: return Mode::kEarly;
    case Progress::kFailed: return Mode::kTranslated;
    case Progress::kNone: break;
  }
  if ((g_descriptors.Flags(fd) & kEpollSet) != 0) return Mode::kNested;
  return IsOneShot(event) ? Mode::kTranslated : Mode::kRemembered;
}

int Watches::Control(int epoll_fd, int operation, int fd, epoll_event* event) {
  const bool is_change = operation == EPOLL_CTL_ADD || operation == EPOLL_CTL_MOD;
  if (event == nullptr && is_change) return libc::epoll_ctl(epoll_fd, operation, fd, event);
  const SignalsBlocked blocked;
  // A number that was closed unseen may be something else by now.
  if ((g_descriptors.Flags(fd) & kPending) != 0) g_pendings.Verify(fd, blocked);
  const LeafGuard guard(&lock_, blocked);
  // Looked at once: if the handshake ends meanwhile, its end waits for the lock and finds the record. Without
  // the flag it is over, even if it is still to be seen: of a number that was closed unseen, nobody would
  // come to end it.
  const bool is_pending = (g_descriptors.Flags(fd) & kPending) != 0;
  const PendingView view = is_pending ? g_pendings.View(fd) : PendingView();
  Record* const known = Find(epoll_fd, fd);
  if (!is_change) {
    const int result = libc::epoll_ctl(epoll_fd, operation, fd, event);
    if (operation == EPOLL_CTL_DEL && known != nullptr && (result == 0 || errno == ENOENT)) Remove(known);
    return result;
  }
  if (operation == EPOLL_CTL_MOD && known != nullptr) {
    if (((known->watch.event.events | event->events) & EPOLLEXCLUSIVE) != 0) {
      errno = EINVAL;
      return -1;
    }
    const epoll_event before = known->watch.event;
    known->watch.event = *event;
    if (Register(EPOLL_CTL_MOD, known, ModeFor(view, fd, *event), view.events) == 0) return 0;
    known->watch.event = before;
    return -1;
  }
  std::atomic<Record*>* const list = lists_.Provide(fd);
  Record* const record = list != nullptr ? Take() : nullptr;
  if (record == nullptr) {
    // Without room for records a socket that is not connected yet is registered as it is.
    if (view.progress == Progress::kNone) return libc::epoll_ctl(epoll_fd, operation, fd, event);
    errno = ENOSPC;
    return -1;
  }
  record->watch = {.mode = Mode::kRemembered, .epoll_fd = epoll_fd, .fd = fd, .event = *event};
  if (Register(operation, record, ModeFor(view, fd, *event), view.events) != 0) {
    Give(record);
    return -1;
  }
  // One that is known already is of a set that was closed where we could not see.
  if (known != nullptr) Remove(known);
  record->next = list->load(std::memory_order_relaxed);
  list->store(record, std::memory_order_release);
  return 0;
}

int Watches::Register(int operation, Record* record, Mode mode, short handshake_events) {
  const Watch& watch = record->watch;
  const auto generation = record->generation;
  // A new token for a new mode, and for each arming: an event that another thread has reaped already is of
  // the old one.
  if (mode != watch.mode || IsOneShot(watch.event)) Renew(record);
  epoll_event kernels = watch.event;
  if (mode != Mode::kRemembered) kernels.data.u64 = TokenOf(*record);
  if (mode == Mode::kHandshake) kernels.events = static_cast<uint16_t>(handshake_events);
  if (mode == Mode::kEarly) kernels.events |= EPOLLIN;
  const bool is_exclusive = (watch.event.events & EPOLLEXCLUSIVE) != 0;
  int result = 0;
  if (is_exclusive && mode == Mode::kHandshake) {
    // The kernel judges the program's flags first; an event that comes of it is not for the program. An
    // exclusive registration cannot be modified.
    epoll_event programs = watch.event;
    programs.data = kernels.data;
    if (operation == EPOLL_CTL_ADD)
      result = libc::epoll_ctl(watch.epoll_fd, EPOLL_CTL_ADD, watch.fd, &programs);
    if (result == 0) result = libc::epoll_ctl(watch.epoll_fd, EPOLL_CTL_DEL, watch.fd, &programs);
    if (result == 0) result = libc::epoll_ctl(watch.epoll_fd, EPOLL_CTL_ADD, watch.fd, &kernels);
  } else if (is_exclusive && operation == EPOLL_CTL_MOD) {
    result = libc::epoll_ctl(watch.epoll_fd, EPOLL_CTL_DEL, watch.fd, &kernels);
    if (result == 0) result = libc::epoll_ctl(watch.epoll_fd, EPOLL_CTL_ADD, watch.fd, &kernels);
  } else {
    result = libc::epoll_ctl(watch.epoll_fd, operation, watch.fd, &kernels);
  }
  if (result != 0) {
    // The kernel has the old one still.
    record->generation = generation;
    return result;
  }
  SetMode(record, mode);
  record->has_fired = false;
  return 0;
}

void Watches::SetMode(Record* record, Mode mode) {
  const auto counts = [](Mode any) {
    return any == Mode::kHandshake || any == Mode::kEarly || any == Mode::kTranslated ||
           any == Mode::kOrphaned;
  };
  if (counts(mode) && !counts(record->watch.mode)) tokens_.fetch_add(1);
  if (!counts(mode) && counts(record->watch.mode)) tokens_.fetch_sub(1);
  record->watch.mode = mode;
}

// Calls `change` with each record of a descriptor, which says what becomes of it.
template <typename Change>
void Watches::ChangeAll(int fd, const SignalsBlocked& blocked, const Change& change) {
  const ErrnoKeeper keeper;
  // Under the lock: Control() may be about to list a record.
  const LeafGuard guard(&lock_, blocked);
  std::atomic<Record*>* const list = lists_.At(fd);
  if (list == nullptr) return;
  Record* rest = list->load(std::memory_order_relaxed);
  Record* kept = nullptr;
  while (rest != nullptr) {
    Record* const record = rest;
    rest = rest->next;
    switch (change(record)) {
      case Fate::kKept:
        record->next = kept;
        kept = record;
        break;
      case Fate::kGiven: Give(record); break;
      case Fate::kMoved: break;
    }
  }
  list->store(kept, std::memory_order_release);
}

void Watches::StartHandshake(int fd, short events, const SignalsBlocked& blocked) {
  ChangeAll(fd, blocked, [&](Record* record) {
    if (record->has_fired || record->watch.mode == Mode::kOrphaned) return Fate::kKept;
    return Register(EPOLL_CTL_MOD, record, Mode::kHandshake, events) == 0 ? Fate::kKept : Fate::kGiven;
  });
}

void Watches::SetDirection(int fd, short events, const SignalsBlocked& blocked) {
  ChangeAll(fd, blocked, [&](Record* record) {
    if (record->watch.mode != Mode::kHandshake) return Fate::kKept;
    return Register(EPOLL_CTL_MOD, record, Mode::kHandshake, events) == 0 ? Fate::kKept : Fate::kGiven;
  });
}

Watches::Fate Watches::End(Record* record, After after) {
  if (record->watch.mode == Mode::kOrphaned) return Fate::kKept;
  Mode mode = after == After::kTranslate ? Mode::kTranslated : Mode::kRemembered;
  if (after == After::kShowWritable) mode = Mode::kEarly;
  if (after == After::kRemember && IsOneShot(record->watch.event)) mode = Mode::kTranslated;
  // What is disarmed would be armed by the change.
  const bool is_right = record->has_fired || record->watch.mode == mode;
  // A child of vfork(2) may lack the set. Its parent does this when the next event comes.
  if (!is_right && Register(EPOLL_CTL_MOD, record, mode, 0) != 0)
    return IsBorrowedMemory() ? Fate::kKept : Fate::kGiven;
  return after == After::kForget ? Fate::kGiven : Fate::kKept;
}

void Watches::EndHandshake(int fd, After after, const SignalsBlocked& blocked) {
  ChangeAll(fd, blocked, [&](Record* record) { return End(record, after); });
}

void Watches::EndHandshakeOf(uint64_t token, After after, const SignalsBlocked& blocked) {
  const ErrnoKeeper keeper;
  const LeafGuard guard(&lock_, blocked);
  Record* const record = CurrentRecordOf(token);
  if (record != nullptr && End(record, after) == Fate::kGiven) Remove(record);
}

void Watches::EndFresh(int fd) {
  if (!IsWatched(fd)) return;
  const SignalsBlocked blocked;
  EndHandshake(fd, After::kForget, blocked);
}

void Watches::Forget(int fd, const SignalsBlocked& blocked) {
  const int copy = (g_descriptors.Flags(fd) & kHasCopies) != 0 ? g_pendings.OtherDescriptor(fd) : -1;
  std::atomic<Record*>* const list = copy >= 0 ? lists_.Provide(copy) : nullptr;
  ChangeAll(fd, blocked, [&](Record* record) {
    if (list == nullptr || record->is_inherited || !Orphan(record)) return Fate::kGiven;
    record->watch.fd = copy;
    record->next = list->load(std::memory_order_relaxed);
    list->store(record, std::memory_order_release);
    return Fate::kMoved;
  });
}

// Gives a registration its last mask, while its descriptor is still there.
bool Watches::Orphan(Record* record) {
  if (record->watch.mode == Mode::kOrphaned) return true;
  if (record->watch.mode == Mode::kRemembered || record->has_fired) return false;
  epoll_event kernels = record->watch.event;
  kernels.events = (kernels.events | EPOLLIN | EPOLLOUT | EPOLLET) & ~(EPOLLONESHOT | EPOLLEXCLUSIVE);
  kernels.data.u64 = TokenOf(*record);
  if (libc::epoll_ctl(record->watch.epoll_fd, EPOLL_CTL_MOD, record->watch.fd, &kernels) != 0) return false;
  SetMode(record, Mode::kOrphaned);
  return true;
}

void Watches::ForgetSet(int epoll_fd) {
  if (!is_used()) return;
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  Record* const base = base_.load(std::memory_order_relaxed);
  const bool has_copies = (g_descriptors.Flags(epoll_fd) & kHasCopies) != 0;
  for (uint32_t i = 0; i < used_; ++i) {
    Record* const record = base + i;
    if (record->watch.mode == Mode::kFree || record->watch.epoll_fd != epoll_fd) continue;
    if (!has_copies || !MoveToCopy(record)) Remove(record);
  }
}

// The set lives on by another descriptor, which is the one where the kernel knows the registration.
bool Watches::MoveToCopy(Record* record) {
  const int closing_fd = record->watch.epoll_fd;
  for (int each = 0; each < static_cast<int>(g_descriptors.used_end()); ++each) {
    constexpr unsigned kCopiedSet = kEpollSet | kHasCopies;
    if (each == closing_fd || (g_descriptors.Flags(each) & kCopiedSet) != kCopiedSet) continue;
    record->watch.epoll_fd = each;
    const short events = g_pendings.View(record->watch.fd).events;
    if (Register(EPOLL_CTL_MOD, record, record->watch.mode, events) == 0) return true;
  }
  record->watch.epoll_fd = closing_fd;
  return false;
}

bool Watches::IsToken(uint64_t data) const {
  return RecordOf(data) != nullptr;
}

Watches::Watch Watches::Resolve(uint64_t token, uint32_t events, const SignalsBlocked& blocked) {
  const LeafGuard guard(&lock_, blocked);
  Record* const record = RecordOf(token);
  if (record == nullptr) return {};
  if (record->generation != token >> kGenerationShift) {
    Watch outdated;
    if (record->watch.mode != Mode::kFree) outdated.mode = Mode::kRemembered;
    return outdated;
  }
  const bool is_handshakes = record->watch.mode == Mode::kHandshake || record->watch.mode == Mode::kEarly;
  if (events != 0 && IsOneShot(record->watch.event) && !is_handshakes) record->has_fired = true;
  return record->watch;
}

bool Watches::NoteShown(uint64_t token, const SignalsBlocked& blocked) {
  const LeafGuard guard(&lock_, blocked);
  Record* const record = CurrentRecordOf(token);
  if (record == nullptr) return false;
  if (IsOneShot(record->watch.event)) record->has_fired = true;
  return true;
}

void Watches::Rearm(uint64_t token, const SignalsBlocked& blocked) {
  const LeafGuard guard(&lock_, blocked);
  Record* const record = CurrentRecordOf(token);
  if (record == nullptr) return;
  const bool is_disarmed =
      record->has_fired || (record->watch.mode == Mode::kEarly && IsOneShot(record->watch.event));
  if (!is_disarmed) return;
  Register(EPOLL_CTL_MOD, record, record->watch.mode, 0);
}

void Watches::AfterFork() {
  Record* const base = base_.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < used_; ++i) base[i].is_inherited = true;
}

Watches::Record* Watches::Take() {
  Record* base = base_.load(std::memory_order_relaxed);
  if (base == nullptr) {
    base = static_cast<Record*>(ReserveMemory(kMaxRecords * sizeof(Record)));
    if (base == nullptr) return nullptr;
    use_.Add();
    base_.store(base, std::memory_order_release);
  }
  if (free_ == nullptr) {
    if (used_ == kMaxRecords) return nullptr;
    Record* const record = new (base + used_) Record;
    record->generation = 1;
    ++used_;
    return record;
  }
  Record* const record = free_;
  free_ = record->next;
  record->next = nullptr;
  record->has_fired = false;
  record->is_inherited = false;
  return record;
}

// 0 is kept for data that are no token.
void Watches::Renew(Record* record) {
  record->generation = static_cast<uint16_t>(record->generation == 0xffff ? 1 : record->generation + 1);
}

void Watches::Give(Record* record) {
  SetMode(record, Mode::kFree);
  Renew(record);
  record->next = free_;
  free_ = record;
}

// The records of a descriptor are few: it is in one or two sets.
Watches::Record* Watches::Find(int epoll_fd, int fd) const {
  Record* record = lists_.Get(fd);
  while (record != nullptr && record->watch.epoll_fd != epoll_fd) record = record->next;
  return record;
}

void Watches::Remove(Record* record) {
  std::atomic<Record*>* const list = lists_.At(record->watch.fd);
  if (list->load(std::memory_order_relaxed) == record) {
    list->store(record->next, std::memory_order_release);
  } else {
    Record* before = list->load(std::memory_order_relaxed);
    while (before != nullptr && before->next != record) before = before->next;
    if (before != nullptr) before->next = record->next;
  }
  Give(record);
}

uint64_t Watches::TokenOf(const Record& record) {
  return reinterpret_cast<uintptr_t>(&record) | static_cast<uint64_t>(record.generation) << kGenerationShift;
}

// The record at the token's address, which may stand for another registration by now.
Watches::Record* Watches::RecordOf(uint64_t token) const {
  Record* const base = base_.load(std::memory_order_acquire);
  const uint64_t offset =
      (token & ((uint64_t{1} << kGenerationShift) - 1)) - reinterpret_cast<uintptr_t>(base);
  const bool is_token = base != nullptr && token >> kGenerationShift != 0 &&
                        offset < kMaxRecords * sizeof(Record) && offset % sizeof(Record) == 0;
  return is_token ? base + offset / sizeof(Record) : nullptr;
}

Watches::Record* Watches::CurrentRecordOf(uint64_t token) const {
  Record* const record = RecordOf(token);
  return record != nullptr && record->generation == token >> kGenerationShift ? record : nullptr;
}

}  // namespace socksify
