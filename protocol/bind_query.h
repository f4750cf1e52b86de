// SPDX-License-Identifier: BSD-2-Clause
// BindQuery: the client's question in Dante's bind extension, without I/O.
//
// With the extension one BIND serves any number of peers. The request names 255.255.255.255, and its one
// reply tells where the peers are to connect. For each of them the proxy connects to the client, which
// listens on the port that its control connection comes from and has put that port into DST.PORT as well:
// newer servers connect to the one, older ones to the other. The proxy relays nothing on such a connection
// until the client has asked on the control connection whose it is:
//
//   SOCKS5  VER 5, CMD 2, RSV 0, ATYP 1, ADDR, PORT       reply: VER 5, REP, RSV 0, ATYP 1, ADDR, PORT
//   SOCKS4  VN 4,  CD 2,  PORT, IP, empty USERID, NUL     reply: VN 0, CD, PORT, IP
//
// The question holds the far end of the accepted connection (getpeername(2)), the reply the peer; 0.0.0.0
// means that the proxy did not make that connection. Dante answers SOCKS4 with a CD of 0. Listening lasts as
// long as the control connection. Dante 1.4 announces the end of the extension, and its server 1.4.2 takes a
// question for the end of the control connection.
//
// Driven as protocol/handshake.h shows, save that after kDone the control connection remains what it was. No
// allocation, no system call; a plain value that may be copied. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/endpoint.h"
#include "base/failure.h"
#include "protocol/handshake_state.h"
#include "protocol/message.h"

namespace socksify {

// The destination of a BIND that asks for the extension; `port` is the one that the client listens on.
Endpoint BindExtensionRequest(uint16_t port);

class BindQuery {
 public:
  enum class Version : uint8_t { kSocks4 = 4, kSocks5 = 5 };

  // Begins anew. `far_end` is an IPv4 address, possibly v4-mapped; EAFNOSUPPORT for anything else.
  void Start(Version version, const Endpoint& far_end);

  HandshakeState state() const { return state_; }
  std::span<const uint8_t> output() const { return output_.pending(); }
  void OutputSent(size_t count);
  size_t input_needed() const { return state_ == HandshakeState::kRead ? input_.missing() : 0; }
  // Takes at most input_needed() bytes; ignored outside kRead.
  void Input(std::span<const uint8_t> bytes);
  void InputClosed();
  const Failure& failure() const { return failure_; }  // only in kFailed

  // Only in kDone: whether the proxy made the connection, and for whom.
  bool is_forwarded() const { return !peer_.ip().IsUnspecified(); }
  const Endpoint& peer() const { return peer_; }

 private:
  static constexpr size_t kMaxMessageSize = 10;

  void Fail(const Failure& failure);

  HandshakeState state_ = HandshakeState::kFailed;
  Version version_ = Version::kSocks5;
  OutgoingMessage<kMaxMessageSize> output_;
  IncomingMessage<kMaxMessageSize> input_;
  Failure failure_;
  Endpoint peer_;
};

}  // namespace socksify
