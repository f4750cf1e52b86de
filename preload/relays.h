// SPDX-License-Identifier: BSD-2-Clause
// Relays: the paths that the datagrams of the program's sockets take.
//
// A socket has one relay for each rule that has sent a datagram of it through a proxy, and one for each name
// that was addressed: proxies tell where an answer came from by address, and only a relay of its own says for
// which name that address stands. The relay is what a proxy gave us (UDP ASSOCIATE, RFC 1928 section 7), or,
// where the path turned out to be direct, the real address of the name.
//
// Looking up takes no lock and makes no system call. The lock is a leaf.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/ip_address.h"
#include "base/socket_address.h"
#include "preload/descriptor_array.h"
#include "preload/leaf_lock.h"
#include "preload/stable_pool.h"
#include "preload/versioned.h"
#include "routing/route_table.h"

namespace socksify {

// More than any datagram holds.
inline constexpr size_t kMaxDatagram = 65'536;

// Where there is room for no more payload than that, header and payload go to the kernel and come from it in
// one piece, and the payload is copied; for more they are pieces (struct iovec), each of which is work for
// the kernel. On loopback the two cost the same at 8 KiB. But this is on the stack, of which a signal handler
// may have 8 KiB (SIGSTKSZ), and the processor's registers 3 of them.
inline constexpr size_t kMaxCopied = 2048;

// Which relay a datagram takes.
struct RelayKey {
  const Rule* rule = nullptr;
  // The path that comes first for this destination, where that depends on the destination (`balance: hash`).
  const Target* first = nullptr;
  bool is_for_name = false;
  // is_for_name: the address that stands for the name, not v4-mapped.
  // NOLINTNEXTLINE(readability-redundant-member-init)
  IpAddress fake{};

  bool operator==(const RelayKey&) const = default;
};

struct RelayData {
  RelayKey key;
  const Target* target = nullptr;  // the path
  bool is_direct = false;          // no proxy: no header, and the destination's own port
  sockaddr_in6 address{};          // in the family of the program's socket; all zero: the destination's own
  socklen_t address_size = 0;
  int control_fd = -1;  // hidden (hidden_descriptors.h); -1 with is_direct
  uint64_t control_cookie = 0;

  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&address); }
};

struct Relay {
  Versioned<RelayData> data;
  std::atomic<long long> checked_ms = 0;  // when it was last known to be alive
  std::atomic<long long> used_ms = 0;     // when something was last sent to it
  Relay* next_free = nullptr;
};

// A destination as the program says it: family, port and scope, and the bytes of the address. All zero: the
// peer of a connected socket.
struct PathKey {
  uint64_t kind = 0;
  uint64_t high = 0;
  uint64_t low = 0;

  bool operator==(const PathKey&) const = default;
};

// What a datagram to the same destination needs, again.
struct KnownPath {
  PathKey key;
  uint32_t generation = 0;
  socklen_t address_size = 0;
  Relay* relay = nullptr;
  sockaddr_in6 address{};
  uint8_t header_size = 0;
  uint8_t header[71] = {};
};

// What a datagram socket of the program's has, over and above its descriptors.
struct RelayedSocket {
  static constexpr size_t kMaxRelays = 32;
  static constexpr size_t kKnownPaths = 4;
  static constexpr size_t kMaxEnded = 8;
  static constexpr size_t kMaxForgotten = 256;  // about as many datagrams as wait in a socket at most
  static constexpr unsigned kNoLimit = ~0U;

  std::array<std::atomic<Relay*>, kMaxRelays> relays{};  // from the front; null: no more
  // What has ended, for what came from there before or is still on its way.
  std::array<Versioned<RelayData>, kMaxEnded> ended;
  size_t next_ended = 0;
  // What had no place there any more, as hashes of addresses: what comes from there has a header which nobody
  // can read, and is dropped.
  std::array<std::atomic<uint32_t>, kMaxForgotten> forgotten{};
  std::atomic<size_t> forgotten_count = 0;     // ever
  std::atomic<Relay*> connected_to = nullptr;  // whom the kernel has connected it to
  std::atomic<bool> is_corked = false;         // the datagram has begun (MSG_MORE, UDP_CORK)
  std::atomic<bool> is_corked_to_ipv4 = false;
  std::atomic<unsigned> header_size = 0;  // of the datagram that came last
  // Datagrams came before it was connected to its present peer, and none has come from that since: they are
  // still the program's.
  std::atomic<bool> has_queued = false;
  // Changes with the relays and with the peer; what is known from before counts no more.
  std::atomic<uint32_t> generation = 1;
  std::array<Versioned<KnownPath>, kKnownPaths> known_paths;
  Versioned<KnownPath> peer_path;
  // Hashes of destinations that were reported.
  std::array<std::atomic<uint32_t>, 32> reported{};
  // What each step towards a relay may take at most, besides the configuration's own limits.
  std::atomic<unsigned> step_limit_ms = kNoLimit;
  int family = AF_UNSPEC;
  size_t oldest = 0;
  uint32_t references = 0;
  RelayedSocket* next_free = nullptr;
};

class Relays {
 public:
  constexpr Relays() = default;

  // What `fd` has; null if it has no relay.
  RelayedSocket* Find(int fd) const { return sockets_.Get(fd); }
  // The same, made if need be, and given to all descriptors that are known to be of that socket. Null when
  // there is no memory.
  RelayedSocket* Provide(int fd, int family);
  void Copy(int from, int to);
  void Forget(int fd);
  // connect(2) with AF_UNSPEC. Unless the program bound the socket, that gives its port back (udp(7)), and
  // proxies take datagrams only from the port that the first came from.
  void NoteDisconnected(int fd, bool keeps_port);

  // A copy of what is known about the relay; null if there is none with that key.
  static Relay* FindRelay(const RelayedSocket& socket, const RelayKey& key, RelayData* out);
  // The relay, be it one that has ended, of which a datagram has come. `source` has port and address in the
  // socket's family.
  static bool FindSource(const RelayedSocket& socket, const SocketAddress& source, RelayData* out);
  // Whether it was a relay that ended so long ago that no more is known of it.
  static bool IsForgotten(const RelayedSocket& socket, const SocketAddress& source);

  // Enters `data`, in place of the relay with that key whose connection has the cookie `ended_cookie`, or of
  // the oldest. Takes the connection over; the old one is closed. A relay with that key and another cookie
  // stays as it is: another thread was faster. Null when there is no memory.
  Relay* Enter(RelayedSocket* socket, const RelayData& data, uint64_t ended_cookie);

  // Writes what a path needs, unless others write it at the moment.
  void Remember(Versioned<KnownPath>* place, const KnownPath& known);

  // After a failure no proxy of the rule is asked for a relay for a while: each time would hold the program
  // up. Nothing, or the errno.
  std::optional<int> PausedError(const Rule* rule, long long now_ms);
  void Pause(const Rule* rule, int error, long long until_ms);

  // In the child of a fork(2): the parent may connect their sockets to relays of its own.
  void AfterFork();
  // When the program ends: a proxy that sees the end of a connection first drops the datagrams that it has
  // not read. Waits for a few milliseconds if something was sent just now.
  void BeforeExit();

  // See leaf_lock.h.
  LeafLock* lock() { return &lock_; }

 private:
  // A connection whose socket is closed, but not its last datagrams' way.
  struct Lingering {
    int fd = 0;
    uint64_t cookie = 0;  // 0: there is none
    long long until_ms = 0;
  };
  struct Paused {
    const Rule* rule = nullptr;
    int error = 0;
    long long until_ms = 0;
  };

  void ForgetOne(int fd);
  void DropRelays(RelayedSocket* socket);
  void Close(RelayedSocket* socket, const Relay& relay, const RelayData& data);
  void Linger(const RelayData& data, long long until_ms);

  DescriptorArray<RelayedSocket*> sockets_;
  StablePool<RelayedSocket> socket_pool_;
  StablePool<Relay> relay_pool_;
  std::array<Paused, 16> paused_{};
  size_t next_paused_ = 0;
  std::array<Lingering, 16> lingering_{};
  size_t next_lingering_ = 0;
  LeafLock lock_;
};

extern constinit Relays g_relays;

// CLOCK_MONOTONIC_COARSE, which costs no system call and next to nothing.
long long CoarseMs();

}  // namespace socksify
