// SPDX-License-Identifier: BSD-2-Clause
// resolver(3): the functions that take and give DNS messages. libc makes its queries inside itself, so what
// asks about a name that is to be faked is answered here.

#include <netdb.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/cancellation_off.h"
#include "base/socket_address.h"
#include "preload/libc_aliases.h"
#include "preload/name_queries.h"
#include "preload/names.h"
#include "preload/originals.h"
#include "resolver/dns_message.h"

namespace socksify {
namespace {

// The longest message that DNS has.
constexpr size_t kMaxMessage = 65'535;

// What a program gives for the answer.
using Room = std::span<uint8_t>;

// libc's functions can be cancelled, which may not pass through functions that are declared not to throw.
template <typename LibcCall>
int Uncancelled(LibcCall libc_call) {
  const CancellationOff cancellation_off;
  return libc_call();
}

// The resolver's state of this thread, which may not have been set up.
res_state StateOfThread() {
  const res_state state = __res_state();
  if ((state->options & RES_INIT) == 0 && res_ninit(state) != 0) return nullptr;
  return state;
}

// The name servers of resolv.conf(5).
std::vector<Endpoint> ServersOf(res_state state) {
  std::vector<Endpoint> servers;
  if (state == nullptr || ((state->options & RES_INIT) == 0 && res_ninit(state) != 0)) return servers;
  for (int i = 0; i < state->nscount && i < MAXNS; ++i) {
    const auto* address = reinterpret_cast<const sockaddr*>(&state->nsaddr_list[i]);
    socklen_t size = sizeof state->nsaddr_list[i];
    if (state->nsaddr_list[i].sin_family != AF_INET) {
      address = reinterpret_cast<const sockaddr*>(state->_u._ext.nsaddrs[i]);
      size = sizeof *state->_u._ext.nsaddrs[i];
    }
    const auto server = address != nullptr ? EndpointFromSockaddr(address, size) : std::nullopt;
    if (server) servers.push_back(*server);
  }
  return servers;
}

void SetError(res_state state, int error) {
  h_errno = error;
  if (state != nullptr) state->res_h_errno = error;
}

// As res_query(3) judges a response: its size, or -1 with h_errno.
int Judge(res_state state, Room answer, size_t size) {
  const auto summary = SummarizeDnsResponse(answer.first(std::min(size, answer.size())));
  if (!summary) {
    SetError(state, NO_RECOVERY);
    return -1;
  }
  if (summary->rcode == DnsRcode::kNoError && summary->answers > 0) return static_cast<int>(size);
  switch (summary->rcode) {
    case DnsRcode::kNoError: SetError(state, NO_DATA); break;
    case DnsRcode::kNxDomain: SetError(state, HOST_NOT_FOUND); break;
    case DnsRcode::kServFail: SetError(state, TRY_AGAIN); break;
    default: SetError(state, NO_RECOVERY); break;
  }
  return -1;
}

Room RoomOf(unsigned char* answer, int size) {
  return {answer, size > 0 ? static_cast<size_t>(size) : size_t{0}};
}

// What resolver(3) returns: the length of the answer, of which as much as there is room for is given, with TC
// set when that is not all.
QueryAnswer Give(const QueryAnswer& answer, std::span<const uint8_t> whole, Room room) {
  constexpr size_t kFlagsAt = 2;
  constexpr uint8_t kTruncated = 2;
  if (answer.kind != QueryAnswer::Kind::kAnswer) return answer;
  std::memcpy(room.data(), whole.data(), std::min(room.size(), answer.size));
  if (answer.size > room.size() && room.size() > kFlagsAt) room[kFlagsAt] |= kTruncated;
  return answer;
}

// Answers a message into the program's room; kLibc where libc may send it.
QueryAnswer Answer(Runtime* runtime, res_state state, std::span<const uint8_t> query, Room room) {
  const Config* const config = runtime->config();
  std::vector<Endpoint> servers = ServersOf(state);
  if (config != nullptr && !config->settings.name_servers.empty()) servers = config->settings.name_servers;
  std::vector<uint8_t> whole(kMaxMessage);
  const QueryAnswer answer =
      AnswerQuery(runtime, query, {.servers = servers, .may_leave = true, .limit = whole.size()}, whole);
  return Give(answer, whole, room);
}

// res_nquery(3). `state` is null for the thread's own; `original` calls libc's.
template <typename Original>
int QueryName(res_state state, const char* name, int record_class, int type, Room room, Original original) {
  Runtime* const runtime = name != nullptr && !room.empty() ? Runtime::Get() : nullptr;
  if (runtime == nullptr) return original();
  if (state == nullptr) state = StateOfThread();
  std::array<uint8_t, 512> message{};
  // Its number is of no use to anybody: no stranger can answer.
  const size_t size =
      WriteDnsQuery(1, name, static_cast<uint16_t>(type), static_cast<uint16_t>(record_class), 0, message);
  // libc would read escapes in it that no rule has seen.
  if (size == 0) {
    SetError(state, NO_RECOVERY);
    return -1;
  }
  const QueryAnswer answer = Answer(runtime, state, std::span(message).first(size), room);
  switch (answer.kind) {
    case QueryAnswer::Kind::kLibc: return original();
    case QueryAnswer::Kind::kAnswer: return Judge(state, room, answer.size);
    case QueryAnswer::Kind::kNone: break;
  }
  SetError(state, NO_RECOVERY);
  return -1;
}

// res_nsearch(3): no domain is added to a name that is faked, as getaddrinfo(3) adds none.
template <typename Original>
int Search(res_state state, const char* name, int record_class, int type, Room room, Original original) {
  Runtime* const runtime = name != nullptr ? Runtime::Get() : nullptr;
  if (runtime == nullptr) return original();
  if (WayFor(runtime, name) == LookupWay::kLibc && !IsExpandedOutOfTable(runtime, name)) return original();
  return QueryName(state, name, record_class, type, room, original);
}

// res_nquerydomain(3).
template <typename Original>
int QueryDomain(res_state state, const char* name, const char* domain, int record_class, int type, Room room,
                Original original) {
  if (name == nullptr) return original();
  std::string joined = name;
  if (domain != nullptr && !joined.empty() && joined.back() != '.') joined += '.';
  if (domain != nullptr) joined += domain;
  return QueryName(state, joined.c_str(), record_class, type, room, original);
}

// res_nsend(3).
template <typename Original>
int Send(res_state state, const unsigned char* message, int size, Room room, Original original) {
  Runtime* const runtime = message != nullptr && size > 0 && !room.empty() ? Runtime::Get() : nullptr;
  if (runtime == nullptr) return original();
  if (state == nullptr) state = StateOfThread();
  const QueryAnswer answer = Answer(runtime, state, {message, static_cast<size_t>(size)}, room);
  if (answer.kind == QueryAnswer::Kind::kLibc) return original();
  if (answer.kind == QueryAnswer::Kind::kAnswer) return static_cast<int>(answer.size);
  errno = ETIMEDOUT;
  return -1;
}

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT int res_query(const char* name, int record_class, int type, unsigned char* answer,
                              int size) noexcept {
  const auto original = [=] {
    return Uncancelled([&] { return libc::res_query(name, record_class, type, answer, size); });
  };
  return Guarded([&] { return QueryName(nullptr, name, record_class, type, RoomOf(answer, size), original); },
                 -1);
}

SOCKSIFY_EXPORT int res_nquery(res_state state, const char* name, int record_class, int type,
                               unsigned char* answer, int size) noexcept {
  const auto original = [=] {
    return Uncancelled([&] { return libc::res_nquery(state, name, record_class, type, answer, size); });
  };
  return Guarded([&] { return QueryName(state, name, record_class, type, RoomOf(answer, size), original); },
                 -1);
}

SOCKSIFY_EXPORT int res_search(const char* name, int record_class, int type, unsigned char* answer,
                               int size) noexcept {
  const auto original = [=] {
    return Uncancelled([&] { return libc::res_search(name, record_class, type, answer, size); });
  };
  return Guarded([&] { return Search(nullptr, name, record_class, type, RoomOf(answer, size), original); },
                 -1);
}

SOCKSIFY_EXPORT int res_nsearch(res_state state, const char* name, int record_class, int type,
                                unsigned char* answer, int size) noexcept {
  const auto original = [=] {
    return Uncancelled([&] { return libc::res_nsearch(state, name, record_class, type, answer, size); });
  };
  return Guarded([&] { return Search(state, name, record_class, type, RoomOf(answer, size), original); }, -1);
}

SOCKSIFY_EXPORT int res_querydomain(const char* name, const char* domain, int record_class, int type,
                                    unsigned char* answer, int size) noexcept {
  const auto original = [=] {
    return Uncancelled([&] { return libc::res_querydomain(name, domain, record_class, type, answer, size); });
  };
  return Guarded(
      [&] { return QueryDomain(nullptr, name, domain, record_class, type, RoomOf(answer, size), original); },
      -1);
}

SOCKSIFY_EXPORT int res_nquerydomain(res_state state, const char* name, const char* domain, int record_class,
                                     int type, unsigned char* answer, int size) noexcept {
  const auto original = [=] {
    return Uncancelled(
        [&] { return libc::res_nquerydomain(state, name, domain, record_class, type, answer, size); });
  };
  return Guarded(
      [&] { return QueryDomain(state, name, domain, record_class, type, RoomOf(answer, size), original); },
      -1);
}

SOCKSIFY_EXPORT int res_send(const unsigned char* message, int message_size, unsigned char* answer,
                             int size) noexcept {
  const auto original = [=] {
    return Uncancelled([&] { return libc::res_send(message, message_size, answer, size); });
  };
  return Guarded([&] { return Send(nullptr, message, message_size, RoomOf(answer, size), original); }, -1);
}

SOCKSIFY_EXPORT int res_nsend(res_state state, const unsigned char* message, int message_size,
                              unsigned char* answer, int size) noexcept {
  const auto original = [=] {
    return Uncancelled([&] { return libc::res_nsend(state, message, message_size, answer, size); });
  };
  return Guarded([&] { return Send(state, message, message_size, RoomOf(answer, size), original); }, -1);
}

// The names that they had before they moved from libresolv to libc, which older programs ask for.
SOCKSIFY_EXPORT int __res_query(const char* name, int record_class, int type, unsigned char* answer,
                                int size) {
  return res_query(name, record_class, type, answer, size);
}
SOCKSIFY_EXPORT int __res_nquery(res_state state, const char* name, int record_class, int type,
                                 unsigned char* answer, int size) {
  return res_nquery(state, name, record_class, type, answer, size);
}
SOCKSIFY_EXPORT int __res_search(const char* name, int record_class, int type, unsigned char* answer,
                                 int size) {
  return res_search(name, record_class, type, answer, size);
}
SOCKSIFY_EXPORT int __res_nsearch(res_state state, const char* name, int record_class, int type,
                                  unsigned char* answer, int size) {
  return res_nsearch(state, name, record_class, type, answer, size);
}
SOCKSIFY_EXPORT int __res_querydomain(const char* name, const char* domain, int record_class, int type,
                                      unsigned char* answer, int size) {
  return res_querydomain(name, domain, record_class, type, answer, size);
}
SOCKSIFY_EXPORT int __res_nquerydomain(res_state state, const char* name, const char* domain,
                                       int record_class, int type, unsigned char* answer, int size) {
  return res_nquerydomain(state, name, domain, record_class, type, answer, size);
}
SOCKSIFY_EXPORT int __res_send(const unsigned char* message, int message_size, unsigned char* answer,
                               int size) {
  return res_send(message, message_size, answer, size);
}
SOCKSIFY_EXPORT int __res_nsend(res_state state, const unsigned char* message, int message_size,
                                unsigned char* answer, int size) {
  return res_nsend(state, message, message_size, answer, size);
}
