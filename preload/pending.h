// SPDX-License-Identifier: BSD-2-Clause
// PendingTable: proxied connections on their way.
//
// Every proxied connect() of a stream socket makes one, a blocking connect() too: other threads may use the
// descriptor meanwhile, and after EINTR, SO_SNDTIMEO, a cancellation or a longjmp the connection goes on by
// itself (connect(2)). Nothing here waits or runs in the background. Whoever waits for the descriptor, or
// asks about it, calls Advance(), which takes the handshake as far as it can go; in between, the descriptor
// is shown as one whose connection is not there yet.
//
// When the handshake is done the descriptor is recorded in g_descriptors and the pending connection is gone.
// When it has failed, the socket is left as the kernel leaves one whose connection request was refused, and
// the failure is kept until the program asks for it.
//
// A server with `early-data` is shown as connected as soon as the request has left it for good
// (Progress::kEarly). The program writes to the socket itself then; what comes back first is the server's
// reply, which whoever reads or waits takes away, by Advance() as before. Nobody else may read the socket
// meanwhile, so such a connection is settled before it gets to another process or to stdio.
//
// All duplicates of a socket in this process share one pending connection, which is held on to by the
// socket's SO_COOKIE: a number that was closed unseen and used again is noticed. Where nothing of the
// program's can run before connect(2) returns, the cookie is asked for at the end of the call, and only if
// the handshake is still under way then. After fork(2) the child has
// a copy; whichever process the program lets use the socket carries it on. A lock of its own protects each
// pending connection; signals and cancellation are off while it is held.
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <limits>
#include <memory>

#include "dialer/attempt.h"
#include "preload/connections.h"
#include "preload/descriptor_array.h"
#include "preload/leaf_lock.h"
#include "preload/stable_pool.h"
#include "preload/wait_concern.h"

namespace socksify {

enum class Progress : uint8_t {
  kNone,     // not, or no longer, a pending connection: the kernel's answer is the right one
  kWaiting,  // on its way
  kEarly,    // there, as far as the program knows, and may be written to; the proxy's reply is awaited
  kFailed,   // the failure waits to be told
};

// Whether the handshake is not at its end yet.
constexpr bool IsUnderWay(Progress progress) {
  return progress == Progress::kWaiting || progress == Progress::kEarly;
}

// Of what the kernel reports of a kEarly one, only this is true for the program too.
inline constexpr short kEarlyEvents = POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR;

// What a wait has to know of a pending connection; a snapshot.
struct PendingView {
  Progress progress = Progress::kNone;
  short events = 0;           // under way: POLLIN or POLLOUT, what the handshake waits for
  long long deadline_ms = 0;  // under way: MonotonicMs() when to Advance() at the latest
};

// What a new pending connection is about. The rule must outlive it.
struct PendingStart {
  const sockaddr* address = nullptr;  // as the program gave it
  socklen_t address_size = 0;
  const Rule* rule = nullptr;
  const Endpoint* destination = nullptr;
  AttemptOptions options;
  bool wants_time = false;      // the report will tell how long it took
  bool wants_identity = false;  // of the socket, before connect(2) returns
};

class PendingTable {
 public:
  constexpr PendingTable() = default;

  // Begins to connect. 0: on its way, or there already (Advance says which); else the errno.
  int Start(int fd, const PendingStart& start, const SignalsBlocked& blocked);

  // Takes the handshake as far as it goes without waiting.
  Progress Advance(int fd, const SignalsBlocked& blocked);
  Progress Advance(int fd);
  // Asks for the identity of the socket that `fd` is at the moment, if nobody has.
  void Identify(int fd, const SignalsBlocked& blocked);
  // Forgets what is known of `fd` if it is another socket by now, or none.
  void Verify(int fd, const SignalsBlocked& blocked);
  // Advances everything whose time is over.
  void AdvanceOverdue(const SignalsBlocked& blocked);
  // Advances everything.
  void AdvanceEach(const SignalsBlocked& blocked);
  // Changes whenever any handshake of this process comes on.
  unsigned steps() const { return steps_.load(); }

  PendingView View(int fd) const;
  // Another descriptor of the same socket; -1 if there is none.
  int OtherDescriptor(int fd) const;
  // The earliest time, by MonotonicMs(), at which something may be overdue; a lower bound.
  long long next_deadline_ms() const { return next_deadline_ms_.load(std::memory_order_relaxed); }
  // Whether there is any pending connection in this process.
  bool is_used() const { return pendings_.is_any(); }

  // The failure that waits to be told, as an errno, which counts as told then; 0 if there is none.
  int TakeError(int fd);
  // The program gives the connection up with shutdown(2) or connect(AF_UNSPEC): the socket is taken back to
  // unconnected, and ECONNRESET waits to be told, as tcp_disconnect() has it. Such a socket may be connected
  // again at once: EndAbandoned() says whether it is one, and forgets the error.
  void Abandon(int fd);
  bool EndAbandoned(int fd);

  // The program has set SO_RCVLOWAT, which must not reach the handshake.
  void NoteLowWater(int fd);
  // It has set TCP_NODELAY itself; and whether the option is on for the early data alone.
  void NoteNoDelay(int fd);
  bool LendsNoDelay(int fd) const;

  // While the connection is kEarly; false: it is not. It is shut down (SHUT_RD...) when the reply has come;
  // the connection is dissolved, and its descriptors are as new; `fd` is about to be closed, with all others
  // from `first` to `last`, which may be the last ones of it in this process.
  bool ShutDown(int fd, int how);
  bool Dissolve(int fd);
  void BeforeClose(int fd, unsigned first, unsigned last);
  void BeforeClose(int fd) { BeforeClose(fd, static_cast<unsigned>(fd), static_cast<unsigned>(fd)); }
  // Whether the program has shut down the sending half of one that is kEarly.
  bool IsSendingOver(int fd) const;
  // Waits for the replies of this one or of all that are kEarly, for as long as they may take.
  void SettleEarly(int fd);
  void SettleEarly();

  // close(2) and its kin: `fd` is no longer one of the descriptors. The socket is left alone.
  void Forget(int fd);
  // dup(2) and its kin. False if `from` is not pending any more.
  bool Copy(int from, int to);

  // See leaf_lock.h.
  LeafLock* lock() { return &pool_lock_; }
  // In the child after fork(2). What it inherits is its parent's business until it uses the descriptor
  // itself.
  void AfterFork();

 private:
  struct Entry {  // NOLINT(cppcoreguidelines-pro-type-member-init): `room` is not cleared.
    // Not cleared: a page that no attempt has touched costs nothing. At the beginning, so that its first page
    // is no other's (GiveRoomBack).
    alignas(Attempt) std::array<std::byte, sizeof(Attempt)> room;
    LeafLock lock;
    std::atomic<Progress> progress = Progress::kNone;
    std::atomic<short> events = 0;
    std::atomic<long long> deadline_ms = 0;
    std::atomic<int> fd = -1;  // one of its descriptors

    // Under the lock.
    unsigned references = 0;
    int error = 0;
    bool is_abandoned = false;
    // kEarly: what the program has shut down.
    bool is_receiving_over = false;
    std::atomic<bool> is_sending_over = false;
    std::atomic<bool> lends_no_delay = false;
    std::atomic<bool> is_inherited = false;
    uint64_t cookie = 0;      // 0: not asked for yet
    int checked_fd = -1;      // the descriptor that was last found to be of this socket, and the stretch of
    uint64_t checked_in = 0;  // SignalsBlocked in which it was
    SocketAddress peer{};
    socklen_t peer_size = 0;
    int low_water = 1;
    long long started_us = 0;
    Attempt* attempt = nullptr;  // in `room`; null when there is none
    Entry* next_free = nullptr;

    void Identify(int its_fd) {
      if (cookie == 0) cookie = SocketCookie(its_fd);
    }
    void EndAttempt() {
      if (attempt != nullptr) std::destroy_at(attempt);
      attempt = nullptr;
    }
  };

  // All but the views are called with the entry locked.
  bool IsStale(Entry* entry, int fd, const SignalsBlocked& blocked);
  bool Attach(Entry* entry, int fd, const PendingStart& start, const SignalsBlocked& blocked);
  Progress AdvanceLocked(Entry* entry, int fd, const SignalsBlocked& blocked);
  // Publishes what the attempt has come to.
  Progress Settle(Entry* entry, int fd, const SignalsBlocked& blocked);
  Progress SetWaiting(Entry* entry, short events, const SignalsBlocked& blocked);
  Progress SetEarly(Entry* entry, int fd, const SignalsBlocked& blocked);
  void BecomeEarly(Entry* entry, int fd, const SignalsBlocked& blocked);
  void Unrecord(const Entry& entry, const SignalsBlocked& blocked);
  Progress Succeed(Entry* entry, int fd, const SignalsBlocked& blocked);
  Progress Fail(Entry* entry, int fd, const SignalsBlocked& blocked);
  void MarkFailed(Entry* entry, const SignalsBlocked& blocked);
  static void SetTcpFlag(int fd, int option, int value);
  static void PutOptionsAside(Entry* entry, int fd);
  static void PutLowWaterAside(Entry* entry, int fd);
  static void GiveOptionsBack(const Entry& entry, int fd);
  static Connection ConnectionOf(const Entry& entry);
  static void Report(const Entry& entry);
  // The entry is over for all of its descriptors, which get `new_flags`, or for one; the last one frees it.
  void End(Entry* entry, unsigned new_flags, const SignalsBlocked& blocked);
  void Detach(Entry* entry, int fd, const SignalsBlocked& blocked);
  void GiveRoomBack(Entry* entry);
  bool HasOutside(int fd, unsigned first, unsigned last) const;
  template <typename Visit>
  void ForEachDescriptor(const Entry& entry, const Visit& visit) {
    if (entry.references == 1) return visit(entry.fd.load(std::memory_order_relaxed));
    for (int each = 0; each < static_cast<int>(g_descriptors.used_end()); ++each) {
      if (entries_.Get(each) == &entry) visit(each);
    }
  }
  template <typename Wants>
  void AdvanceAll(const SignalsBlocked& blocked, const Wants& wants);
  void NoteDeadline(long long deadline_ms);

  DescriptorArray<Entry*, 32> entries_;
  LeafLock pool_lock_;
  // The first entry is in the room of g_descriptors, which nobody else uses.
  StablePool<Entry> pool_;
  static_assert(StablePool<Entry>::kProvidedSize <= DescriptorTable::kRoom);
  WaitConcern pendings_;
  std::atomic<bool> has_given_room_back_ = false;
  std::atomic<unsigned> steps_ = 0;
  std::atomic<long long> next_deadline_ms_ = std::numeric_limits<long long>::max();
};

extern constinit PendingTable g_pendings;

// Waits until the pending connection of `fd` is over, or may be written to at least.
enum class Awaited : uint8_t { kOver, kEarly };
enum class AwaitEnd : uint8_t {
  kOver,         // Progress::kNone or kFailed now, or kEarly where that will do
  kInterrupted,  // by a signal whose handler was installed without SA_RESTART (signal(7))
  kTimedOut,     // `until_ms` (MonotonicMs()) has passed
};
inline constexpr long long kNoTimeLimit = -1;
AwaitEnd AwaitPending(int fd, long long until_ms, Awaited awaited = Awaited::kOver);

}  // namespace socksify
