// SPDX-License-Identifier: BSD-2-Clause
// getaddrinfo(3) and getnameinfo(3). Results are made by libc itself from the numeric form of the fake
// address, or as libc makes them (addrinfo_entry.h), so that freeaddrinfo(3) stays libc's.

#include <netdb.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/socket_address.h"
#include "preload/addrinfo_entry.h"
#include "preload/names.h"
#include "preload/originals.h"
#include "preload/real_names.h"
#include "resolver/local_names.h"

namespace socksify {
namespace {

// What a look-up without an answer says, as EAI_ code; EAI_SYSTEM leaves errno to tell more.
int LookupErrorOf(int error) {
  if (error == EINVAL) return EAI_NONAME;
  if (error == ENOMEM) return EAI_MEMORY;
  errno = error;
  return EAI_SYSTEM;
}

// What libc makes of the numeric form of `address`: its families and how it would map or encode a name do not
// matter, since the address is reached by way of a proxy (AI_ADDRCONFIG), or was asked for in this form.
int NumericAddrInfo(const IpAddress& address, const char* service, const addrinfo* hints,
                    addrinfo** results) {
  constexpr int kAboutNames = AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL | AI_IDN | AI_CANONIDN | AI_CANONNAME;
  addrinfo numeric{};
  if (hints != nullptr) {
    numeric.ai_flags = hints->ai_flags & ~kAboutNames;
    numeric.ai_socktype = hints->ai_socktype;
    numeric.ai_protocol = hints->ai_protocol;
  }
  numeric.ai_flags |= AI_NUMERICHOST;
  numeric.ai_family = address.is_v4() ? AF_INET : AF_INET6;
  return libc::getaddrinfo(address.ToString().c_str(), service, &numeric, results);
}

// The list that a program gets for `addresses`, in their order.
int MakeAddrInfo(std::span<const IpAddress> addresses, const char* node, const char* service,
                 const addrinfo* hints, addrinfo** results) {
  addrinfo* first = nullptr;
  addrinfo** last = &first;
  for (const IpAddress& address : addresses) {
    *last = MakeSingleEntry(address, service, hints);
    const int result = *last != nullptr ? 0 : NumericAddrInfo(address, service, hints, last);
    if (result != 0) {
      if (first != nullptr) freeaddrinfo(first);
      return result;
    }
    // freeaddrinfo(3) frees entry by entry, so that lists may be joined.
    for (; *last != nullptr; last = &(*last)->ai_next) (*last)->ai_flags = ShownFlags(hints);
  }
  if (hints != nullptr && (hints->ai_flags & AI_CANONNAME) != 0) {
    first->ai_canonname = strdup(node);
    if (first->ai_canonname == nullptr) {
      freeaddrinfo(first);
      return EAI_MEMORY;
    }
  }
  *results = first;
  return 0;
}

// The family asked for is the family returned; where none is, the configuration says.
FakeFamily FamilyFor(Runtime* runtime, const addrinfo* hints) {
  if (hints != nullptr && hints->ai_family == AF_INET6) return FakeFamily::kIpv6;
  if (hints != nullptr && hints->ai_family == AF_INET) return FakeFamily::kIpv4;
  const Config* const config = runtime->config();
  return config != nullptr ? config->settings.fake_family : FakeFamily::kIpv4;
}

int FakeAddrInfo(Runtime* runtime, const char* node, const char* service, const addrinfo* hints,
                 addrinfo** results) {
  const FakeFamily family = FamilyFor(runtime, hints);
  IpAddress addresses[2];
  size_t count = 0;
  for (const IpVersion version : {IpVersion::kV4, IpVersion::kV6}) {
    if (family == (version == IpVersion::kV4 ? FakeFamily::kIpv6 : FakeFamily::kIpv4)) continue;
    const auto address = FakeAddressFor(runtime, node, version);
    if (!address) return LookupErrorOf(address.error());
    addresses[count++] = *address;
  }
  return MakeAddrInfo(std::span<const IpAddress>(addresses).first(count), node, service, hints, results);
}

int RealAddrInfo(Runtime* runtime, const char* node, const char* service, const addrinfo* hints,
                 addrinfo** results) {
  const int family = hints != nullptr ? hints->ai_family : AF_UNSPEC;
  const int flags = hints != nullptr ? hints->ai_flags : 0;
  const bool maps = family == AF_INET6 && (flags & AI_V4MAPPED) != 0;
  LookupFamily wanted = family == AF_INET ? LookupFamily::kV4 : LookupFamily::kV6;
  if (family == AF_UNSPEC || (maps && (flags & AI_ALL) != 0)) wanted = LookupFamily::kBoth;
  auto addresses = RealAddressesOf(runtime, node, wanted);
  if (!addresses && addresses.error() == LookupError::kNoAddress && maps)
    addresses = RealAddressesOf(runtime, node, LookupFamily::kV4);
  if (!addresses) {
    switch (addresses.error()) {
      case LookupError::kNoName: return EAI_NONAME;
      case LookupError::kNoAddress: return EAI_NODATA;
      case LookupError::kTryAgain: return EAI_AGAIN;
      case LookupError::kFailed: break;
    }
    return EAI_FAIL;
  }
  if (maps) {
    for (IpAddress& address : *addresses) address = address.Mapped();
  }
  return MakeAddrInfo(*addresses, node, service, hints, results);
}

bool IsLookup(const char* node, const addrinfo* hints) {
  if (node == nullptr) return false;
  if (hints == nullptr) return true;
  if ((hints->ai_flags & AI_NUMERICHOST) != 0) return false;
  return hints->ai_family == AF_UNSPEC || hints->ai_family == AF_INET || hints->ai_family == AF_INET6;
}

// libc's own look-up, which must not ask for more than the table allows.
int LibcAddrInfo(Runtime* runtime, const char* node, const char* service, const addrinfo* hints,
                 addrinfo** results) {
  if (IsExpandedOutOfTable(runtime, node)) {
    const std::string absolute = std::string(node) + ".";
    return libc::getaddrinfo(absolute.c_str(), service, hints, results);
  }
  // For a name in /etc/hosts that has no address of the family there, libc would ask name servers.
  const bool wants_one = hints != nullptr && hints->ai_family != AF_UNSPEC;
  if (wants_one && !IsNumericHost(node) && IsNameOfThisMachine(node)) {
    addrinfo any = *hints;
    any.ai_family = AF_UNSPEC;
    any.ai_flags &= ~(AI_V4MAPPED | AI_ALL | AI_ADDRCONFIG);
    addrinfo* found = nullptr;
    const int result = libc::getaddrinfo(node, service, &any, &found);
    if (result != 0) return result;
    bool has_family = (hints->ai_flags & AI_V4MAPPED) != 0;
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next)
      has_family = has_family || each->ai_family == hints->ai_family;
    freeaddrinfo(found);
    if (!has_family) return EAI_ADDRFAMILY;
  }
  return libc::getaddrinfo(node, service, hints, results);
}

int GetAddrInfo(const char* node, const char* service, const addrinfo* hints, addrinfo** results) {
  Runtime* const runtime = IsLookup(node, hints) ? Runtime::Get() : nullptr;
  if (runtime == nullptr) return libc::getaddrinfo(node, service, hints, results);
  switch (WayFor(runtime, node)) {
    case LookupWay::kLibc: return LibcAddrInfo(runtime, node, service, hints, results);
    case LookupWay::kFake: return FakeAddrInfo(runtime, node, service, hints, results);
    case LookupWay::kReal: return RealAddrInfo(runtime, node, service, hints, results);
    case LookupWay::kRefuse: return EAI_FAIL;
    case LookupWay::kLibcThenFake: break;
  }
  const int result = LibcAddrInfo(runtime, node, service, hints, results);
  const bool is_unknown =
      result == EAI_NONAME || result == EAI_AGAIN || result == EAI_FAIL || result == EAI_NODATA;
  return is_unknown ? FakeAddrInfo(runtime, node, service, hints, results) : result;
}

int NameInfo(const Endpoint& name, const sockaddr* address, socklen_t size, char* host, socklen_t host_size,
             char* service, socklen_t service_size, int flags) {
  if (service != nullptr && service_size > 0) {
    const int result = libc::getnameinfo(address, size, nullptr, 0U, service, service_size, flags);
    if (result != 0) return result;
  }
  if (host == nullptr || name.name().size() >= host_size) return EAI_OVERFLOW;
  std::memcpy(host, name.name().data(), name.name().size());
  host[name.name().size()] = '\0';
  return 0;
}

int GetNameInfo(const sockaddr* address, socklen_t size, char* host, socklen_t host_size, char* service,
                socklen_t service_size, int flags) {
  const auto original = [&](int with_flags) {
    return libc::getnameinfo(address, size, host, host_size, service, service_size, with_flags);
  };
  const bool wants_name = host != nullptr && host_size > 0 && (flags & NI_NUMERICHOST) == 0;
  const auto endpoint = wants_name ? EndpointFromSockaddr(address, size) : std::nullopt;
  if (!endpoint) return original(flags);
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr) return original(flags);
  const IpAddress ip = endpoint->ip().Unmapped();
  const std::optional<Endpoint> name = NameOfFake(runtime, ip);
  if (name) return NameInfo(*name, address, size, host, host_size, service, service_size, flags);
  if (!runtime->IsFake(ip) && MayAskForNameOf(runtime, ip)) return original(flags);
  if (const auto real = runtime->IsFake(ip) ? std::nullopt : RealNameOf(runtime, ip)) {
    const auto named = Endpoint::FromName(*real, 0);
    if (named) return NameInfo(*named, address, size, host, host_size, service, service_size, flags);
  }
  // Asking for the name of an address behind a proxy would show the local name server where we go.
  return (flags & NI_NAMEREQD) != 0 ? EAI_NONAME : original(flags | NI_NUMERICHOST);
}

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                                addrinfo** results) {
  return Guarded([&] { return GetAddrInfo(node, service, hints, results); }, EAI_SYSTEM);
}

// libc's own threads look the names up, past the call above. What may not be asked for locally is answered
// before they get the rest: fake addresses take no time. A null entry is skipped (getaddrinfo_a(3)), and a
// list of them is notified of all the same.
SOCKSIFY_EXPORT int getaddrinfo_a(int mode, gaicb** list, int count, sigevent* event) {
  return Guarded(
      [&] {
        std::vector<gaicb*> rest(list, list + std::max(count, 0));
        for (gaicb*& item : rest) {
          if (item == nullptr || !IsLookup(item->ar_name, item->ar_request)) continue;
          Runtime* const runtime = Runtime::Get();
          if (runtime == nullptr || WayFor(runtime, item->ar_name) == LookupWay::kLibc) continue;
          item->ar_result = nullptr;
          item->__return = GetAddrInfo(item->ar_name, item->ar_service, item->ar_request, &item->ar_result);
          item = nullptr;
        }
        return libc::getaddrinfo_a(mode, rest.data(), count, event);
      },
      EAI_SYSTEM);
}

SOCKSIFY_EXPORT int getnameinfo(const sockaddr* address, socklen_t size, char* host, socklen_t host_size,
                                char* service, socklen_t service_size, int flags) {
  return Guarded([&] { return GetNameInfo(address, size, host, host_size, service, service_size, flags); },
                 EAI_SYSTEM);
}
