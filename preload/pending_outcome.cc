// SPDX-License-Identifier: BSD-2-Clause
// What a pending connection comes to, and what the kernel's socket is made to look like then.
//
// The socket of a connection request that was refused is in a state of its own (tcp_reset(), inet(7)):
// closed, shut down both ways, readable and writable, with the errno in SO_ERROR. Ours has been taken back to
// unconnected instead. shutdown(2) on an unconnected TCP socket fails with ENOTCONN, but it does shut down
// and wakes whoever waits, so that everything but SO_ERROR and POLLERR is the kernel's own again; these two
// are given until the program has asked. The next connect() then has to undo the shutdown, as the kernel
// does: it fails with ECONNABORTED, and the one after it is a new one.

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/single_threaded.h>

#include <atomic>
#include <cerrno>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"
#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/peers.h"
#include "preload/pending.h"
#include "preload/report.h"
#include "preload/runtime.h"
#include "preload/set_up_code.h"
#include "preload/watches.h"

namespace socksify {
namespace {

// Whether a connection of this process has come about.
constinit std::atomic<bool> g_has_succeeded = false;

void SetLowWater(int fd, int bytes) {
  libc::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, static_cast<const void*>(&bytes),
                   static_cast<socklen_t>(sizeof bytes));
}

}  // namespace

void PendingTable::SetTcpFlag(int fd, int option, int value) {
  libc::setsockopt(fd, IPPROTO_TCP, option, static_cast<const void*>(&value),
                   static_cast<socklen_t>(sizeof value));
}

// Socket options that would get in the way of the handshake.
void PendingTable::PutOptionsAside(Entry* entry, int fd) {
  const unsigned flags = g_descriptors.Flags(fd);
  if ((flags & kFastOpenConnect) != 0) {
    // With it connect() returns at once and nothing is sent (tcp(7)). A hint, lost without harm.
    SetTcpFlag(fd, TCP_FASTOPEN_CONNECT, 0);
  }
  // It would hold each message back for 200 ms.
  if ((flags & kCorked) != 0) SetTcpFlag(fd, TCP_CORK, 0);
  if ((flags & kReceiveLowWater) != 0) PutLowWaterAside(entry, fd);
}

// poll() would not report the few bytes of a reply.
void PendingTable::PutLowWaterAside(Entry* entry, int fd) {
  socklen_t size = sizeof entry->low_water;
  libc::getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, static_cast<void*>(&entry->low_water), &size);
  SetLowWater(fd, 1);
}

void PendingTable::GiveOptionsBack(const Entry& entry, int fd) {
  const unsigned flags = g_descriptors.Flags(fd);
  // An early connection has it back already, and another thread may be about to take it away.
  if ((flags & kCorked) != 0 && entry.progress.load() != Progress::kEarly) SetTcpFlag(fd, TCP_CORK, 1);
  if ((flags & kReceiveLowWater) != 0) SetLowWater(fd, entry.low_water);
  if (entry.lends_no_delay.load()) SetTcpFlag(fd, TCP_NODELAY, 0);
}

void PendingTable::NoteLowWater(int fd) {
  Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return;
  const SignalsBlocked blocked;
  const LeafGuard guard(&entry->lock, blocked);
  if (entries_.Get(fd) == entry && IsUnderWay(entry->progress.load())) PutLowWaterAside(entry, fd);
}

Progress PendingTable::Settle(Entry* entry, int fd, const SignalsBlocked& blocked) {
  switch (entry->attempt->state()) {
    case Attempt::State::kWaitReadable:
      return entry->attempt->may_send_early() ? SetEarly(entry, fd, blocked)
                                              : SetWaiting(entry, POLLIN, blocked);
    case Attempt::State::kWaitWritable: return SetWaiting(entry, POLLOUT, blocked);
    case Attempt::State::kConnected: return Succeed(entry, fd, blocked);
    case Attempt::State::kFailed: break;
  }
  return Fail(entry, fd, blocked);
}

Progress PendingTable::SetWaiting(Entry* entry, short events, const SignalsBlocked& blocked) {
  // After a fail-over the socket waits to be writable again, of which a thread that sleeps in poll(2) until
  // it is readable would not hear. Such a thread has to look again now and then.
  constexpr long long kLookAgainMs = 100;
  const long long deadline_ms = entry->attempt->deadline_ms();
  const bool may_miss = entry->attempt->has_failed_over() && __libc_single_threaded == 0;
  const long long look_ms = may_miss ? std::min(deadline_ms, MonotonicMs() + kLookAgainMs) : deadline_ms;
  entry->deadline_ms.store(look_ms, std::memory_order_relaxed);
  NoteDeadline(look_ms);
  if (entry->events.exchange(events, std::memory_order_release) != events)
    ForEachDescriptor(*entry, [&](int each) { g_watches.SetDirection(each, events, blocked); });
  return Progress::kWaiting;
}

void PendingTable::Report(const Entry& entry) {
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr) return;
  const Attempt& attempt = *entry.attempt;
  const bool has_failed = attempt.state() == Attempt::State::kFailed;
  runtime->reporter().Connection({.destination = attempt.destination(),
                                  .rule = &attempt.rule(),
                                  .target = attempt.target(),
                                  .hops = attempt.hops(),
                                  .failure = has_failed ? &attempt.failure() : nullptr,
                                  .is_in_progress = attempt.state() == Attempt::State::kWaitReadable,
                                  .elapsed_us = entry.started_us != 0 ? MonotonicUs() - entry.started_us : 0,
                                  .socket = entry.cookie});
}

// What the program is to see of its new connection. Before the reply nobody knows the proxy's own address.
Connection PendingTable::ConnectionOf(const Entry& entry) {
  const Attempt& attempt = *entry.attempt;
  Connection connection;
  connection.cookie = entry.cookie;
  connection.negotiated_sent = static_cast<uint32_t>(attempt.bytes_sent());
  connection.negotiated_received = static_cast<uint32_t>(attempt.bytes_received());
  connection.peer = entry.peer;
  connection.peer_size = entry.peer_size;
  const int family = connection.peer.generic.sa_family;
  if (attempt.is_replaced()) connection.replaced_family = family;
  const Endpoint& bound = attempt.bound();
  if (!bound.is_name() && !bound.ip().IsUnspecified())
    connection.bound_size = ToSockaddr(bound.ip(), bound.port(), family, &connection.bound);
  return connection;
}

// Writes into the descriptor table what the program is to see of its new connection.
Progress PendingTable::Succeed(Entry* entry, int fd, const SignalsBlocked& blocked) {
  const bool was_early = entry->progress.load(std::memory_order_relaxed) == Progress::kEarly;
  Report(*entry);
  GiveOptionsBack(*entry, fd);
  // By its peer, if need be, only one that leads to a proxy is known again (peers.h).
  if (entry->attempt->hops().empty()) entry->Identify(fd);
  const Connection connection = ConnectionOf(*entry);
  // Recorded before it stops being pending: between the two it would be a stranger's socket.
  if (was_early) {
    g_descriptors.Update(fd, connection, blocked);
  } else {
    g_descriptors.Record(fd, connection, blocked);
  }
  SocketAddress proxy{};
  const socklen_t proxy_size = entry->attempt->PeerAddress(&proxy);
  if (connection.cookie == 0) {
    NoteUnidentified();
  } else if (const auto address = ReadSockaddr(&proxy.generic, proxy_size)) {
    SharePeer(fd, connection, *address);
  }
  // The tables for all processes have been opened by now.
  if (!g_has_succeeded.load(std::memory_order_relaxed)) [[unlikely]] {
    g_has_succeeded.store(true, std::memory_order_relaxed);
    const ErrnoKeeper keeper;
    GiveBackSetUpCode();
  }
  if (!was_early) ForEachDescriptor(*entry, [&](int each) { g_descriptors.Share(fd, each, blocked); });
  if (entry->is_receiving_over) libc::shutdown(fd, SHUT_RD);
  if (entry->is_sending_over.load()) libc::shutdown(fd, SHUT_WR);
  End(entry, was_early ? unsigned{kHasConnection} : kHasConnection | kMayRepeatConnect, blocked);
  return Progress::kNone;
}

Progress PendingTable::Fail(Entry* entry, int fd, const SignalsBlocked& blocked) {
  Report(*entry);
  GiveOptionsBack(*entry, fd);
  entry->error = entry->attempt->failure().error;
  entry->EndAttempt();
  libc::shutdown(fd, SHUT_RDWR);
  if (entry->progress.load(std::memory_order_relaxed) == Progress::kEarly) Unrecord(*entry, blocked);
  MarkFailed(entry, blocked);
  return Progress::kFailed;
}

void PendingTable::MarkFailed(Entry* entry, const SignalsBlocked& blocked) {
  entry->progress.store(Progress::kFailed, std::memory_order_release);
  ForEachDescriptor(*entry,
                    [&](int each) { g_watches.EndHandshake(each, Watches::After::kTranslate, blocked); });
}

void PendingTable::Abandon(int fd) {
  Entry* const entry = entries_.Get(fd);
  if (entry == nullptr) return;
  const ErrnoKeeper keeper;
  const CancellationOff cancellation_off;
  const SignalsBlocked blocked;
  const LeafGuard guard(&entry->lock, blocked);
  if (entries_.Get(fd) != entry || entry->progress.load() != Progress::kWaiting) return;
  GiveOptionsBack(*entry, fd);
  entry->attempt->set_fd(fd);
  entry->EndAttempt();
  entry->error = ECONNRESET;
  entry->is_abandoned = true;
  MarkFailed(entry, blocked);
}

}  // namespace socksify
