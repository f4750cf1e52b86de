// SPDX-License-Identifier: BSD-2-Clause
#include "preload/inbounds.h"

#include <sys/mman.h>

#include "preload/connections.h"
#include "preload/hidden_descriptors.h"

namespace socksify {

constinit Inbounds g_inbounds;

void InboundSocket::GiveUpClaim() {
  if (claim != nullptr) munmap(claim, sizeof *claim);
  claim = nullptr;
}

void Inbounds::FreeInChild(int used_end) {
  for (int fd = 0; fd < used_end; ++fd) {
    InboundSocket* const socket = Find(fd);
    if (socket != nullptr && socket->is_busy.exchange(false)) --socket->references;
  }
}

InboundSocket* Inbounds::Provide(int fd, int family) {
  if (InboundSocket* const known = Find(fd)) return known;
  InboundSocket* socket = nullptr;
  {
    const SignalsBlocked blocked;
    const LeafGuard guard(&lock_, blocked);
    std::atomic<InboundSocket*>* const cell = sockets_.Provide(fd);
    socket = cell != nullptr ? cell->load(std::memory_order_relaxed) : nullptr;
    if (socket != nullptr || cell == nullptr) return socket;
    socket = pool_.Take();
    if (socket == nullptr) return nullptr;
    socket->references = 1;
    socket->family = family;
    socket->counterpart = Endpoint();
    socket->has_counterpart = false;
    socket->is_ip6 = false;
    socket->own_fd = -1;
    socket->control_fd = -1;
    socket->lets_in_locals = false;
    socket->is_extension = false;
    socket->rule = nullptr;
    socket->target = nullptr;
    socket->bound = Endpoint();
    socket->paused_until_ms = 0;
    socket->is_shut = false;
    socket->is_busy = false;
    cell->store(socket, std::memory_order_release);
  }
  MarkDescriptor(fd, kInbound);
  if ((g_descriptors.Flags(fd) & kHasCopies) == 0) return socket;
  const uint64_t cookie = SocketCookie(fd);
  for (int each = 0; each < static_cast<int>(g_descriptors.used_end()); ++each) {
    if (each == fd || (g_descriptors.Flags(each) & kHasCopies) == 0 || SocketCookie(each) != cookie) continue;
    Copy(fd, each);
    g_descriptors.SetFlags(each, kInbound);
  }
  return socket;
}

void Inbounds::Copy(int from, int to) {
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  InboundSocket* const socket = sockets_.Get(from);
  std::atomic<InboundSocket*>* const cell = sockets_.Provide(to);
  if (socket == nullptr || cell == nullptr || from == to) return;
  ForgetOne(to);
  ++socket->references;
  cell->store(socket, std::memory_order_release);
}

void Inbounds::Forget(int fd) {
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  ForgetOne(fd);
}

void Inbounds::ForgetOne(int fd) {
  std::atomic<InboundSocket*>* const cell = sockets_.At(fd);
  InboundSocket* const socket =
      cell != nullptr ? cell->exchange(nullptr, std::memory_order_acq_rel) : nullptr;
  if (socket != nullptr) Release(socket);
}

bool Inbounds::BeginTurn(int fd, InboundSocket* socket) {
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  if (socket == nullptr || Find(fd) != socket || socket->is_busy.exchange(true)) return false;
  ++socket->references;
  return true;
}

void Inbounds::EndTurn(InboundSocket* socket) {
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  socket->is_busy = false;
  Release(socket);
}

void Inbounds::Release(InboundSocket* socket) {
  if (--socket->references != 0) return;
  if (socket->own_fd >= 0 && socket->control_fd < 0) RemoveIdle();
  CloseHidden(socket->control_fd.exchange(-1), socket->control_cookie);
  socket->GiveUpClaim();
  CloseHidden(socket->own_fd.exchange(-1), socket->own_cookie);
  socket->handshake = Handshake();
  pool_.Give(socket);
}

}  // namespace socksify
