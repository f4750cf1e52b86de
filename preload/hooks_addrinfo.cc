// SPDX-License-Identifier: BSD-2-Clause
// getaddrinfo(3) and getnameinfo(3). Results are made by libc itself from the numeric form of the fake
// address, so that freeaddrinfo(3) stays libc's.

#include <netdb.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/socket_address.h"
#include "preload/names.h"
#include "preload/originals.h"

namespace socksify {
namespace {

// What a look-up without an answer says, as EAI_ code; EAI_SYSTEM leaves errno to tell more.
int LookupError(int error) {
  if (error == EINVAL) return EAI_NONAME;
  if (error == ENOMEM) return EAI_MEMORY;
  errno = error;
  return EAI_SYSTEM;
}

int FakeAddrInfo(Runtime* runtime, const char* node, const char* service, const addrinfo* hints,
                 addrinfo** results) {
  const bool wants_v6 = hints != nullptr && hints->ai_family == AF_INET6;
  const auto address = FakeAddressFor(runtime, node, wants_v6 ? IpVersion::kV6 : IpVersion::kV4);
  if (!address) return LookupError(address.error());

  // A fake address is reached by way of the proxy: neither which families this machine has (AI_ADDRCONFIG)
  // nor how libc would map or encode the name matters.
  constexpr int kAboutNames = AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL | AI_IDN | AI_CANONIDN;
  addrinfo numeric{};
  if (hints != nullptr) {
    numeric.ai_flags = hints->ai_flags & ~kAboutNames;
    numeric.ai_socktype = hints->ai_socktype;
    numeric.ai_protocol = hints->ai_protocol;
  }
  numeric.ai_flags |= AI_NUMERICHOST;
  numeric.ai_family = wants_v6 ? AF_INET6 : AF_INET;
  const int result = libc::getaddrinfo(address->ToString().c_str(), service, &numeric, results);
  if (result != 0 || (numeric.ai_flags & AI_CANONNAME) == 0) return result;

  char* const canonical = strdup(node);
  if (canonical == nullptr) {
    freeaddrinfo(*results);
    return EAI_MEMORY;
  }
  std::free((*results)->ai_canonname);
  (*results)->ai_canonname = canonical;
  return 0;
}

bool IsLookup(const char* node, const addrinfo* hints) {
  if (node == nullptr) return false;
  if (hints == nullptr) return true;
  if ((hints->ai_flags & AI_NUMERICHOST) != 0) return false;
  return hints->ai_family == AF_UNSPEC || hints->ai_family == AF_INET || hints->ai_family == AF_INET6;
}

int GetAddrInfo(const char* node, const char* service, const addrinfo* hints, addrinfo** results) {
  Runtime* const runtime = IsLookup(node, hints) ? Runtime::Get() : nullptr;
  if (runtime == nullptr) return libc::getaddrinfo(node, service, hints, results);
  switch (WayFor(runtime, node)) {
    case LookupWay::kLibc: return libc::getaddrinfo(node, service, hints, results);
    case LookupWay::kFake: return FakeAddrInfo(runtime, node, service, hints, results);
    case LookupWay::kRefuse: return EAI_FAIL;
    case LookupWay::kLibcThenFake: break;
  }
  const int result = libc::getaddrinfo(node, service, hints, results);
  const bool is_unknown =
      result == EAI_NONAME || result == EAI_AGAIN || result == EAI_FAIL || result == EAI_NODATA;
  return is_unknown ? FakeAddrInfo(runtime, node, service, hints, results) : result;
}

int NameInfoOfFake(const Endpoint& name, const sockaddr* address, socklen_t size, char* host,
                   socklen_t host_size, char* service, socklen_t service_size, int flags) {
  if (service != nullptr && service_size > 0) {
    const int result = libc::getnameinfo(address, size, nullptr, 0U, service, service_size, flags);
    if (result != 0) return result;
  }
  if (name.name().size() >= host_size) return EAI_OVERFLOW;
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
  if (name) return NameInfoOfFake(*name, address, size, host, host_size, service, service_size, flags);
  if (!runtime->IsFake(ip) && MayAskForNameOf(runtime, ip)) return original(flags);
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
