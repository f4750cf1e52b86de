// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/raw_bind.h"

#include <poll.h>
#include <sys/socket.h>

#include <optional>
#include <utility>

#include "tests/server/tcp_sockets.h"
#include "tests/server/wire.h"

namespace socksify::testserver {
namespace {

constexpr uint8_t kBindCommand = 2;
constexpr int kDeadlineMs = 10'000;

// VER REP RSV ATYP BND.ADDR BND.PORT, or VN CD DSTPORT DSTIP.
std::optional<Endpoint> AddressIn(const std::string& reply) {
  // A request has the same layout as a reply, which lets the server's own reader take it; a SOCKS4 request
  // goes on with a user id.
  RequestRecord said;
  const Parsed parsed =
      reply.starts_with('\0') ? ParseSocks4Request(reply + '\0', &said) : ParseSocks5Request(reply, &said);
  if (parsed.size == 0) return std::nullopt;
  return Endpoint::FromHost(said.host, said.port);
}

}  // namespace

RawBind::RawBind(const Endpoint& server, std::string_view host, uint16_t port, int version)
    : RawBind(RawClient(server), host, port, version) {}

RawBind::RawBind(RawClient control, std::string_view host, uint16_t port, int version)
    : control_(std::move(control)) {
  if (!control_.connected()) return;
  if (version == 4) {
    if (!control_.Send(Socks4Request(host, port, "", kBindCommand))) return;
    reply_ = control_.Read(8);
  } else {
    if (!Greet(&control_) || !control_.Send(Socks5Request(host, port, kBindCommand))) return;
    reply_ = control_.Read(4);
    reply_ += control_.Read(reply_.size() == 4 && reply_[3] == 4 ? 18 : 6);
  }
  bound_ = AddressIn(reply_).value_or(Endpoint());
}

RawListener::RawListener(uint16_t port)
    : fd_(OpenTcpListener(Endpoint::FromIp(IpAddress::V4(0x7f000001), port), SOMAXCONN)),
      port_(fd_.valid() ? LocalAddressOf(fd_.get()).port() : 0) {}

RawClient RawListener::Accept() {
  pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  poll(&ready, 1, kDeadlineMs);
  return RawClient(UniqueFd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
}

bool RawListener::HasConnection() const {
  pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return poll(&ready, 1, 0) == 1;
}

std::string RawQuery(const Endpoint& end, int version) {
  const std::string host = end.HostToString();
  return version == 4 ? Socks4Request(host, end.port(), "", kBindCommand)
                      : Socks5Request(host, end.port(), kBindCommand);
}

std::string RawReply(const Endpoint& address, int version) {
  const BoundAddress said{address.HostToString(), address.port()};
  return version == 4 ? MakeSocks4Reply(0, kSocks4Granted, said)
                      : MakeSocks5Reply(kSocks5Version, kSucceeded, said);
}

}  // namespace socksify::testserver
