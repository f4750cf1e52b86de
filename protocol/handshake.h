// SPDX-License-Identifier: BSD-2-Clause
// Handshake: one client-side proxy negotiation, without I/O.
//
// The caller owns the socket and moves bytes; the machine says which:
//
//   for (;;) switch (handshake.state()) {
//     case kWrite:   send handshake.output(), then handshake.OutputSent(count)
//     case kRead:    receive at most handshake.input_needed() bytes, then handshake.Input(bytes),
//                    or handshake.InputClosed() at the end of the stream
//     case kDone:    the connection now belongs to the application
//     case kFailed:  handshake.failure() says why
//   }
//
// BIND has two replies. After the first the machine is in kDone as after any other command, and the proxy
// listens at bound(). AwaitPeer() then takes it back to kRead for the second; when that is kDone again, the
// connection leads to peer() and belongs to the application.
//
// input_needed() never exceeds what the current message still lacks, so that no byte of the application is
// ever taken from the socket, and is never 0 in kRead. Bytes given beyond it are ignored, as is everything
// that is given in another state than its own. No allocation, no system call; a plain value that may be
// copied. Not thread-safe. Endpoints are in host order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "base/endpoint.h"
#include "base/failure.h"
#include "protocol/handshake_state.h"
#include "protocol/socks4_client.h"
#include "protocol/socks5_client.h"

namespace socksify {

enum class ProxyProtocol : uint8_t {
  kSocks4,   // addresses only
  kSocks4a,  // SOCKS4, and names by the 4A extension
  kSocks5,   // RFC 1928
  kHttp,     // CONNECT (RFC 9110 section 9.3.6)
};

// "socks4", "socks4a", "socks5", "http".
const char* ProtocolName(ProxyProtocol protocol);

class Handshake {
 public:
  // Idle, which reads as failed (EINVAL, the caller's fault); Start* makes it a negotiation.
  Handshake() = default;

  void StartSocks4(const Endpoint& destination, Socks4Dialect dialect, std::string_view user_id,
                   Socks4Command command = Socks4Command::kConnect);
  void StartSocks5(const Endpoint& destination, const Socks5Auth& auth,
                   Socks5Command command = Socks5Command::kConnect);

  HandshakeState state() const;
  std::span<const uint8_t> output() const;
  void OutputSent(size_t count);
  size_t input_needed() const;
  void Input(std::span<const uint8_t> bytes);
  void InputClosed();
  const Failure& failure() const;  // only in kFailed
  // Only in kDone: BND.ADDR and BND.PORT, as the proxy gave them. 0.0.0.0 and :: mean the proxy's own
  // address, and so does a name.
  const Endpoint& bound() const;

  // Goes on to the second reply; once, after the first reply to BIND, and without effect elsewhere. A peer of
  // another address than `expected` is a failure: EACCES. Anybody will do for nothing and for 0.0.0.0 (::).
  // A proxy that goes away before a peer has come is ECONNABORTED, as in accept(2).
  void AwaitPeer(const std::optional<IpAddress>& expected);
  const Endpoint& peer() const;  // only in kDone after AwaitPeer

 private:
  std::variant<std::monostate, Socks4Client, Socks5Client> client_;
};

}  // namespace socksify
