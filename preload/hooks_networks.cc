// SPDX-License-Identifier: BSD-2-Clause
// getnetbyname(3), getnetbyaddr(3) and their reentrant forms: libc asks name servers for networks too, about
// names as programs give them and about addresses. Where it must not, the networks of this machine
// (/etc/networks) are all there is. libc's enumeration knows exactly those; DNS has none (nsswitch.conf(5)).

#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "preload/names.h"
#include "preload/originals.h"

namespace socksify {
namespace {

// Room for one entry of /etc/networks, aliases and all.
constexpr size_t kStaticSize = 1024;

struct StaticEntry {
  netent entry{};
  char buffer[kStaticSize]{};
};
constinit StaticEntry g_by_name;
constinit StaticEntry g_by_address;

bool HasName(const netent& entry, const char* name) {
  if (strcasecmp(entry.n_name, name) == 0) return true;
  for (char** alias = entry.n_aliases; *alias != nullptr; ++alias) {
    if (strcasecmp(*alias, name) == 0) return true;
  }
  return false;
}

// The first network of this machine that `is_wanted`, as getnetbyname_r(3) says it. A program that enumerates
// the networks meanwhile begins anew.
template <typename IsWanted>
int FindOwn(IsWanted is_wanted, netent* entry, std::span<char> buffer, netent** result, int* h_errnop) {
  setnetent(0);
  int value = 0;
  do {
    value = getnetent_r(entry, buffer.data(), buffer.size(), result, h_errnop);
  } while (value == 0 && *result != nullptr && !is_wanted(**result));
  endnetent();
  if (value == ERANGE) {
    *h_errnop = NETDB_INTERNAL;
    errno = value;
    return value;
  }
  if (value != 0) *result = nullptr;
  if (*result == nullptr) *h_errnop = HOST_NOT_FOUND;
  return 0;
}

bool MayAskForName(const char* name) {
  Runtime* const runtime = name != nullptr ? Runtime::Get() : nullptr;
  if (runtime == nullptr) return true;
  const LookupWay way = WayFor(runtime, name);
  return way == LookupWay::kLibc || way == LookupWay::kLibcThenFake;
}

// `network` in host byte order.
bool MayAskForNetwork(uint32_t network, int family) {
  Runtime* const runtime = family == AF_INET ? Runtime::Get() : nullptr;
  return runtime == nullptr || MayAskForNameOf(runtime, IpAddress::V4(network));
}

int OwnByName(const char* name, netent* entry, std::span<char> buffer, netent** result, int* h_errnop) {
  return FindOwn([=](const netent& found) { return HasName(found, name); }, entry, buffer, result, h_errnop);
}

int OwnByAddress(uint32_t network, netent* entry, std::span<char> buffer, netent** result, int* h_errnop) {
  const auto is_wanted = [=](const netent& found) {
    return found.n_addrtype == AF_INET && found.n_net == network;
  };
  return FindOwn(is_wanted, entry, buffer, result, h_errnop);
}

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT netent* getnetbyname(const char* name) {
  return Guarded(
      [&]() -> netent* {
        if (MayAskForName(name)) return libc::getnetbyname(name);
        netent* found = nullptr;
        OwnByName(name, &g_by_name.entry, g_by_name.buffer, &found, &h_errno);
        return found;
      },
      static_cast<netent*>(nullptr));
}

SOCKSIFY_EXPORT int getnetbyname_r(const char* name, netent* entry, char* buffer, size_t size,
                                   netent** result, int* h_errnop) {
  *result = nullptr;
  return Guarded(
      [&] {
        return MayAskForName(name) ? libc::getnetbyname_r(name, entry, buffer, size, result, h_errnop)
                                   : OwnByName(name, entry, {buffer, size}, result, h_errnop);
      },
      ENOMEM);
}

SOCKSIFY_EXPORT netent* getnetbyaddr(uint32_t network, int family) {
  return Guarded(
      [&]() -> netent* {
        if (MayAskForNetwork(network, family)) return libc::getnetbyaddr(network, family);
        netent* found = nullptr;
        OwnByAddress(network, &g_by_address.entry, g_by_address.buffer, &found, &h_errno);
        return found;
      },
      static_cast<netent*>(nullptr));
}

SOCKSIFY_EXPORT int getnetbyaddr_r(uint32_t network, int family, netent* entry, char* buffer, size_t size,
                                   netent** result, int* h_errnop) {
  *result = nullptr;
  return Guarded(
      [&] {
        return MayAskForNetwork(network, family)
                   ? libc::getnetbyaddr_r(network, family, entry, buffer, size, result, h_errnop)
                   : OwnByAddress(network, entry, {buffer, size}, result, h_errnop);
      },
      ENOMEM);
}
