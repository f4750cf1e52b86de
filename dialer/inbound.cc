// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/inbound.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/errno_keeper.h"
#include "base/monotonic_clock.h"
#include "base/socket_address.h"
#include "dialer/control_connection.h"

namespace socksify {
namespace {

constexpr Failure kNoPort = {Fault::kServer, ECONNABORTED, -1, "the proxy gave no port for its peers"};

Failure CallersFault(const char* reason) {
  return {Fault::kCaller, errno, -1, reason};
}

void SetOption(const System& system, int fd, int option, int value) {
  system.setsockopt(fd, SOL_SOCKET, option, static_cast<const void*>(&value), sizeof value);
}

bool BindToPort(const System& system, int fd, uint16_t port) {
  SetOption(system, fd, SO_REUSEADDR, 1);
  SocketAddress local{};
  const socklen_t size = ToSockaddr(IpAddress(), port, AF_INET, &local);
  return system.bind(fd, &local.generic, size) == 0;
}

}  // namespace

Inbound AskToListen(const System& system, const Rule& rule, const InboundRequest& request,
                    const AttemptOptions& options) {
  Inbound result;
  ControlSocket control(system);
  if (control.get() < 0) {
    result.failure = CallersFault("cannot make a socket");
    return result;
  }
  if (request.local_port != 0 && !BindToPort(system, control.get(), request.local_port)) {
    result.failure = CallersFault("cannot connect from the port that is to listen");
    return result;
  }
  AttemptOptions own_options = options;
  own_options.command = Socks5Command::kBind;
  own_options.is_bound = request.local_port != 0;
  const ProxyAnswer answer = AskProxy(system, control, rule, request.destination, own_options, kNoPort);
  result.target = answer.target;
  result.is_direct = answer.is_direct;
  result.failure = answer.failure;
  if (result.failure || result.is_direct) return result;
  result.bound = answer.address;
  result.handshake = answer.handshake;
  const bool is_checked = request.check == PeerCheck::kOwn && !request.destination.is_name();
  result.handshake.AwaitPeer(is_checked ? std::optional(request.destination.ip()) : std::nullopt);
  result.control_fd = control.Release();
  return result;
}

std::expected<std::optional<Endpoint>, Failure> ReadPeer(const System& system, int control_fd,
                                                         Handshake* handshake) {
  const ErrnoKeeper keeper;
  while (handshake->state() == HandshakeState::kRead) {
    std::array<uint8_t, 512> buffer{};
    const size_t wanted = std::min(handshake->input_needed(), buffer.size());
    const ssize_t received = system.recv(control_fd, buffer.data(), wanted, MSG_DONTWAIT);
    if (received > 0) {
      handshake->Input(std::span(buffer).first(static_cast<size_t>(received)));
    } else if (received == 0 || errno == ECONNRESET) {
      // A proxy that gives up closes the connection or resets it, as it happens.
      handshake->InputClosed();
    } else if (errno == EAGAIN) {
      return std::nullopt;
    } else if (errno != EINTR) {
      return std::unexpected(Failure{Fault::kServer, errno, -1, "the proxy dropped the connection"});
    }
  }
  if (handshake->state() != HandshakeState::kDone) return std::unexpected(handshake->failure());
  SetOption(system, control_fd, SO_KEEPALIVE, 0);
  return handshake->peer();
}

}  // namespace socksify
