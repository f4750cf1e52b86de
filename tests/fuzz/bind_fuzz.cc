// SPDX-License-Identifier: BSD-2-Clause
// Input: one byte of choices (bits 0 and 1: SOCKS4, SOCKS5, the question of the bind extension by either; bit
// 2: expect 10.0.0.9; bits 3 to 7: the chunk size), then the proxy's stream: both replies to a BIND, or
// answers to as many questions as there are.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "protocol/bind_query.h"
#include "protocol/handshake.h"
#include "tests/fuzz/socks4_socks5_driver.h"

namespace socksify {
namespace {

void RunBind(Handshake& handshake, bool expects_one, std::span<const uint8_t> stream, size_t chunk) {
  stream = RunAgainst(handshake, stream, chunk);
  if (handshake.state() != HandshakeState::kDone) return;
  const Endpoint bound = handshake.bound();
  const IpAddress expected = IpAddress::V4(0x0a000009);
  handshake.AwaitPeer(expects_one ? std::optional(expected) : std::nullopt);
  Require(handshake.state() == HandshakeState::kRead);
  RunAgainst(handshake, stream, chunk);
  Require(handshake.bound() == bound);
  if (handshake.state() != HandshakeState::kDone || !expects_one) return;
  const IpAddress peer = handshake.peer().ip().Unmapped();
  Require(peer == expected || peer.IsUnspecified());
}

void RunQueries(BindQuery::Version version, std::span<const uint8_t> stream, size_t chunk) {
  BindQuery query;
  do {
    query.Start(version, Endpoint::FromIp(IpAddress::V4(0xc0a80001), 4660));
    stream = RunAgainst(query, stream, chunk);
  } while (query.state() == HandshakeState::kDone);
}

}  // namespace
}  // namespace socksify

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  if (size == 0) return 0;
  const std::span<const uint8_t> stream = std::span(data, size).subspan(1);
  const size_t chunk = 1 + (data[0] >> 3);
  if ((data[0] & 2) != 0) {
    RunQueries((data[0] & 1) != 0 ? BindQuery::Version::kSocks5 : BindQuery::Version::kSocks4, stream, chunk);
    return 0;
  }
  Handshake handshake;
  if ((data[0] & 1) != 0) {
    handshake.StartSocks5(Endpoint(), {}, Socks5Command::kBind);
  } else {
    handshake.StartSocks4(Endpoint(), Socks4Dialect::kSocks4, "joe", Socks4Command::kBind);
  }
  RunBind(handshake, (data[0] & 4) != 0, stream, chunk);
  return 0;
}
