// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/raw_bind.h"

#include <optional>

#include "tests/server/wire.h"

namespace socksify::testserver {
namespace {

constexpr uint8_t kBindCommand = 2;

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
    : control_(server) {
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

std::string RawReply(const Endpoint& address, int version) {
  const BoundAddress said{address.HostToString(), address.port()};
  return version == 4 ? MakeSocks4Reply(0, kSocks4Granted, said)
                      : MakeSocks5Reply(kSocks5Version, kSucceeded, said);
}

}  // namespace socksify::testserver
