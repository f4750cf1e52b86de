// SPDX-License-Identifier: BSD-2-Clause
#include "preload/names.h"

#include <unistd.h>

#include "resolver/local_names.h"

namespace socksify {

bool IsNameOfThisMachine(std::string_view name) {
  char own_name[256];
  if (gethostname(own_name, sizeof own_name) != 0) own_name[0] = '\0';
  own_name[sizeof own_name - 1] = '\0';
  return IsNeverFaked(name, own_name, ReadHosts());
}

LookupWay WayFor(Runtime* runtime, std::string_view name) {
  if (IsNameOfThisMachine(name)) return LookupWay::kLibc;
  const Config* const config = runtime->config();
  if (config == nullptr) return LookupWay::kRefuse;
  switch (config->routes.HowToResolve(name, runtime->process(), config->settings.resolve_protocol).protocol) {
    case ResolveProtocol::kFake: return LookupWay::kFake;
    case ResolveProtocol::kLocal: return LookupWay::kLibc;
    case ResolveProtocol::kLocalThenFake: return LookupWay::kLibcThenFake;
    case ResolveProtocol::kTcp:
    case ResolveProtocol::kUdp: break;
  }
  return LookupWay::kReal;
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
  const Endpoint destination = Endpoint::FromIp(address, 0);
  const Rule* const rule = config->routes.Decide({.destination = destination, .process = runtime->process()});
  if (rule == nullptr) return false;
  for (const auto* targets : {&rule->group, &rule->fallback}) {
    for (const Target& target : *targets) {
      if (target.kind != Target::Kind::kDirect) return false;
    }
  }
  return true;
}

}  // namespace socksify
