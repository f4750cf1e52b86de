// SPDX-License-Identifier: BSD-2-Clause
// DescriptorTable: what we know of the program's descriptors.
//
// One byte of flags per descriptor decides the fast path: zero means that the descriptor is none of ours. The
// byte array and the array of connections are reserved address space for the hard limit of descriptors, at
// most kMaxDescriptors, touched only where used. Reading takes no lock; writing takes a leaf lock.
//
// libc closes descriptors in ways that we cannot see (fclose(3), raw system calls), so a connection is
// believed only while the socket's identity, SO_COOKIE (socket(7)), is the one that it was recorded with.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "base/socket_address.h"
#include "preload/leaf_lock.h"

namespace socksify {

// Bits of a descriptor's flag byte.
enum DescriptorFlag : uint8_t {
  kHasConnection = 1,    // a proxied connection, see Connection
  kFastOpenConnect = 2,  // the program set TCP_FASTOPEN_CONNECT (tcp(7)), which we keep from the kernel
  kReceiveLowWater = 4,  // the program set SO_RCVLOWAT (socket(7))
  kBound = 8,            // the program bound it to a local address
};

// A proxied connection, as the program is to see it.
struct Connection {
  uint64_t cookie = 0;   // SO_COOKIE
  SocketAddress peer{};  // what the program connected to
  socklen_t peer_size = 0;
  SocketAddress bound{};  // what the proxy bound for it; bound_size 0: the kernel's own answer
  socklen_t bound_size = 0;
  int replaced_family = 0;  // the family that the program's socket had, if it was replaced; else 0
};

class DescriptorTable {
 public:
  static constexpr unsigned kMaxDescriptors = 1 << 20;

  constexpr DescriptorTable() = default;

  // The fast path of every hook on a descriptor. 0 for anything not ours, a negative number included.
  uint8_t Flags(int fd) const {
    const auto index = static_cast<unsigned>(fd);
    if (index >= size_.load(std::memory_order_acquire)) [[unlikely]]
      return 0;
    return flags_[index].load(std::memory_order_relaxed);
  }

  // Reserves the arrays; false when there is no address space. Harmless when called again.
  bool Prepare();

  // Sets or clears one of the option bits. Prepares the table when it sets one.
  void SetFlag(int fd, DescriptorFlag flag);
  void ClearFlag(int fd, DescriptorFlag flag);

  // Records a proxied connection. False when there is no room for it: the connection works, but the program
  // sees the proxy as its peer.
  bool Record(int fd, const Connection& connection);
  // A copy of what was recorded for `fd`, without regard to the socket's identity; nothing when it is not
  // ours.
  std::optional<Connection> Find(int fd) const;
  // Whether an address is one that a recorded connection reports as its own (getsockname).
  bool IsReportedLocalAddress(const SocketAddress& address, socklen_t size) const;

  // dup(2) and its kin: `to` is now what `from` is.
  void Duplicate(int from, int to);
  // close(2) and its kin. The second form is inclusive.
  void Drop(int fd);
  void DropRange(unsigned first, unsigned last);
  // Whether a descriptor from `first` on may be ours.
  bool IsUsedFrom(unsigned first) const { return first < used_end_.load(std::memory_order_acquire); }

  void ResetLockAfterFork() { lock_.ResetAfterFork(); }

 private:
  // A recorded connection in a pool that never shrinks. `version` is odd while the slot is written; the
  // connection itself is kept in atomic words, since a reader may copy it while it changes and then finds out
  // by the version.
  static constexpr size_t kWords = (sizeof(Connection) + sizeof(uint64_t) - 1) / sizeof(uint64_t);
  struct Slot {
    std::atomic<uint32_t> version = 0;
    uint32_t references = 0;
    Slot* next_free = nullptr;
    std::array<std::atomic<uint64_t>, kWords> words{};
  };

  bool Covers(int fd) const { return static_cast<unsigned>(fd) < size_.load(std::memory_order_acquire); }
  void NoteUse(unsigned index);
  Slot* Allocate();
  void Release(unsigned index);
  static void Write(const Connection& connection, Slot* slot);
  static bool Read(const Slot& slot, Connection* out);

  std::atomic<unsigned> size_ = 0;
  std::atomic<uint8_t>* flags_ = nullptr;
  std::atomic<Slot*>* slots_ = nullptr;
  std::atomic<unsigned> used_end_ = 0;  // one past the highest descriptor that ever had a flag
  Slot* free_ = nullptr;
  LeafLock lock_;
};

}  // namespace socksify
