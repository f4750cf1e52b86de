// SPDX-License-Identifier: BSD-2-Clause
// Inbounds: the program's sockets that listen, or are about to, at a proxy (BIND, RFC 1928 sections 4 and 6).
//
// Behind such a descriptor, from listen(2) on, there is an epoll set of ours instead of the program's socket:
// the set holds the connection to the proxy, on which the peer will be announced, and the program's own
// socket where the table lets local peers in as well. The kernel calls it readable when accept(2) has
// something to give, whatever call the program waits with. What the program asks and tells its socket goes to
// the socket itself, which is hidden.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "base/endpoint.h"
#include "preload/descriptor_array.h"
#include "preload/leaf_lock.h"
#include "preload/stable_pool.h"
#include "preload/wait_concern.h"
#include "protocol/handshake.h"
#include "routing/route_table.h"

namespace socksify {

struct InboundSocket {
  int family = AF_UNSPEC;
  // The proxied connection for whose sake the socket was bound: where its peer is, and its rule. A name, or
  // an address; 0.0.0.0:0 for none.
  Endpoint counterpart;
  bool has_counterpart = false;
  bool is_ip6 = false;  // without one: the family in which anybody may come

  std::atomic<int> own_fd = -1;  // the program's socket, hidden; -1: it is still behind the descriptor
  uint64_t own_cookie = 0;
  bool lets_in_locals = false;
  bool is_extension = false;  // Dante's: see protocol/bind_query.h

  // The connection to the proxy, hidden; -1: none at present. Touched by the holder of `is_busy`, and read by
  // others.
  std::atomic<int> control_fd = -1;
  uint64_t control_cookie = 0;
  // In memory that processes share after a fork(2): the one whose peer it is, 0 while none has come. There
  // while `control_fd` is.
  std::atomic<pid_t>* claim = nullptr;
  Handshake handshake;
  const Rule* rule = nullptr;
  const Target* target = nullptr;
  Endpoint bound;                 // where peers connect
  long long paused_until_ms = 0;  // after a failure

  std::atomic<bool> is_shut = false;  // by shutdown(2): accept(2) fails
  std::atomic<bool> is_busy = false;  // it is some thread's turn
  uint32_t references = 0;            // by descriptors, and by the turn
  InboundSocket* next_free = nullptr;

  void GiveUpClaim();
};

class Inbounds {
 public:
  constexpr Inbounds() = default;

  InboundSocket* Find(int fd) const { return sockets_.Get(fd); }
  // The same, made if need be. Null when there is no memory.
  InboundSocket* Provide(int fd, int family);
  void Copy(int from, int to);
  void Forget(int fd);

  // One thread at a time deals with a socket, and keeps it until it is done, whoever closes it meanwhile.
  // False if it is another one's turn, or the descriptor leads elsewhere by now.
  bool BeginTurn(int fd, InboundSocket* socket);
  void EndTurn(InboundSocket* socket);

  // Whether a socket listens that no proxy listens for: to be seen to before the program waits.
  bool has_idle() const { return idle_.is_any(); }
  void AddIdle() { idle_.Add(); }
  void RemoveIdle() { idle_.Remove(); }

  // Threads that were at it are not in the child of a fork(2).
  void FreeInChild(int used_end);

  // See leaf_lock.h.
  LeafLock* lock() { return &lock_; }

 private:
  void ForgetOne(int fd);
  void Release(InboundSocket* socket);

  DescriptorArray<InboundSocket*> sockets_;
  StablePool<InboundSocket> pool_;
  WaitConcern idle_;
  LeafLock lock_;
};

extern constinit Inbounds g_inbounds;

}  // namespace socksify
