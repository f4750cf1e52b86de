// SPDX-License-Identifier: BSD-2-Clause
#include "preload/connections.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "preload/dns_by_hand.h"
#include "preload/inbounds.h"
#include "preload/originals.h"
#include "preload/peers.h"
#include "preload/pending.h"
#include "preload/relays.h"
#include "preload/runtime.h"
#include "preload/vfork.h"
#include "preload/watches.h"

namespace socksify {

namespace {

// A fake address that a connection goes to stays the name's for as long.
void HoldPeer(const Connection& connection) {
  FakeTable* const table = Runtime::OpenedFakeTable();
  if (table == nullptr) return;
  const auto peer = ReadSockaddr(&connection.peer.generic, connection.peer_size);
  if (peer) table->Hold(peer->ip.Unmapped());
}

void ReleasePeer(const Connection& connection) {
  FakeTable* const table = Runtime::OpenedFakeTable();
  if (table == nullptr) return;
  const auto peer = ReadSockaddr(&connection.peer.generic, connection.peer_size);
  if (peer) table->Release(peer->ip.Unmapped());
}

}  // namespace

constinit DescriptorTable g_descriptors({.begun = &HoldPeer, .ended = &ReleasePeer});

namespace {

constinit std::atomic<pid_t> g_owner = 0;

// Whether a child of vfork(2) may ever have had the use of this memory: from the first that was seen on.
constinit std::atomic<bool> g_has_lent_memory = !kSeesVfork;

// One past the highest descriptor that has been given kUnshared since all were last shared. Its copies may be
// higher, but what has copies is not known (kHasCopies).
constinit std::atomic<unsigned> g_unshared_end = 0;

constinit std::atomic<bool> g_has_fork_handlers = false;
// Address space that a copy of this memory lacks (madvise(2), MADV_DONTFORK), but not a child of vfork(2),
// which has the memory itself. Never touched. Far from where the kernel looks for room first, so that what a
// copy maps for itself does not fill the gap.
constinit std::atomic<void*> g_uncopied = nullptr;
constexpr size_t kUncopiedSize = size_t{1} << 20;
constexpr uintptr_t kUncopiedPlace = sizeof(void*) == 8 ? uintptr_t{0x1357} << 24 : uintptr_t{1} << 24;
// What the kernel has of a signal set; libc's has room for a thousand signals.
constinit std::array<std::byte, (NSIG - 1) / 8> g_mask_before_fork{};

pid_t CurrentProcess() {
  return static_cast<pid_t>(libc::syscall(SYS_getpid));
}

void* MapUncopied() {
  // Where something else is there, the kernel chooses.
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  void* const space = mmap(reinterpret_cast<void*>(kUncopiedPlace), kUncopiedSize, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (space == MAP_FAILED) return nullptr;
  if (madvise(space, kUncopiedSize, MADV_DONTFORK) == 0) return space;
  munmap(space, kUncopiedSize);
  return nullptr;
}

// Whether what g_uncopied says is true of the calling process; also where nobody knows.
bool HasUncopied() {
  const ErrnoKeeper keeper;
  void* const space = g_uncopied.load(std::memory_order_relaxed);
  return space == nullptr || madvise(space, kUncopiedSize, MADV_NORMAL) == 0 || errno != ENOMEM;
}

// The child must find the tables whole, so no thread may be in the middle of a change.
void BeforeFork() {
  // Both will read the socket, and one alone can take the reply away.
  PrepareToSpawn();
  // A thread may be inside the dynamic linker now, which the child could never call then.
  libc::execve.get();
  libc::execv.get();
  libc::execvp.get();
  libc::execvpe.get();
  libc::sigaction.get();
  libc::signal.get();
  libc::vfork.get();
  sigset_t all;
  sigset_t previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  g_watches.lock()->Acquire();
  g_descriptors.lock()->Acquire();
  g_pendings.lock()->Acquire();
  NameServersLock()->Acquire();
  g_relays.lock()->Acquire();
  g_inbounds.lock()->Acquire();
  std::memcpy(g_mask_before_fork.data(), &previous, g_mask_before_fork.size());
}

void ReleaseLocks() {
  g_inbounds.lock()->Release();
  g_relays.lock()->Release();
  NameServersLock()->Release();
  g_pendings.lock()->Release();
  g_descriptors.lock()->Release();
  g_watches.lock()->Release();
}

void ReleaseAfterFork() {
  sigset_t previous;
  sigemptyset(&previous);
  std::memcpy(&previous, g_mask_before_fork.data(), g_mask_before_fork.size());
  ReleaseLocks();
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

void AfterForkInParent() {
  ReleaseAfterFork();
}

// The process has a copy of another's memory, without its threads.
void BecomeCopy() {
  const ErrnoKeeper keeper;
  g_uncopied.store(MapUncopied(), std::memory_order_relaxed);
  g_watches.AfterFork();
  g_pendings.AfterFork();
  g_relays.AfterFork();
  g_inbounds.FreeInChild(static_cast<int>(g_descriptors.used_end()));
  if (FakeTable* const table = Runtime::OpenedFakeTable()) table->AfterFork();
}

// From a process that is not this one, and whose handlers of fork(2) have not run.
void TakeOver(pid_t owner, pid_t process, bool is_copy) {
  if (!g_owner.compare_exchange_strong(owner, process) || !is_copy) return;
  // Who held them is not in this process.
  ReleaseLocks();
  BecomeCopy();
}

void AfterForkInChild() {
  g_owner.store(CurrentProcess(), std::memory_order_relaxed);
  BecomeCopy();
  ReleaseAfterFork();
}

}  // namespace

// Before the handlers are there, nothing is known that the child could find half done.
bool BeforeCopy() {
  if (!g_has_fork_handlers.load()) return false;
  BeforeFork();
  return true;
}

void AfterCopy(bool is_in_child) {
  is_in_child ? AfterForkInChild() : AfterForkInParent();
}

uint64_t SocketCookie(int fd) {
  const ErrnoKeeper keeper;
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  const int result = libc::getsockopt(fd, SOL_SOCKET, SO_COOKIE, static_cast<void*>(&cookie), &size);
  return result == 0 ? cookie : 0;
}

namespace {

// Calls `change` for all other descriptors of the same socket.
template <typename Change>
void ForEachCopy(int fd, Change change) {
  const bool has_copies = (g_descriptors.Flags(fd) & kHasCopies) != 0;
  const uint64_t cookie = has_copies ? SocketCookie(fd) : 0;
  if (cookie == 0) return;
  for (int each = 0; each < static_cast<int>(g_descriptors.used_end()); ++each) {
    if (each == fd || (g_descriptors.Flags(each) & kHasCopies) == 0) continue;
    if (SocketCookie(each) == cookie) change(each);
  }
}

}  // namespace

std::optional<Connection> FindConnection(int fd) {
  std::optional<Connection> connection = g_descriptors.Find(fd);
  if (!connection) return std::nullopt;
  if (connection->cookie == 0) {
    connection = IdentifyConnection(fd, *connection);
    if (connection) return connection;
  } else if (SocketCookie(fd) == connection->cookie) {
    return connection;
  }
  ForgetDescriptor(fd);
  return std::nullopt;
}

void SetOfSocket(int fd, unsigned flags) {
  MarkDescriptor(fd, flags);
  ForEachCopy(fd, [&](int copy) { g_descriptors.SetFlags(copy, flags); });
}

void ClearOfSocket(int fd, unsigned flags) {
  g_descriptors.ClearFlags(fd, flags);
  ForEachCopy(fd, [&](int copy) { g_descriptors.ClearFlags(copy, flags); });
}

void RecordOfSocket(int fd, const Connection& connection) {
  {
    const SignalsBlocked blocked;
    g_descriptors.Record(fd, connection, blocked);
  }
  ForEachCopy(fd, [=](int copy) { g_descriptors.Duplicate(fd, copy); });
}

void ForgetConnection(int fd) {
  const unsigned flags = g_descriptors.Flags(fd);
  if ((flags & kRelayed) != 0) g_relays.NoteDisconnected(fd, (flags & kBound) != 0);
  constexpr unsigned kCopied = kHasCopies | kHasConnection;
  if ((flags & (kDatagram | kRelayed)) != 0 && (flags & kCopied) == kCopied) {
    const uint64_t cookie = SocketCookie(fd);
    g_descriptors.ClearFlags(fd, kHasCopies);
    for (int each = 0; each < static_cast<int>(g_descriptors.used_end()); ++each) {
      if ((g_descriptors.Flags(each) & kCopied) != kCopied || SocketCookie(each) != cookie) continue;
      g_descriptors.ClearFlags(each, kHasCopies);
      ForgetConnection(each);
      g_descriptors.SetFlags(each, kHasCopies);
    }
    g_descriptors.SetFlags(fd, kHasCopies);
  }
  if ((flags & (kPending | kHasConnection | kConnectFailed)) == 0) return;
  if ((flags & kPending) != 0) g_pendings.TakeError(fd);
  g_descriptors.Drop(fd);
  constexpr unsigned kOfDatagrams = kDnsByHand | kDatagram | kRelayed;
  const unsigned fresh = (flags & kOfDatagrams) != 0 ? 0U : unsigned{kFreshStream};
  g_descriptors.SetFlags(fd, (flags & kOptionFlags) | fresh);
}

void ReportClose(int fd) {
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr || !runtime->reporter().wants_closes()) return;
  // The last descriptor of this process that has it.
  if (g_descriptors.Sharers(fd) > 1) return;
  const ErrnoKeeper keeper;
  const std::optional<Connection> connection = g_descriptors.Find(fd);
  tcp_info info{};
  socklen_t size = sizeof info;
  if (!connection || SocketCookie(fd) != connection->cookie ||
      libc::getsockopt(fd, IPPROTO_TCP, TCP_INFO, static_cast<void*>(&info), &size) != 0) {
    return;
  }
  const auto less = [](uint64_t whole, uint64_t part) { return whole > part ? whole - part : 0; };
  // What was sent twice is counted twice by the kernel.
  const uint64_t sent = less(info.tcpi_bytes_sent, info.tcpi_bytes_retrans);
  runtime->reporter().Close({.socket = connection->cookie,
                             .sent = less(sent, connection->negotiated_sent),
                             .received = less(info.tcpi_bytes_received, connection->negotiated_received)});
}

void ReportCloses(unsigned first, unsigned last) {
  const unsigned end = g_descriptors.used_end();
  for (unsigned fd = first; fd < end && fd <= last; ++fd) {
    const unsigned flags = g_descriptors.Flags(static_cast<int>(fd));
    if ((flags & kPending) != 0) g_pendings.BeforeClose(static_cast<int>(fd), first, last);
    if ((flags & kHasConnection) != 0) ReportClose(static_cast<int>(fd));
  }
}

namespace {

// Whether a child of vfork(2) must not make its parent forget this. The flags that are not named have no more
// to them. Where no such child has been seen, a connection that is there is not asked about: should one come
// by unseen, the table of peers has it still if its socket has been identified (peers.h).
bool IsHeavy(unsigned flags) {
  constexpr unsigned kAlways =
      kPending | kFreshStream | kEpollSet | kDnsByHand | kDatagram | kRelayed | kInbound;
  return (flags & (HasLentMemory() ? kAlways | kHasConnection : kAlways)) != 0;
}

}  // namespace

void ForgetDescriptor(int fd) {
  const unsigned flags = g_descriptors.Flags(fd);
  if (flags == 0 || (flags & kHidden) != 0 || (IsHeavy(flags) && IsBorrowedMemory())) return;
  if ((flags & kEpollSet) != 0) g_watches.ForgetSet(fd);
  if (g_watches.IsWatched(fd)) {
    const SignalsBlocked blocked;
    g_watches.Forget(fd, blocked);
  }
  if ((flags & kPending) != 0) g_pendings.Forget(fd);
  if ((flags & kHasConnection) != 0) ReportClose(fd);
  if ((flags & kRelayed) != 0) g_relays.Forget(fd);
  if ((flags & kInbound) != 0) g_inbounds.Forget(fd);
  g_descriptors.Drop(fd);
}

void ForgetDescriptors(unsigned first, unsigned last) {
  const unsigned end = g_descriptors.used_end();
  if (first >= end || IsBorrowedMemory()) return;
  for (unsigned fd = first; fd < end && fd <= last; ++fd) ForgetDescriptor(static_cast<int>(fd));
}

void CopyDescriptor(int from, int to) {
  const unsigned flags = g_descriptors.Flags(from);
  const bool is_borrowed = (flags | g_descriptors.Flags(to)) != 0 && IsBorrowedMemory();
  // The standard streams read by themselves, and so does the program that a child of vfork(2) is about to
  // run.
  if ((flags & kPending) != 0 && (to <= STDERR_FILENO || is_borrowed)) g_pendings.SettleEarly(from);
  if (is_borrowed || from == to) return;
  ForgetDescriptor(to);
  // The copy is the program's own.
  if ((flags & kHidden) != 0) return;
  // The socket may be connected, or registered, by another of its descriptors from now on.
  if (flags != 0) g_descriptors.SetFlags(from, kHasCopies);
  // A connection may come about at any moment; if it has, the table knows.
  if ((flags & kRelayed) != 0) g_relays.Copy(from, to);
  if ((flags & kInbound) != 0) g_inbounds.Copy(from, to);
  if ((flags & kPending) == 0 || !g_pendings.Copy(from, to)) g_descriptors.Duplicate(from, to);
  if ((flags & (kFreshStream | kPending)) != 0 && to <= STDERR_FILENO) SetOfSocket(to, kOfStream);
}

bool IsBorrowedMemory() {
  const pid_t owner = g_owner.load(std::memory_order_relaxed);
  const pid_t process = owner == 0 ? 0 : CurrentProcess();
  if (owner == process) return false;
  const bool is_copy = !HasUncopied();
  // It is the parent that waits until its memory is given back.
  if (getppid() == owner && !is_copy) return true;
  // A copy of the memory, made in a way that nobody has seen, or claimed by a child that is gone.
  TakeOver(owner, process, is_copy);
  return false;
}

// Nobody has borrowed it before the first time, so whoever calls then is in the process that it belongs to.
void NoteLentMemory() {
  ShareSockets();
  if (HasLentMemory()) return;
  const pid_t owner = g_owner.load(std::memory_order_relaxed);
  const pid_t process = owner == 0 ? 0 : CurrentProcess();
  if (owner != process) TakeOver(owner, process, !HasUncopied());
  g_has_lent_memory.store(true, std::memory_order_relaxed);
}

bool HasLentMemory() {
  return g_has_lent_memory.load(std::memory_order_relaxed);
}

void ShareSockets() {
  const unsigned end = g_unshared_end.exchange(0);
  for (unsigned fd = 0; fd < end; ++fd)
    g_descriptors.ClearFlags(static_cast<int>(fd), kUnshared | kKnownBlocking);
  IdentifyConnections();
}

void PrepareToSpawn() {
  if (g_pendings.is_used()) g_pendings.SettleEarly();
  ShareSockets();
}

void PrepareToExecute() {
  if (g_pendings.is_used()) g_pendings.SettleEarly();
  IdentifyConnections();
}

void MarkDescriptor(int fd, unsigned flags) {
  if (g_owner.load(std::memory_order_relaxed) == 0) [[unlikely]]
    ClaimProcess();
  g_descriptors.SetFlags(fd, flags);
  if ((flags & kUnshared) == 0) return;
  // After the flag can be seen: whoever lowers the end then finds it, or leaves it to the next.
  const unsigned end = static_cast<unsigned>(fd) + 1;
  unsigned known = g_unshared_end.load();
  while (known < end && !g_unshared_end.compare_exchange_weak(known, end)) {
  }
}

void ClaimProcess() {
  if (g_has_fork_handlers.exchange(true)) return;
  const ErrnoKeeper keeper;
  g_uncopied.store(MapUncopied(), std::memory_order_relaxed);
  g_owner.store(CurrentProcess(), std::memory_order_relaxed);
  pthread_atfork(&BeforeFork, &AfterForkInParent, &AfterForkInChild);
}

}  // namespace socksify
