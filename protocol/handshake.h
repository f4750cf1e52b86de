// SPDX-License-Identifier: BSD-2-Clause
// Handshake: one client-side proxy negotiation, without I/O.
//
// The caller owns the socket and moves bytes; the machine says which:
//
//   for (;;) switch (handshake.state()) {
//     case kWrite:   send handshake.output(), then handshake.OutputSent(count)
//     case kRead:    receive at most handshake.input_needed() bytes, then handshake.Input(bytes),
//                    or handshake.InputClosed() at the end of the stream
//     case kReconnect: connect to the proxy anew, on the same path, then handshake.Reconnected()
//     case kDone:    the connection now belongs to the application
//     case kFailed:  handshake.failure() says why
//   }
//
// BIND has two replies. After the first the machine is in kDone as after any other command, and the proxy
// listens at bound(). AwaitPeer() then takes it back to kRead for the second; when that is kDone again, the
// connection leads to peer() and belongs to the application.
//
// input_needed() never exceeds what the current message still lacks, so that no byte of the application is
// ever taken from the socket, and is never 0 in kRead; but see Socks5Auth::expects_usual_reply. Bytes given
// beyond what belongs to the handshake are ignored, as is everything that is given in another state than its
// own.
//
// The end of an HTTP header shows only when it is there, and input_needed() is 1 or 2 for most of the way: a
// hundred system calls. While wants_peek() is true in kRead, a caller does better to look first:
//
//   n = recv(fd, buffer, 1024, MSG_PEEK)        as many as it likes; 0 is the end of the stream
//   own = handshake.OwnBytes(buffer[0..n))      at least 1; all n, if the header's end is not among them
//   recv(fd, buffer, own, 0)                    and no more, since the next byte may be the application's
//   handshake.Input(buffer[0..own))             the one case where more than input_needed() is taken
//
// After kReconnect the request with the answer to the proxy's challenge is the output. In a chain, the hops
// before this one have to be negotiated anew, by another Handshake. There are at most two such turns in one
// negotiation. Where a proxy has promised to keep its connection for the answer and ends it all the same,
// InputClosed() leads there too; a caller whose send or receive fails with EPIPE or ECONNRESET may call it as
// well.
//
// No allocation, no system call; a plain value that may be copied. Not thread-safe. Endpoints are in host
// order.
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
#include "protocol/http_connect_client.h"
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
  void StartHttp(const Endpoint& destination, const HttpAuth& auth);

  HandshakeState state() const;
  std::span<const uint8_t> output() const;
  void OutputSent(size_t count);
  size_t input_needed() const;
  // Whether peeking saves calls now; always false for SOCKS.
  bool wants_peek() const;
  // How many of the bytes that come next in the stream belong to the handshake for certain. In kRead at least
  // one of any.
  size_t OwnBytes(std::span<const uint8_t> peeked) const;
  void Input(std::span<const uint8_t> bytes);
  void InputClosed();
  void Reconnected();              // from kReconnect to kWrite
  const Failure& failure() const;  // only in kFailed
  // Only in kDone: BND.ADDR and BND.PORT, as the proxy gave them. 0.0.0.0 and :: mean the proxy's own
  // address, and so does a name; HTTP tells nothing else.
  const Endpoint& bound() const;
  // Only in kDone, after SOCKS5's CONNECT: the size of the reply in bytes; 0 of other protocols.
  size_t reply_size() const;
  // Only in kFailed: see Socks5Client.
  bool has_overrun() const;

  // Goes on to the second reply; once, after the first reply to BIND, and without effect elsewhere. A peer of
  // another address than `expected` is a failure: EACCES. Anybody will do for nothing and for 0.0.0.0 (::).
  // A proxy that goes away before a peer has come is ECONNABORTED, as in accept(2).
  void AwaitPeer(const std::optional<IpAddress>& expected);
  const Endpoint& peer() const;  // only in kDone after AwaitPeer

 private:
  std::variant<std::monostate, Socks4Client, Socks5Client, HttpConnectClient> client_;
};

}  // namespace socksify
