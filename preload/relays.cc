// SPDX-License-Identifier: BSD-2-Clause
#include "preload/relays.h"

#include <time.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>

#include "preload/connections.h"
#include "preload/hidden_descriptors.h"
#include "preload/runtime.h"

namespace socksify {

constinit Relays g_relays;

long long CoarseMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<long long>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

namespace {

// How long proxies are given to read what was sent to them before the connection ends.
constexpr long long kLingerMs = 1000;
constexpr long long kExitMs = 10;

bool AreSameHosts(const sockaddr_in6& address, const SocketAddress& other) {
  if (address.sin6_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return v4.sin_addr.s_addr == other.v4.sin_addr.s_addr;
  }
  return std::memcmp(&address.sin6_addr, &other.v6.sin6_addr, sizeof address.sin6_addr) == 0;
}

// The port is at the same place in both families.
static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));

bool IsFrom(const SocketAddress& source, const RelayData& relay) {
  if (relay.address.sin6_family != source.generic.sa_family) return false;
  if (!relay.is_direct && relay.address.sin6_port != source.v6.sin6_port) return false;
  return AreSameHosts(relay.address, source);
}

// Never 0.
uint32_t HashOf(const SocketAddress& address) {
  const bool is_v4 = address.generic.sa_family == AF_INET;
  const auto* const bytes = is_v4 ? reinterpret_cast<const char*>(&address.v4.sin_addr)
                                  : reinterpret_cast<const char*>(&address.v6.sin6_addr);
  const size_t hash = std::hash<std::string_view>()({bytes, is_v4 ? sizeof(in_addr) : sizeof(in6_addr)});
  return (static_cast<uint32_t>(hash ^ hash >> 32) * 31 + address.v6.sin6_port) | 1;
}

// The oldest of what has ended makes way.
void RememberEnded(RelayedSocket* socket, const RelayData& data) {
  Versioned<RelayData>& place = socket->ended[socket->next_ended];
  socket->next_ended = (socket->next_ended + 1) % RelayedSocket::kMaxEnded;
  RelayData oldest;
  if (place.Read(&oldest) && oldest.address_size != 0 && !oldest.is_direct) {
    SocketAddress address{};
    std::memcpy(&address, &oldest.address, sizeof oldest.address);
    const size_t count = socket->forgotten_count.load(std::memory_order_relaxed);
    socket->forgotten[count % RelayedSocket::kMaxForgotten] = HashOf(address);
    socket->forgotten_count = count + 1;
  }
  place.Write(data);
}

}  // namespace

RelayedSocket* Relays::Provide(int fd, int family) {
  if (RelayedSocket* const known = Find(fd)) return known;
  const SignalsBlocked blocked;
  RelayedSocket* socket = nullptr;
  {
    const LeafGuard guard(&lock_, blocked);
    std::atomic<RelayedSocket*>* const cell = sockets_.Provide(fd);
    socket = cell != nullptr ? cell->load(std::memory_order_relaxed) : nullptr;
    if (socket != nullptr || cell == nullptr) return socket;
    socket = socket_pool_.Take();
    if (socket == nullptr) return nullptr;
    socket->references = 1;
    socket->family = family;
    socket->next_ended = 0;
    socket->forgotten_count = 0;
    for (Versioned<RelayData>& each : socket->ended) each.Write({});
    socket->is_corked = false;
    socket->has_queued = false;
    for (std::atomic<uint32_t>& each : socket->reported) each = 0;
    socket->header_size = 0;
    socket->step_limit_ms = RelayedSocket::kNoLimit;
    socket->connected_to = nullptr;
    cell->store(socket, std::memory_order_release);
  }
  g_descriptors.SetFlags(fd, kRelayed);
  if ((g_descriptors.Flags(fd) & kHasCopies) == 0) return socket;
  const uint64_t cookie = SocketCookie(fd);
  for (int each = 0; each < static_cast<int>(g_descriptors.used_end()); ++each) {
    if (each == fd || (g_descriptors.Flags(each) & kHasCopies) == 0 || SocketCookie(each) != cookie) continue;
    Copy(fd, each);
    g_descriptors.SetFlags(each, kRelayed);
  }
  return socket;
}

void Relays::Copy(int from, int to) {
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  RelayedSocket* const socket = sockets_.Get(from);
  std::atomic<RelayedSocket*>* const cell = sockets_.Provide(to);
  if (socket == nullptr || cell == nullptr || from == to) return;
  ForgetOne(to);
  ++socket->references;
  cell->store(socket, std::memory_order_release);
}

void Relays::Forget(int fd) {
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  ForgetOne(fd);
}

void Relays::ForgetOne(int fd) {
  std::atomic<RelayedSocket*>* const cell = sockets_.At(fd);
  RelayedSocket* const socket =
      cell != nullptr ? cell->exchange(nullptr, std::memory_order_acq_rel) : nullptr;
  if (socket == nullptr || --socket->references != 0) return;
  DropRelays(socket);
  socket_pool_.Give(socket);
}

void Relays::DropRelays(RelayedSocket* socket) {
  ++socket->generation;
  socket->oldest = 0;
  for (std::atomic<Relay*>& each : socket->relays) {
    Relay* const relay = each.exchange(nullptr, std::memory_order_acq_rel);
    if (relay == nullptr) continue;
    RelayData data;
    if (relay->data.Read(&data)) Close(socket, *relay, data);
    relay->data.Write({});
    relay_pool_.Give(relay);
  }
}

void Relays::NoteDisconnected(int fd, bool keeps_port) {
  RelayedSocket* const socket = Find(fd);
  if (socket == nullptr) return;
  socket->connected_to = nullptr;
  ++socket->generation;
  if (keeps_port) return;
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  DropRelays(socket);
}

Relay* Relays::FindRelay(const RelayedSocket& socket, const RelayKey& key, RelayData* out) {
  for (const std::atomic<Relay*>& each : socket.relays) {
    Relay* const relay = each.load(std::memory_order_acquire);
    if (relay == nullptr) return nullptr;
    if (relay->data.Read(out) && out->key == key) return relay;
  }
  return nullptr;
}

bool Relays::FindSource(const RelayedSocket& socket, const SocketAddress& source, RelayData* out) {
  for (const std::atomic<Relay*>& each : socket.relays) {
    Relay* const relay = each.load(std::memory_order_acquire);
    if (relay == nullptr) break;
    if (relay->data.Read(out) && IsFrom(source, *out)) return true;
  }
  return std::ranges::any_of(socket.ended, [&](const Versioned<RelayData>& each) {
    return each.Read(out) && out->address_size != 0 && IsFrom(source, *out);
  });
}

bool Relays::IsForgotten(const RelayedSocket& socket, const SocketAddress& source) {
  const size_t count = std::min(socket.forgotten_count.load(), RelayedSocket::kMaxForgotten);
  if (count == 0) return false;
  const uint32_t hash = HashOf(source);
  return std::any_of(socket.forgotten.begin(), socket.forgotten.begin() + count,
                     [hash](const std::atomic<uint32_t>& each) { return each == hash; });
}

Relay* Relays::Enter(RelayedSocket* socket, const RelayData& data, uint64_t ended_cookie) {
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  std::atomic<Relay*>* place = nullptr;
  RelayData old;
  for (std::atomic<Relay*>& each : socket->relays) {
    Relay* const relay = each.load(std::memory_order_relaxed);
    const bool is_free = relay == nullptr;
    if (!is_free && !(relay->data.Read(&old) && old.key == data.key)) continue;
    if (!is_free && old.control_cookie != ended_cookie) {
      CloseHidden(data.control_fd, data.control_cookie);
      return relay;
    }
    place = &each;
    break;
  }
  if (place == nullptr) {
    place = &socket->relays[socket->oldest];
    socket->oldest = (socket->oldest + 1) % RelayedSocket::kMaxRelays;
    place->load(std::memory_order_relaxed)->data.Read(&old);
  }
  Relay* relay = place->load(std::memory_order_relaxed);
  FakeTable* const table = Runtime::OpenedFakeTable();
  if (data.key.is_for_name && table != nullptr) table->Hold(data.key.fake);
  if (relay != nullptr) {
    Close(socket, *relay, old);
  } else {
    relay = relay_pool_.Take();
  }
  if (relay == nullptr) {
    if (data.key.is_for_name && table != nullptr) table->Release(data.key.fake);
    CloseHidden(data.control_fd, data.control_cookie);
    return nullptr;
  }
  relay->data.Write(data);
  ++socket->generation;
  place->store(relay, std::memory_order_release);
  return relay;
}

void Relays::Close(RelayedSocket* socket, const Relay& relay, const RelayData& data) {
  RememberEnded(socket, data);
  const long long until_ms = relay.used_ms.load(std::memory_order_relaxed) + kLingerMs;
  if (CoarseMs() < until_ms) {
    Linger(data, until_ms);
  } else {
    CloseHidden(data.control_fd, data.control_cookie);
  }
  FakeTable* const table = Runtime::OpenedFakeTable();
  if (data.key.is_for_name && table != nullptr) table->Release(data.key.fake);
}

void Relays::Remember(Versioned<KnownPath>* place, const KnownPath& known) {
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  place->Write(known);
}

void Relays::Linger(const RelayData& data, long long until_ms) {
  if (data.control_fd < 0) return;
  const long long now_ms = CoarseMs();
  for (Lingering& each : lingering_) {
    if (each.cookie == 0 || now_ms < each.until_ms) continue;
    CloseHidden(each.fd, each.cookie);
    each.cookie = 0;
  }
  Lingering& place = lingering_[next_lingering_];
  next_lingering_ = (next_lingering_ + 1) % lingering_.size();
  if (place.cookie != 0) CloseHidden(place.fd, place.cookie);
  place = {.fd = data.control_fd, .cookie = data.control_cookie, .until_ms = until_ms};
}

void Relays::AfterFork() {
  socket_pool_.ForEach([](RelayedSocket* socket) {
    socket->connected_to = nullptr;
    ++socket->generation;
  });
}

void Relays::BeforeExit() {
  long long last_ms = 0;
  relay_pool_.ForEach([&](Relay* relay) { last_ms = std::max(last_ms, relay->used_ms.load()); });
  const long long left_ms = last_ms + kExitMs - CoarseMs();
  if (left_ms <= 0 || left_ms > kExitMs) return;
  const timespec pause = {.tv_sec = 0, .tv_nsec = static_cast<long>(left_ms) * 1'000'000};
  nanosleep(&pause, nullptr);
}

std::optional<int> Relays::PausedError(const Rule* rule, long long now_ms) {
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  for (const Paused& each : paused_) {
    if (each.rule == rule && now_ms < each.until_ms) return each.error;
  }
  return std::nullopt;
}

void Relays::Pause(const Rule* rule, int error, long long until_ms) {
  const SignalsBlocked blocked;
  const LeafGuard guard(&lock_, blocked);
  Paused* place = &paused_[next_paused_];
  for (Paused& each : paused_) {
    if (each.rule == rule) place = &each;
  }
  if (place == &paused_[next_paused_]) next_paused_ = (next_paused_ + 1) % paused_.size();
  *place = {.rule = rule, .error = error, .until_ms = until_ms};
}

}  // namespace socksify
