// SPDX-License-Identifier: BSD-2-Clause
// PeerTableStore: reading and writing the table of peers in mapped memory. It knows nothing of files.
//
//     header, 64 bytes | sets of 8 entries, 80 bytes each: state | identity | peer | proxy | bound | ports |
//     kinds
//
// Every field is a word of 8 bytes, aligned to 8, so 32- and 64-bit processes share one file. Numbers are in
// the machine's own byte order, which `byte_order` tells.
//
// Reading and writing are lock-free, bounded, async-signal-safe, make no system call, and are safe against
// any content of the memory. A view: the memory must outlive it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/ip_address.h"
#include "resolver/fake_table_index.h"

namespace socksify {

// A proxied connection, as every process that has its socket is to see it. Ports are in host order; scopes of
// addresses are not kept.
struct SharedPeer {
  // The address of the proxy, as the kernel's getpeername(2) has it.
  IpAddress proxy;
  uint16_t proxy_port = 0;
  // What the program connected to, in the form that it gave: fake, or ::ffff:a.b.c.d, if it did.
  IpAddress peer;
  uint16_t peer_port = 0;
  // What the proxy bound for the connection, if it told.
  std::optional<IpAddress> bound = std::nullopt;
  uint16_t bound_port = 0;
  // The family of the program's own socket, if that was replaced; else 0.
  uint8_t replaced_family = 0;

  friend bool operator==(const SharedPeer&, const SharedPeer&) = default;
};

// What must be equal for two programs to use the same file; compared byte by byte, so there is no padding.
struct PeerTableIdentity {
  char magic[8] = {'S', 'O', 'C', 'K', 'P', 'E', 'E', 'R'};
  uint32_t byte_order = 0x01020304;
  uint32_t layout_version = 3;
  uint32_t capacity = 0;
  uint32_t entry_size = 0;
};
static_assert(sizeof(PeerTableIdentity) == 24);

struct alignas(64) PeerTableHeader {
  PeerTableIdentity identity;
};
static_assert(sizeof(PeerTableHeader) == 64);

struct PeerTableEntry {
  static constexpr size_t kWords = 9;

  // 0 for an entry that was never used, else four times the ticket of its writer, plus one while it is at it,
  // or two when the record is to be forgotten.
  alignas(8) std::atomic<uint64_t> state;
  // The socket's identity; peer, proxy and bound address, two words each; the three ports; the address
  // families and, in the upper half, a check sum.
  alignas(8) std::atomic<uint64_t> words[kWords];
};
static_assert(sizeof(PeerTableEntry) == 80);
static_assert(std::atomic<uint64_t>::is_always_lock_free && sizeof(std::atomic<uint64_t>) == 8);

class PeerTableStore {
 public:
  static constexpr uint32_t kWays = 8;
  static constexpr uint32_t kSetBits = 11;
  static constexpr uint32_t kCapacity = kWays << kSetBits;  // 16,384
  static constexpr size_t kMemorySize = sizeof(PeerTableHeader) + kCapacity * sizeof(PeerTableEntry);

  explicit PeerTableStore(std::byte* memory)
      : entries_(reinterpret_cast<PeerTableEntry*>(memory + sizeof(PeerTableHeader))) {}

  void Record(uint64_t identity, const SharedPeer& peer);
  std::optional<SharedPeer> Find(uint64_t identity, const IpAddress& proxy, uint16_t proxy_port) const;
  void Forget(uint64_t identity);

  // The first of the kWays entries that may hold `identity`.
  static uint32_t SetOf(uint64_t identity) {
    return static_cast<uint32_t>(identity * 0x9e3779b97f4a7c15 >> (64 - kSetBits)) * kWays;
  }

  void set_steps(const FakeTableSteps& steps) { step_ = steps; }

 private:
  bool Write(PeerTableEntry* entry, uint64_t seen, uint64_t ticket, const uint64_t* words);

  PeerTableEntry* entries_;
  FakeTableSteps step_;
};

}  // namespace socksify
