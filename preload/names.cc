// SPDX-License-Identifier: BSD-2-Clause
#include "preload/names.h"

#include <netinet/in.h>
#include <resolv.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "resolver/hosts_filter.h"
#include "resolver/local_names.h"

namespace socksify {
namespace {

constexpr const char* kHosts = "/etc/hosts";
constinit HostsFilter g_hosts;

}  // namespace

bool IsNameOfThisMachine(std::string_view name) {
  char own_name[256];
  if (gethostname(own_name, sizeof own_name) != 0) own_name[0] = '\0';
  own_name[sizeof own_name - 1] = '\0';
  if (IsNeverFaked(name, own_name, {})) return true;
  return g_hosts.MayHave(kHosts, name) && HostsHaveName(ReadHosts(kHosts), name);
}

LookupWay WayFor(Runtime* runtime, std::string_view name) {
  const Config* const config = runtime->config();
  // libc reads escapes in names (RFC 1035 section 5.1), so that what it asks for is not what rules have seen.
  // The table of fake addresses has none of these.
  if (name.find('\\') != std::string_view::npos)
    return config != nullptr ? LookupWay::kFake : LookupWay::kRefuse;
  if (IsNameOfThisMachine(name)) return LookupWay::kLibc;
  if (config == nullptr) return LookupWay::kRefuse;
  const ResolveProtocol otherwise = config->settings.resolve_protocol;
  switch (config->routes.HowToResolve(name, runtime->process(), runtime->user(), otherwise).protocol) {
    case ResolveProtocol::kFake: return LookupWay::kFake;
    case ResolveProtocol::kLocal: return LookupWay::kLibc;
    case ResolveProtocol::kLocalThenFake: return LookupWay::kLibcThenFake;
    case ResolveProtocol::kTcp:
    case ResolveProtocol::kUdp: break;
  }
  return LookupWay::kReal;
}

bool IsExpandedOutOfTable(Runtime* runtime, std::string_view name) {
  if (name.empty() || name.ends_with('.') || IsNameOfThisMachine(name)) return false;
  const res_state state = __res_state();
  if ((state->options & RES_INIT) == 0 && res_ninit(state) != 0) return true;
  for (char** domain = state->dnsrch; *domain != nullptr; ++domain) {
    const std::string expanded = std::string(name) + "." + *domain;
    if (WayFor(runtime, expanded) != LookupWay::kLibc) return true;
  }
  return false;
}

std::expected<IpAddress, int> FakeAddressFor(Runtime* runtime, std::string_view name, IpVersion version) {
  FakeTable* const table = runtime->fake_table();
  if (table == nullptr) return std::unexpected(ENOMEM);
  const auto address = table->AddressFor(name, version);
  runtime->reporter().Lookup({.name = name,
                              .outcome = address ? "fake" : ErrnoName(address.error()),
                              .address = address ? &*address : nullptr});
  return address;
}

std::optional<Endpoint> NameOfFake(Runtime* runtime, const IpAddress& address) {
  if (!runtime->IsFake(address)) return std::nullopt;
  FakeTable* const table = runtime->fake_table();
  return table != nullptr ? table->NameFor(address, 0) : std::nullopt;
}

bool MayAskForNameOf(Runtime* runtime, const IpAddress& address) {
  const Config* const config = runtime->config();
  if (HostsHaveAddress(ReadHosts(), address)) return true;
  if (config == nullptr) return address.IsLoopback();
  const ResolveProtocol protocol = config->settings.resolve_protocol;
  if (protocol == ResolveProtocol::kLocal || protocol == ResolveProtocol::kLocalThenFake) return true;
  // Whatever the port: of the rules that the address can meet none may do anything but go direct.
  const IpAddress ip = address.Unmapped();
  for (const Rule& rule : config->routes.rules()) {
    const auto matches = [&](const AddressPattern& pattern) { return pattern.MatchesAddress(ip); };
    if (!rule.to.empty() && std::ranges::none_of(rule.to, matches)) continue;
    if (!rule.IsFor(runtime->process(), runtime->user())) continue;
    if (!rule.IsPurelyDirect()) return false;
    if (rule.IsUnconditional()) return true;
  }
  return false;
}

}  // namespace socksify
