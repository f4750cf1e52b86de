// SPDX-License-Identifier: BSD-2-Clause
#include "preload/decision.h"

#include "base/socket_address.h"
#include "preload/originals.h"

namespace socksify {
namespace {

constexpr Failure kNoRule = {Fault::kDestination, ENETUNREACH, -1, "no rule matches"};
constexpr Failure kBroken = {Fault::kDestination, EACCES, -1, "the configuration is in error"};
constexpr Failure kUnknownFake = {Fault::kDestination, EHOSTUNREACH, -1,
                                  "the fake address stands for no name"};

}  // namespace

Endpoint LocalEndpoint(int fd) {
  SocketAddress local{};
  socklen_t size = sizeof local;
  if (libc::getsockname(fd, &local.generic, &size) != 0) return {};
  const auto endpoint = EndpointFromSockaddr(&local.generic, size);
  return endpoint ? Endpoint::FromIp(endpoint->ip().Unmapped(), endpoint->port()) : Endpoint();
}

void Decide(Runtime* runtime, int fd, const Endpoint& address, Transport transport, Decision* out) {
  const Command command = transport == Transport::kTcp ? Command::kConnect : Command::kUdpAssociate;
  Decide(runtime, fd, address, transport, command, out);
}

void Decide(Runtime* runtime, int fd, const Endpoint& address, Transport transport, Command command,
            Decision* out) {
  Decision& decision = *out;
  decision.rule = nullptr;
  decision.failure = nullptr;
  decision.is_fake = false;
  decision.destination =
      address.is_name() ? address : Endpoint::FromIp(address.ip().Unmapped(), address.port());
  if (runtime->config() == nullptr) {
    // Without rules only what stays on this machine is certain not to be meant for a proxy.
    decision.rule = &runtime->loopback_rule();
    if (!decision.destination.ip().IsLoopback()) decision.failure = &kBroken;
    return;
  }
  if (!address.is_name() && runtime->IsFake(decision.destination.ip())) {
    decision.is_fake = true;
    decision.fake = decision.destination.ip();
    FakeTable* const table = runtime->fake_table();
    const auto named =
        table != nullptr ? table->NameFor(decision.destination.ip(), address.port()) : std::nullopt;
    if (!named) {
      decision.failure = &kUnknownFake;
      return;
    }
    decision.destination = *named;
  }
  const RouteTable& routes = runtime->config()->routes;
  const Endpoint local = routes.needs_source() ? LocalEndpoint(fd) : Endpoint();
  decision.rule = routes.Decide({.destination = decision.destination,
                                 .transport = transport,
                                 .command = command,
                                 .source = local.ip().IsUnspecified() ? nullptr : &local.ip(),
                                 .process = runtime->process(),
                                 .source_port = local.port(),
                                 .user = runtime->user()});
  if (decision.rule == nullptr) decision.failure = &kNoRule;
}

int SocketOption(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return libc::getsockopt(fd, SOL_SOCKET, name, static_cast<void*>(&value), &size) == 0 ? value : -1;
}

int Refuse(Runtime* runtime, const Decision& decision, const Failure& failure, const char* protocol) {
  runtime->reporter().Connection({.destination = decision.destination,
                                  .protocol = protocol,
                                  .rule = decision.rule,
                                  .target = nullptr,
                                  .failure = &failure});
  errno = failure.error;
  return -1;
}

}  // namespace socksify
