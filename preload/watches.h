// SPDX-License-Identifier: BSD-2-Clause
// Watches: the program's registrations in epoll sets (epoll_ctl(2)) that concern pending connections.
//
// While a handshake runs, the kernel must not report the socket for what the program asked, but for what the
// handshake waits for, and the program must not see those events. So the registration is changed: the kernel
// gets the handshake's mask and, instead of the program's data, a token, the address of our own record, which
// no program can hold. A wait that brings a token advances the handshake. At its end the program's own
// registration is put back, which also re-arms edge-triggered and one-shot ones.
//
// Registrations are known because epoll_ctl() remembers those of every stream socket that is not connected
// yet (kFreshStream). A registration with another mask than the kernel's own is in one of these modes:
//
//   remembered   the kernel has the program's own registration
//   handshake    token; the mask is what the handshake waits for, level-triggered
//   early        token and the program's mask with EPOLLIN: the connection is there as far as the program
//   knows, but
//                the proxy's reply is what will be read first. What is writable is handed on
//   translated   token and the program's mask: events are handed on with the program's data, and changed
//   where
//                the kernel does not know the truth: a failure that waits to be told adds EPOLLERR. Also
//                one-shot registrations before connect(), since it must be known whether they have fired
//   orphaned     token; the descriptor was closed, but the socket, which has others, keeps the registration.
//   Nobody
//                can change it any more (epoll(7), Q6), so it was given a mask that will do till the end:
//                the program's and the handshake's, edge-triggered
//   nested       token and the program's mask, on an epoll set in another one, which is readable for us when
//                one of its handshakes can go on
//
// A child after fork(2) has a copy of the records; the sets themselves it shares with its parent.
// Thread-safe; the lock is held over epoll_ctl(2), which does not block.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>

#include "preload/descriptor_array.h"
#include "preload/leaf_lock.h"
#include "preload/wait_concern.h"

namespace socksify {

struct PendingView;

class Watches {
 public:
  enum class Mode : uint8_t { kFree, kRemembered, kHandshake, kEarly, kTranslated, kOrphaned, kNested };
  // What becomes of a socket's registrations at the end of its handshake.
  enum class After : uint8_t { kForget, kRemember, kTranslate, kShowWritable };

  // One registration. `event` is the program's own.
  struct Watch {
    Mode mode = Mode::kFree;
    int epoll_fd = -1;
    int fd = -1;
    epoll_event event{};
  };

  constexpr Watches() = default;

  // Whether `fd` is of a kind whose registrations matter.
  static bool Concerns(int fd);
  // epoll_ctl(2) for such a descriptor.
  int Control(int epoll_fd, int operation, int fd, epoll_event* event);

  // The handshake of `fd` begins, waits for something else (POLLIN, POLLOUT), or is over.
  void StartHandshake(int fd, short events, const SignalsBlocked& blocked);
  void SetDirection(int fd, short events, const SignalsBlocked& blocked);
  void EndHandshake(int fd, After after, const SignalsBlocked& blocked);
  // The same for one registration, unless it has been changed since the kernel gave this token: another
  // thread may have closed the socket meanwhile, or begun the next handshake.
  void EndHandshakeOf(uint64_t token, After after, const SignalsBlocked& blocked);
  // A direct connect(): the kernel's own events are the right ones from now on.
  void EndFresh(int fd);

  // close(2) and its kin: of a watched descriptor; of an epoll set.
  void Forget(int fd, const SignalsBlocked& blocked);
  void ForgetSet(int epoll_fd);

  bool IsWatched(int fd) const { return lists_.Get(fd) != nullptr; }
  // Whether a handshake, or what became of one, is registered in any set: a wait needs more care then.
  bool has_tokens() const { return tokens_.load(std::memory_order_acquire) != 0; }
  // Whether there ever was a record in this process, and tokens may turn up.
  bool is_used() const { return base_.load(std::memory_order_relaxed) != nullptr; }

  // Whether event data are a token. It may be an old one, for which Resolve() has nothing.
  bool IsToken(uint64_t data) const;
  // The registration that a token stands for; mode kFree for one that is gone, kRemembered for one that has
  // been changed since. A one-shot registration whose `events` are to be shown is noted as disarmed.
  Watch Resolve(uint64_t token, uint32_t events, const SignalsBlocked& blocked);
  // A one-shot kEarly registration's event is shown: it is disarmed. False if it has been changed since.
  bool NoteShown(uint64_t token, const SignalsBlocked& blocked);
  // Makes a one-shot registration wait again whose event was not for the program.
  void Rearm(uint64_t token, const SignalsBlocked& blocked);

  // See leaf_lock.h.
  LeafLock* lock() { return &lock_; }
  // In the child after fork(2).
  void AfterFork();

 private:
  struct Record {
    Watch watch;
    bool has_fired = false;     // one-shot, and disarmed
    bool is_inherited = false;  // made before fork(2): the set is the parent's too
    uint16_t generation = 0;    // of the token
    Record* next = nullptr;     // of the same descriptor, or free
  };
  static constexpr size_t kMaxRecords = 1 << 20;
  enum class Fate : uint8_t { kKept, kGiven, kMoved };

  Record* Take();
  void Give(Record* record);
  static void Renew(Record* record);
  Record* Find(int epoll_fd, int fd) const;
  void Remove(Record* record);
  bool MoveToCopy(Record* record);
  void SetMode(Record* record, Mode mode);
  static uint64_t TokenOf(const Record& record);
  Record* RecordOf(uint64_t token) const;
  // Null also where the record has been changed since.
  Record* CurrentRecordOf(uint64_t token) const;
  // Gives the kernel the registration that belongs to `mode`.
  int Register(int operation, Record* record, Mode mode, short handshake_events);
  Fate End(Record* record, After after);
  bool Orphan(Record* record);
  static Mode ModeFor(const PendingView& view, int fd, const epoll_event& event);
  template <typename Change>
  void ChangeAll(int fd, const SignalsBlocked& blocked, const Change& change);

  LeafLock lock_;
  DescriptorArray<Record*> lists_;
  std::atomic<Record*> base_ = nullptr;
  WaitConcern use_;  // one, from then on that there is a base
  uint32_t used_ = 0;
  Record* free_ = nullptr;
  std::atomic<unsigned> tokens_ = 0;
};

extern constinit Watches g_watches;

}  // namespace socksify
