// SPDX-License-Identifier: BSD-2-Clause
// gethostbyname(3) and its kin. The forms without `_r` give out a static result, as libc's do.

#include <netdb.h>
#include <sys/socket.h>

#include <string>

#include "base/endpoint.h"
#include "preload/host_entry.h"
#include "preload/names.h"
#include "preload/originals.h"
#include "preload/real_names.h"

namespace socksify {
namespace {

// Room for a hostent with the longest name, alignment and all, and many addresses.
constexpr size_t kStaticSize = 4096;

struct StaticEntry {
  hostent entry{};
  char buffer[kStaticSize]{};
};
constinit StaticEntry g_by_name;
constinit StaticEntry g_by_address;

// What a gethostby*_r function leaves behind.
struct Result {
  int value = 0;  // the return value: 0 or an errno value
  int h_error = NETDB_SUCCESS;
  hostent* entry = nullptr;
};

Result Failed(int h_error, int value = 0) {
  return {.value = value, .h_error = h_error, .entry = nullptr};
}

Result Fill(std::string_view name, std::span<const IpAddress> addresses, std::span<char> buffer,
            hostent* entry) {
  if (!FillHostEntry(name, addresses, buffer, entry)) return Failed(NETDB_INTERNAL, ERANGE);
  return {.entry = entry};
}

Result FakeByName(Runtime* runtime, const char* name, int family, std::span<char> buffer, hostent* entry) {
  if (family != AF_INET && family != AF_INET6) return Failed(NETDB_INTERNAL, EAFNOSUPPORT);
  const auto address = FakeAddressFor(runtime, name, family == AF_INET6 ? IpVersion::kV6 : IpVersion::kV4);
  if (!address) return Failed(address.error() == EINVAL ? HOST_NOT_FOUND : NO_RECOVERY);
  return Fill(name, {&*address, 1}, buffer, entry);
}

Result RealByName(Runtime* runtime, const char* name, int family, std::span<char> buffer, hostent* entry) {
  if (family != AF_INET && family != AF_INET6) return Failed(NETDB_INTERNAL, EAFNOSUPPORT);
  const auto addresses =
      RealAddressesOf(runtime, name, family == AF_INET6 ? LookupFamily::kV6 : LookupFamily::kV4);
  if (addresses) return Fill(name, *addresses, buffer, entry);
  switch (addresses.error()) {
    case LookupError::kNoName: return Failed(HOST_NOT_FOUND);
    case LookupError::kNoAddress: return Failed(NO_DATA);
    case LookupError::kTryAgain: return Failed(TRY_AGAIN);
    case LookupError::kFailed: break;
  }
  return Failed(NO_RECOVERY);
}

// The address argument of gethostbyaddr(3), if it is one that we have anything to say about.
std::optional<IpAddress> AddressArgument(const void* address, socklen_t size, int family) {
  const auto* const bytes = static_cast<const uint8_t*>(address);
  if (address == nullptr) return std::nullopt;
  if (family == AF_INET && size == 4) {
    return IpAddress::V4(uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 |
                         bytes[3]);
  }
  if (family == AF_INET6 && size == 16)
    return IpAddress::V6(std::span<const uint8_t, 16>(bytes, 16)).Unmapped();
  return std::nullopt;
}

// What libc is asked for in place of `name`: itself, or its absolute form where libc would leave the table.
class Asked {
 public:
  Asked(Runtime* runtime, const char* name) : name_(name) {
    if (WayFor(runtime, name) == LookupWay::kLibc && IsExpandedOutOfTable(runtime, name))
      absolute_ = std::string(name) + ".";
  }
  const char* get() const { return absolute_.empty() ? name_ : absolute_.c_str(); }

 private:
  const char* name_;
  std::string absolute_;
};

using ByNameFunction = Result(Runtime*, const char*, int, std::span<char>, hostent*);

// Looks a name up by `libc_call`, by ours, or by one after the other. `libc_call` takes no arguments and
// returns whether it found anything; `our_call` takes FakeByName or RealByName.
template <typename LibcCall, typename OurCall>
void LookUp(Runtime* runtime, const char* name, LibcCall libc_call, OurCall our_call, int* refused) {
  switch (WayFor(runtime, name)) {
    case LookupWay::kLibc: libc_call(); return;
    case LookupWay::kFake: our_call(FakeByName); return;
    case LookupWay::kReal: our_call(RealByName); return;
    case LookupWay::kRefuse: *refused = NO_RECOVERY; return;
    case LookupWay::kLibcThenFake:
      if (!libc_call()) our_call(FakeByName);
      return;
  }
}

// gethostbyname(3) and gethostbyname2(3).
template <typename LibcCall>
hostent* ByName(const char* name, int family, LibcCall libc_call) {
  Runtime* const runtime = name != nullptr ? Runtime::Get() : nullptr;
  if (runtime == nullptr) return libc_call(name);
  const Asked asked(runtime, name);
  hostent* found = nullptr;
  int refused = NETDB_SUCCESS;
  LookUp(
      runtime, name, [&] { return (found = libc_call(asked.get())) != nullptr; },
      [&](ByNameFunction* by_name) {
        const Result result =
            by_name(runtime, name, family, std::span<char>(g_by_name.buffer), &g_by_name.entry);
        found = result.entry;
        refused = result.h_error;
      },
      &refused);
  if (refused != NETDB_SUCCESS) h_errno = refused;
  return found;
}

// gethostbyname_r(3) and gethostbyname2_r(3).
template <typename LibcCall>
int ByNameReentrant(const char* name, int family, hostent* entry, std::span<char> buffer, hostent** result,
                    int* h_errnop, LibcCall libc_call) {
  Runtime* const runtime = name != nullptr ? Runtime::Get() : nullptr;
  if (runtime == nullptr) return libc_call(name);
  const Asked asked(runtime, name);
  int value = 0;
  int refused = NETDB_SUCCESS;
  const auto answer = [&](const Result& ours) {
    value = ours.value;
    refused = ours.h_error;
    *result = ours.entry;
  };
  LookUp(
      runtime, name, [&] { return (value = libc_call(asked.get())) == ERANGE || *result != nullptr; },
      [&](ByNameFunction* by_name) { answer(by_name(runtime, name, family, buffer, entry)); }, &refused);
  if (refused != NETDB_SUCCESS) {
    *h_errnop = refused;
    if (refused == NO_RECOVERY) *result = nullptr;
    if (value != 0) errno = value;
  }
  return value;
}

// The answer to a reverse look-up that libc must not make; nothing when libc may.
std::optional<Result> ByAddress(const std::optional<IpAddress>& address, std::span<char> buffer,
                                hostent* entry) {
  if (!address) return std::nullopt;
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr) return std::nullopt;
  const std::optional<Endpoint> name = NameOfFake(runtime, *address);
  if (name) return Fill(name->name(), {&*address, 1}, buffer, entry);
  if (runtime->IsFake(*address)) return Failed(HOST_NOT_FOUND);
  if (MayAskForNameOf(runtime, *address)) return std::nullopt;
  if (const auto real = RealNameOf(runtime, *address)) return Fill(*real, {&*address, 1}, buffer, entry);
  return Failed(HOST_NOT_FOUND);
}

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT hostent* gethostbyname(const char* name) {
  return Guarded(
      [&] { return ByName(name, AF_INET, [](const char* asked) { return libc::gethostbyname(asked); }); },
      static_cast<hostent*>(nullptr));
}

SOCKSIFY_EXPORT hostent* gethostbyname2(const char* name, int family) {
  return Guarded(
      [&] {
        return ByName(name, family, [=](const char* asked) { return libc::gethostbyname2(asked, family); });
      },
      static_cast<hostent*>(nullptr));
}

SOCKSIFY_EXPORT int gethostbyname_r(const char* name, hostent* entry, char* buffer, size_t size,
                                    hostent** result, int* h_errnop) {
  *result = nullptr;
  const auto original = [&](const char* asked) {
    return libc::gethostbyname_r(asked, entry, buffer, size, result, h_errnop);
  };
  return Guarded(
      [&] { return ByNameReentrant(name, AF_INET, entry, {buffer, size}, result, h_errnop, original); },
      ENOMEM);
}

SOCKSIFY_EXPORT int gethostbyname2_r(const char* name, int family, hostent* entry, char* buffer, size_t size,
                                     hostent** result, int* h_errnop) {
  *result = nullptr;
  const auto original = [&](const char* asked) {
    return libc::gethostbyname2_r(asked, family, entry, buffer, size, result, h_errnop);
  };
  return Guarded(
      [&] { return ByNameReentrant(name, family, entry, {buffer, size}, result, h_errnop, original); },
      ENOMEM);
}

SOCKSIFY_EXPORT hostent* gethostbyaddr(const void* address, socklen_t size, int family) {
  return Guarded(
      [&]() -> hostent* {
        const auto ours =
            ByAddress(AddressArgument(address, size, family), g_by_address.buffer, &g_by_address.entry);
        if (!ours) return libc::gethostbyaddr(address, size, family);
        if (ours->entry == nullptr) h_errno = ours->h_error;
        return ours->entry;
      },
      static_cast<hostent*>(nullptr));
}

SOCKSIFY_EXPORT int gethostbyaddr_r(const void* address, socklen_t size, int family, hostent* entry,
                                    char* buffer, size_t buffer_size, hostent** result, int* h_errnop) {
  *result = nullptr;
  return Guarded(
      [&] {
        const auto ours = ByAddress(AddressArgument(address, size, family), {buffer, buffer_size}, entry);
        if (!ours) {
          return libc::gethostbyaddr_r(address, size, family, entry, buffer, buffer_size, result, h_errnop);
        }
        *result = ours->entry;
        if (ours->entry == nullptr) *h_errnop = ours->h_error;
        return ours->value;
      },
      ENOMEM);
}
