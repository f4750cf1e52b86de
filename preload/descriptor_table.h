// SPDX-License-Identifier: BSD-2-Clause
// DescriptorTable: what we know of the program's descriptors.
//
// A word of flags per descriptor decides the fast path: zero means that the descriptor is none of ours.
// Reading takes no lock, nor does Drop(), so that close(2) need not block signals; other writing takes a leaf
// lock.
//
// libc closes descriptors in ways that we cannot see (fclose(3), raw system calls), so a connection is
// believed only while the socket's identity, SO_COOKIE (socket(7)), is the one that it was recorded with, or
// while the socket can be no other (peers.h).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/socket_address.h"
#include "preload/descriptor_array.h"
#include "preload/leaf_lock.h"
#include "preload/shared_count.h"
#include "preload/stable_pool.h"
#include "preload/versioned.h"

namespace socksify {

// Bits of a descriptor's flags.
enum DescriptorFlag : uint32_t {
  kHasConnection = 1,          // a proxied connection, see Connection
  kPending = 2,                // a proxied connection on its way, or its failure not told yet (see pending.h)
  kConnectFailed = 4,          // it failed and the program knows: the next connect() says ECONNABORTED
  kMayRepeatConnect = 8,       // it came about while nobody was in connect(): the next connect() says 0, once
  kFreshStream = 16,           // an internet stream socket that the program made and has not connected
  kHasCopies = 32,             // the program duplicated it before it was connected
  kEpollSet = 64,              // an epoll instance (epoll(7))
  kFastOpenConnect = 128,      // the program set TCP_FASTOPEN_CONNECT (tcp(7)), which we keep from the kernel
  kReceiveLowWater = 256,      // it set SO_RCVLOWAT (socket(7))
  kTransferTimeout = 512,      // it set SO_SNDTIMEO or SO_RCVTIMEO (socket(7))
  kBound = 1024,               // it bound the socket to a local address
  kCorked = 4096,              // it set TCP_CORK (tcp(7))
  kShutDownEarly = 2048,       // it called shutdown(2) before the socket was connected
  kDnsByHand = 8192,           // a datagram socket that has asked a name server (see dns_by_hand.h)
  kDatagram = 1 << 14,         // an internet datagram socket that the program made
  kRelayed = 1 << 15,          // a datagram socket with a path through a proxy (see relays.h)
  kHidden = 1 << 16,           // a descriptor of ours (see hidden_descriptors.h)
  kV6OnlyToProgram = 1 << 18,  // the program believes that IPV6_V6ONLY is set (ipv6(7))
  kInbound = 1 << 19,          // a socket that listens at a proxy, or may (see inbounds.h)
  kOfStream = 1 << 21,         // libc's streams may read it, past the hooks (stdio(3))
  kPortOfKernel = 1 << 20,     // it was bound to port 0
  kKnownBlocking = 1 << 22,    // kFreshStream, without O_NONBLOCK as far as this process knows
  kToNameServer = 1 << 17,     // its connection is one to a name server (see dns_by_hand.h)
  kUnshared = 1 << 23,         // a stream socket that only this process has had so far, as far as it knows
};
// What belongs to the socket and not to a connection of it.
inline constexpr unsigned kOptionFlags = kHasCopies | kFastOpenConnect | kReceiveLowWater | kTransferTimeout |
                                         kBound | kCorked | kDnsByHand | kDatagram | kRelayed |
                                         kV6OnlyToProgram | kOfStream | kUnshared;

// What a descriptor may have for whose sake a call that moves data is not libc's alone.
inline constexpr unsigned kSpecialFlags = kPending | kDnsByHand | kToNameServer | kDatagram | kRelayed;

// A proxied connection, as the program is to see it.
struct Connection {
  uint64_t cookie = 0;   // SO_COOKIE; 0: not asked for yet (peers.h)
  SocketAddress peer{};  // what the program connected to
  socklen_t peer_size = 0;
  SocketAddress bound{};  // what the proxy bound for it; bound_size 0: the kernel's own answer
  socklen_t bound_size = 0;
  int replaced_family = 0;  // the family that the program's socket had, if it was replaced; else 0
  // What of the connection's bytes was the handshake's.
  uint32_t negotiated_sent = 0;
  uint32_t negotiated_received = 0;
};

// Is told of each connection when it is recorded, under the table's lock with signals blocked, and when the
// last descriptor of it has been dropped, by Drop() without either.
struct ConnectionObserver {
  void (*begun)(const Connection& connection) = nullptr;
  void (*ended)(const Connection& connection) = nullptr;
};

class DescriptorTable {
 public:
  constexpr DescriptorTable() = default;
  explicit constexpr DescriptorTable(const ConnectionObserver& observer) : observer_(observer) {}

  // The fast path of every hook on a descriptor. 0 for anything not ours, a negative number included.
  unsigned Flags(int fd) const { return flags_.Get(fd); }
  // Whether any descriptor has one of kSpecialFlags. While none has, which is most of the time, the hooks
  // that move data need not look theirs up.
  bool has_special() const { return specials_.is_any(); }

  // Sets or clears bits other than kHasConnection; lock-free. False when there is no room for the descriptor.
  bool SetFlags(int fd, unsigned flags);
  void ClearFlags(int fd, unsigned flags);

  // Records a proxied connection. False when there is no room for it: the connection works, but the program
  // sees the proxy as its peer.
  bool Record(int fd, const Connection& connection, const SignalsBlocked& blocked);
  // What is known of a recorded connection, for all of its descriptors; not another peer.
  void Update(int fd, const Connection& connection, const SignalsBlocked& blocked);
  // Writes down the identity of a recorded connection that has none yet. False if there is no such one.
  bool Identify(int fd, uint64_t cookie, const SignalsBlocked& blocked);
  // `fd` has no connection any more, and keeps its flags.
  void Unrecord(int fd, const SignalsBlocked& blocked);
  // How many descriptors have the connection that was recorded for `fd`.
  uint32_t Sharers(int fd);
  // A copy of what was recorded for `fd`, without regard to the socket's identity; nothing when it is not
  // ours.
  std::optional<Connection> Find(int fd) const;
  // The peer of a recorded connection that reports the address as its own (getsockname).
  std::optional<Endpoint> PeerOfReportedAddress(const SocketAddress& address, socklen_t size) const;

  // `to` has the connection of `from`, and keeps its own flags.
  void Share(int from, int to, const SignalsBlocked& blocked);
  // dup(2) and its kin: `to` is now what `from` is.
  void Duplicate(int from, int to);
  // close(2) and its kin. Async-signal-safe: lock-free, and without a system call.
  void Drop(int fd);
  // One past the highest descriptor that was ever ours.
  unsigned used_end() const { return used_end_.load(std::memory_order_acquire); }

  // Memory beside the flags of the first descriptors, on pages that are used anyway: kRoom bytes, which are
  // zero until somebody uses them. Null before the first flag was set.
  static constexpr size_t kRoom = 7168;
  void* room() { return flags_.room(); }

  // See leaf_lock.h.
  LeafLock* lock() { return &lock_; }

 private:
  // A recorded connection in a pool that never shrinks. Whoever takes the last reference away gives it back;
  // it is taken again under the lock only, so whoever has the lock may look at what a cell points to.
  struct Slot {
    Versioned<Connection> connection;
    std::atomic<uint32_t> references = 0;
    Slot* next_free = nullptr;
  };

  void NoteUse(unsigned index);
  void DropConnection(int fd);
  void DropSlot(int fd);
  Slot* TakeSlot();
  // One reference more, for as long as there is one.
  static bool Refer(Slot* slot);
  void TellEnd(const Slot& slot) const;

  DescriptorArray<uint32_t, 0, kRoom> flags_;
  DescriptorArray<Slot*, 32> slots_;
  StablePool<Slot, 2> pool_;
  std::atomic<Slot*> given_back_ = nullptr;  // a list of them, not in the pool yet
  std::atomic<unsigned> used_end_ = 0;
  SharedCount specials_;  // descriptors with kSpecialFlags, or more for a moment
  LeafLock lock_;
  const ConnectionObserver observer_;
};

}  // namespace socksify
