// SPDX-License-Identifier: BSD-2-Clause
// Socks4Client: one SOCKS4 or SOCKS4A CONNECT or BIND, without I/O ("SOCKS: A protocol for TCP proxy across
// firewalls", Ying-Da Lee, and its 4A extension). Driven as protocol/handshake.h shows.
//
// No allocation, no system call; a plain value that may be copied. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/endpoint.h"
#include "base/failure.h"
#include "protocol/handshake_state.h"
#include "protocol/message.h"

namespace socksify {

enum class Socks4Dialect : uint8_t {
  kSocks4,   // addresses only
  kSocks4a,  // names as well
};

// CD.
enum class Socks4Command : uint8_t {
  kConnect = 1,
  kBind = 2,  // as Socks5Command::kBind
};

class Socks4Client {
 public:
  static constexpr size_t kMaxUserIdSize = 255;

  Socks4Client();

  // Begins anew. Fails at once, with nothing to send, where the protocol cannot say what is asked:
  // EAFNOSUPPORT for an IPv6 destination and for a name in plain SOCKS4, ENETUNREACH for 0.0.0.1 to 0.0.0.255
  // (which mean "a name follows" in 4A), EACCES for a user id that is longer than 255 bytes or has a NUL in
  // it. All of these are the server's fault: a path that speaks another protocol may do better.
  void Start(const Endpoint& destination, Socks4Dialect dialect, std::string_view user_id,
             Socks4Command command = Socks4Command::kConnect);

  HandshakeState state() const { return state_; }
  std::span<const uint8_t> output() const { return output_.pending(); }
  void OutputSent(size_t count);
  size_t input_needed() const { return state_ == HandshakeState::kRead ? input_.missing() : 0; }
  // Takes at most input_needed() bytes; ignored outside kRead.
  void Input(std::span<const uint8_t> bytes);
  void InputClosed();
  const Failure& failure() const { return failure_; }
  const Endpoint& bound() const { return bound_; }
  // See Handshake. The memo has the proxy check the peer, and lets it leave the second reply's address empty:
  // 0.0.0.0 counts as expected.
  void AwaitPeer(const std::optional<IpAddress>& expected);
  const Endpoint& peer() const { return peer_; }

 private:
  static constexpr size_t kReplySize = 8;
  static constexpr size_t kMaxRequestSize = 8 + (kMaxUserIdSize + 1) + (Endpoint::kMaxNameSize + 1);

  // What the replies to BIND have come to. A CONNECT stays in kNone.
  enum class Listening : uint8_t { kNone, kAsked, kListening, kAwaitsPeer };

  void OnPeer(const Endpoint& peer);
  void Fail(const Failure& failure);

  HandshakeState state_ = HandshakeState::kFailed;
  Listening listening_ = Listening::kNone;
  OutgoingMessage<kMaxRequestSize> output_;
  IncomingMessage<kReplySize> input_;
  Failure failure_;
  Endpoint bound_;
  std::optional<IpAddress> expected_peer_;
  Endpoint peer_;
};

}  // namespace socksify
