// SPDX-License-Identifier: BSD-2-Clause
#include "preload/descriptor_table.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace socksify {
namespace {

void* Reserve(size_t bytes) {
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

unsigned DescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return DescriptorTable::kMaxDescriptors;
  return static_cast<unsigned>(std::min<rlim_t>(limit.rlim_max, DescriptorTable::kMaxDescriptors));
}

}  // namespace

bool DescriptorTable::Prepare() {
  if (size_.load(std::memory_order_acquire) != 0) return true;
  const LeafGuard guard(&lock_);
  if (size_.load(std::memory_order_relaxed) != 0) return true;
  const unsigned size = DescriptorLimit();
  // Fresh pages are zero, which is the value that both kinds of atomic start with.
  auto* const flags = static_cast<std::atomic<uint8_t>*>(Reserve(size * sizeof *flags_));
  auto* const slots = static_cast<std::atomic<Slot*>*>(Reserve(size * sizeof *slots_));
  if (flags == nullptr || slots == nullptr) {
    if (flags != nullptr) munmap(flags, size * sizeof *flags_);
    if (slots != nullptr) munmap(slots, size * sizeof *slots_);
    return false;
  }
  flags_ = flags;
  slots_ = slots;
  size_.store(size, std::memory_order_release);
  return true;
}

// Without the lock: a program that sets an option pays for no more than that.
void DescriptorTable::SetFlag(int fd, DescriptorFlag flag) {
  if (fd < 0 || !Prepare() || !Covers(fd)) return;
  NoteUse(static_cast<unsigned>(fd));
  flags_[fd].fetch_or(flag, std::memory_order_relaxed);
}

void DescriptorTable::NoteUse(unsigned index) {
  unsigned end = used_end_.load(std::memory_order_relaxed);
  while (end <= index && !used_end_.compare_exchange_weak(end, index + 1)) {
  }
}

void DescriptorTable::ClearFlag(int fd, DescriptorFlag flag) {
  if (Flags(fd) == 0) return;
  flags_[fd].fetch_and(static_cast<uint8_t>(~flag), std::memory_order_relaxed);
}

bool DescriptorTable::Record(int fd, const Connection& connection) {
  if (fd < 0 || !Prepare() || !Covers(fd)) return false;
  const LeafGuard guard(&lock_);
  Release(static_cast<unsigned>(fd));
  Slot* const slot = Allocate();
  if (slot == nullptr) return false;
  Write(connection, slot);
  slot->references = 1;
  slot->version.fetch_add(1, std::memory_order_release);
  slots_[fd].store(slot, std::memory_order_release);
  flags_[fd].fetch_or(kHasConnection, std::memory_order_release);
  NoteUse(static_cast<unsigned>(fd));
  return true;
}

std::optional<Connection> DescriptorTable::Find(int fd) const {
  if ((Flags(fd) & kHasConnection) == 0) return std::nullopt;
  const Slot* const slot = slots_[fd].load(std::memory_order_acquire);
  Connection connection;
  if (slot == nullptr || !Read(*slot, &connection)) return std::nullopt;
  return connection;
}

bool DescriptorTable::IsReportedLocalAddress(const SocketAddress& address, socklen_t size) const {
  const std::optional<Endpoint> wanted = EndpointFromSockaddr(&address.generic, size);
  if (!wanted) return false;
  const unsigned end = used_end_.load(std::memory_order_acquire);
  for (unsigned fd = 0; fd < end; ++fd) {
    const std::optional<Connection> connection = Find(static_cast<int>(fd));
    if (!connection || connection->bound_size == 0) continue;
    const auto bound = EndpointFromSockaddr(&connection->bound.generic, connection->bound_size);
    if (bound && bound->ip().Unmapped() == wanted->ip().Unmapped()) return true;
  }
  return false;
}

void DescriptorTable::Duplicate(int from, int to) {
  if (from == to) return;
  const uint8_t flags = Flags(from);
  if (flags == 0 && Flags(to) == 0) return;
  if (!Covers(from) || !Covers(to)) return Drop(to);
  const LeafGuard guard(&lock_);
  Release(static_cast<unsigned>(to));
  Slot* const slot = slots_[from].load(std::memory_order_relaxed);
  if (slot != nullptr) ++slot->references;
  slots_[to].store(slot, std::memory_order_release);
  flags_[to].store(flags_[from].load(std::memory_order_relaxed), std::memory_order_release);
  NoteUse(static_cast<unsigned>(to));
}

void DescriptorTable::Drop(int fd) {
  const uint8_t flags = Flags(fd);
  if (flags == 0) return;
  if ((flags & kHasConnection) == 0) {
    flags_[fd].store(0, std::memory_order_relaxed);
    return;
  }
  const LeafGuard guard(&lock_);
  Release(static_cast<unsigned>(fd));
}

void DescriptorTable::DropRange(unsigned first, unsigned last) {
  const unsigned end = used_end_.load(std::memory_order_acquire);
  if (first >= end) return;
  const LeafGuard guard(&lock_);
  for (unsigned fd = first; fd < end && fd <= last; ++fd) {
    if (flags_[fd].load(std::memory_order_relaxed) != 0) Release(fd);
  }
}

DescriptorTable::Slot* DescriptorTable::Allocate() {
  if (free_ == nullptr) {
    constexpr size_t kBatch = 16;
    auto* const memory = static_cast<Slot*>(Reserve(kBatch * sizeof(Slot)));
    if (memory == nullptr) return nullptr;
    for (size_t i = 0; i < kBatch; ++i) {
      Slot* const slot = new (memory + i) Slot;
      slot->next_free = free_;
      free_ = slot;
    }
  }
  Slot* const slot = free_;
  free_ = slot->next_free;
  slot->version.fetch_add(1, std::memory_order_acq_rel);
  return slot;
}

// Forgets what descriptor `index` is. The slot's version moves on, so that a reader who holds a pointer to it
// notices.
void DescriptorTable::Release(unsigned index) {
  flags_[index].store(0, std::memory_order_release);
  Slot* const slot = slots_[index].exchange(nullptr, std::memory_order_acq_rel);
  if (slot == nullptr || --slot->references != 0) return;
  slot->version.fetch_add(2, std::memory_order_acq_rel);
  slot->next_free = free_;
  free_ = slot;
}

// Between two steps of the version; each word is released so that none is seen before the first step.
void DescriptorTable::Write(const Connection& connection, Slot* slot) {
  std::array<uint64_t, kWords> words{};
  std::memcpy(words.data(), &connection, sizeof connection);
  for (size_t i = 0; i < kWords; ++i) slot->words[i].store(words[i], std::memory_order_release);
}

bool DescriptorTable::Read(const Slot& slot, Connection* out) {
  std::array<uint64_t, kWords> words{};
  for (int tries = 0; tries < 1000; ++tries) {
    const uint32_t before = slot.version.load(std::memory_order_acquire);
    if ((before & 1) != 0) continue;
    for (size_t i = 0; i < kWords; ++i) words[i] = slot.words[i].load(std::memory_order_acquire);
    if (slot.version.load(std::memory_order_relaxed) != before) continue;
    std::memcpy(static_cast<void*>(out), words.data(), sizeof *out);
    return true;
  }
  return false;
}

}  // namespace socksify
