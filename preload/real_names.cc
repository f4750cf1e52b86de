// SPDX-License-Identifier: BSD-2-Clause
#include "preload/real_names.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"
#include "preload/names.h"
#include "preload/originals.h"
#include "preload/own_socket.h"
#include "resolver/name_servers.h"

namespace socksify {
namespace {

int Open(void* context, DnsProtocol protocol, const Endpoint& server, int timeout_ms) {
  // Between this and its caller stand frames of a C library.
  return Guarded(
      [&] {
        const int type = protocol == DnsProtocol::kTcp ? SOCK_STREAM : SOCK_DGRAM;
        return OpenOwnSocket(static_cast<Runtime*>(context), type, server, timeout_ms);
      },
      -1);
}

DnsTransport TransportOf(Runtime* runtime) {
  return {
      .context = runtime,
      .open = &Open,
      .send = [](int fd, const void* data, size_t size, int flags) -> ssize_t {
        return Guarded([&] { return SendOwn(fd, data, size, flags); }, ssize_t{-1});
      },
      .recv = [](int fd, void* data, size_t size, int flags) -> ssize_t {
        return Guarded([&] { return ReceiveOwn(fd, data, size, flags); }, ssize_t{-1});
      },
      .poll = [](pollfd* fds, nfds_t count, int timeout_ms) { return libc::poll(fds, count, timeout_ms); },
      .close =
          [](int fd) {
            CloseOwnSocket(fd);
            return 0;
          }};
}

RealLookupOptions OptionsOf(Runtime* runtime, ResolveProtocol protocol) {
  RealLookupOptions options;
  options.servers = NameServers(runtime);
  options.protocol = protocol == ResolveProtocol::kUdp ? DnsProtocol::kUdp : DnsProtocol::kTcp;
  return options;
}

}  // namespace

std::vector<Endpoint> NameServers(Runtime* runtime) {
  const Config* const config = runtime->config();
  if (config != nullptr && !config->settings.name_servers.empty()) return config->settings.name_servers;
  return ReadNameServers();
}

std::expected<std::vector<IpAddress>, LookupError> RealAddressesOf(Runtime* runtime, std::string_view name,
                                                                   LookupFamily family) {
  const ErrnoKeeper keeper;
  const CancellationOff cancellation_off;
  const Config* const config = runtime->config();
  if (config == nullptr) return std::unexpected(LookupError::kFailed);
  const ResolveProtocol protocol =
      config->routes
          .HowToResolve(name, runtime->process(), runtime->user(), config->settings.resolve_protocol)
          .protocol;
  const auto found = LookUpReal(name, family, OptionsOf(runtime, protocol), TransportOf(runtime));
  runtime->reporter().Lookup({.name = name,
                              .outcome = found ? ResolveProtocolName(protocol) : found.error().reason,
                              .address = found ? &found->front() : nullptr});
  if (!found) return std::unexpected(found.error().error);
  return *found;
}

std::optional<std::string> RealNameOf(Runtime* runtime, const IpAddress& address) {
  const Config* const config = runtime->config();
  if (config == nullptr) return std::nullopt;
  const ResolveProtocol protocol = config->settings.resolve_protocol;
  if (protocol != ResolveProtocol::kTcp && protocol != ResolveProtocol::kUdp) return std::nullopt;
  const ErrnoKeeper keeper;
  const CancellationOff cancellation_off;
  const auto found = LookUpRealName(address, OptionsOf(runtime, protocol), TransportOf(runtime));
  if (!found) return std::nullopt;
  return found->front();
}

}  // namespace socksify
