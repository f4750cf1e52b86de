// SPDX-License-Identifier: BSD-2-Clause
#include "preload/descriptor_table.h"

namespace socksify {

// Without the lock: a program that sets an option pays for no more than that.
bool DescriptorTable::SetFlags(int fd, unsigned flags) {
  std::atomic<uint32_t>* const cell = flags_.Provide(fd);
  if (cell == nullptr) return false;
  NoteUse(static_cast<unsigned>(fd));
  PauseAtRandom();
  const bool is_special = (flags & kSpecialFlags) != 0;
  // Before the flags can be seen.
  if (is_special) specials_.Add();
  const uint32_t before = cell->fetch_or(flags, std::memory_order_acq_rel);
  if (is_special && (before & kSpecialFlags) != 0) specials_.Remove();
  return true;
}

void DescriptorTable::ClearFlags(int fd, unsigned flags) {
  if ((Flags(fd) & flags) == 0) return;
  PauseAtRandom();
  const uint32_t before = flags_.At(fd)->fetch_and(~flags, std::memory_order_acq_rel);
  if ((before & kSpecialFlags) != 0 && (before & ~flags & kSpecialFlags) == 0) specials_.Remove();
}

void DescriptorTable::NoteUse(unsigned index) {
  unsigned end = used_end_.load(std::memory_order_relaxed);
  while (end <= index && !used_end_.compare_exchange_weak(end, index + 1)) {
  }
}

bool DescriptorTable::Record(int fd, const Connection& connection, const SignalsBlocked& blocked) {
  std::atomic<Slot*>* const cell = slots_.Provide(fd);
  if (cell == nullptr || !SetFlags(fd, 0)) return false;
  const LeafGuard guard(&lock_, blocked);
  DropConnection(fd);
  Slot* const slot = TakeSlot();
  if (slot == nullptr) return false;
  slot->connection.Write(connection);
  slot->references.store(1, std::memory_order_relaxed);
  // From the store on another thread may drop it.
  if (observer_.begun != nullptr) observer_.begun(connection);
  cell->store(slot, std::memory_order_release);
  SetFlags(fd, kHasConnection);
  return true;
}

void DescriptorTable::Update(int fd, const Connection& connection, const SignalsBlocked& blocked) {
  const LeafGuard guard(&lock_, blocked);
  if (Slot* const slot = slots_.Get(fd)) slot->connection.Write(connection);
}

bool DescriptorTable::Identify(int fd, uint64_t cookie, const SignalsBlocked& blocked) {
  const LeafGuard guard(&lock_, blocked);
  Slot* const slot = slots_.Get(fd);
  Connection connection;
  if (slot == nullptr || !slot->connection.Read(&connection) || connection.cookie != 0) return false;
  connection.cookie = cookie;
  slot->connection.Write(connection);
  return true;
}

void DescriptorTable::Unrecord(int fd, const SignalsBlocked& blocked) {
  const LeafGuard guard(&lock_, blocked);
  DropConnection(fd);
}

std::optional<Connection> DescriptorTable::Find(int fd) const {
  if ((Flags(fd) & kHasConnection) == 0) return std::nullopt;
  const Slot* const slot = slots_.Get(fd);
  Connection connection;
  if (slot == nullptr || !slot->connection.Read(&connection)) return std::nullopt;
  return connection;
}

std::optional<Endpoint> DescriptorTable::PeerOfReportedAddress(const SocketAddress& address,
                                                               socklen_t size) const {
  const std::optional<Endpoint> wanted = EndpointFromSockaddr(&address.generic, size);
  if (!wanted) return std::nullopt;
  const unsigned end = used_end_.load(std::memory_order_acquire);
  for (unsigned fd = 0; fd < end; ++fd) {
    const std::optional<Connection> connection = Find(static_cast<int>(fd));
    if (!connection || connection->bound_size == 0) continue;
    const auto bound = EndpointFromSockaddr(&connection->bound.generic, connection->bound_size);
    if (bound && bound->ip().Unmapped() == wanted->ip().Unmapped())
      return EndpointFromSockaddr(&connection->peer.generic, connection->peer_size);
  }
  return std::nullopt;
}

uint32_t DescriptorTable::Sharers(int fd) {
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  const Slot* const slot = slots_.Get(fd);
  return slot != nullptr ? slot->references.load(std::memory_order_relaxed) : 0;
}

void DescriptorTable::Duplicate(int from, int to) {
  if (from == to || (Flags(from) | Flags(to)) == 0) return;
  std::atomic<Slot*>* const cell = slots_.Provide(to);
  if (cell == nullptr || !SetFlags(to, 0)) return Drop(to);
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  Drop(to);
  Slot* const slot = slots_.Get(from);
  const bool has_connection = slot != nullptr && Refer(slot);
  if (has_connection) cell->store(slot, std::memory_order_release);
  // A pending connection is copied by its own table.
  const unsigned flags = Flags(from) & ~(kPending | kHasConnection);
  SetFlags(to, flags | (has_connection ? unsigned{kHasConnection} : 0U));
}

void DescriptorTable::Share(int from, int to, const SignalsBlocked& blocked) {
  std::atomic<Slot*>* const cell = slots_.Provide(to);
  if (from == to || cell == nullptr) return;
  const LeafGuard guard(&lock_, blocked);
  Slot* const slot = slots_.Get(from);
  if (slot == nullptr || cell->load(std::memory_order_relaxed) != nullptr || !Refer(slot)) return;
  cell->store(slot, std::memory_order_release);
  SetFlags(to, kHasConnection);
}

// Under the lock. What has been given back meanwhile comes into the pool first.
DescriptorTable::Slot* DescriptorTable::TakeSlot() {
  Slot* rest = given_back_.exchange(nullptr, std::memory_order_acquire);
  while (rest != nullptr) {
    Slot* const slot = rest;
    rest = slot->next_free;
    pool_.Give(slot);
  }
  return pool_.Take();
}

bool DescriptorTable::Refer(Slot* slot) {
  uint32_t references = slot->references.load(std::memory_order_relaxed);
  while (references != 0 && !slot->references.compare_exchange_weak(references, references + 1)) {
  }
  return references != 0;
}

void DescriptorTable::Drop(int fd) {
  ClearFlags(fd, ~0U);
  DropSlot(fd);
}

// The other flags are never away: who looks meanwhile would take a pending connection for the kernel's.
void DescriptorTable::DropConnection(int fd) {
  ClearFlags(fd, kHasConnection);
  DropSlot(fd);
}

// The slot's version moves on, so that a reader who holds a pointer to it notices.
void DescriptorTable::DropSlot(int fd) {
  std::atomic<Slot*>* const cell = slots_.At(fd);
  Slot* const slot = cell != nullptr ? cell->exchange(nullptr, std::memory_order_acq_rel) : nullptr;
  if (slot == nullptr || slot->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  TellEnd(*slot);
  slot->connection.Touch();
  slot->next_free = given_back_.load(std::memory_order_relaxed);
  while (!given_back_.compare_exchange_weak(slot->next_free, slot, std::memory_order_release,
                                            std::memory_order_relaxed)) {
  }
}

void DescriptorTable::TellEnd(const Slot& slot) const {
  Connection connection;
  if (observer_.ended != nullptr && slot.connection.Read(&connection)) observer_.ended(connection);
}

}  // namespace socksify
