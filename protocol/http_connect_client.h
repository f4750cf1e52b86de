// SPDX-License-Identifier: BSD-2-Clause
// HttpConnectClient: one HTTP CONNECT (RFC 9110 section 9.3.6, RFC 9112) with no authentication, Basic
// (RFC 7617) or Digest (RFC 7616), without I/O. Driven as protocol/handshake.h shows.
//
// Basic credentials go with the first request. Digest ones answer a challenge, on the same connection where
// the proxy keeps it open and says where the body of its 407 ends, else on a new one (kReconnect). At most
// two challenges are answered, the second one only after Basic or if the first nonce was stale.
//
// Bounds: 16 KiB for the header of a reply (and all 1xx before it), 2 KiB for a line with challenges, 768
// bytes for realm, nonce and opaque together, 64 KiB for a body that is read away.
//
// No allocation, no system call; a plain value that may be copied. Not thread-safe. The credentials are kept
// only while a challenge may still have to be answered, and appear in no reason.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "base/endpoint.h"
#include "base/failure.h"
#include "protocol/handshake_state.h"
#include "protocol/http_authorization.h"
#include "protocol/http_body.h"
#include "protocol/http_challenge.h"
#include "protocol/http_response.h"
#include "protocol/message.h"

namespace socksify {

// How to answer for the user. The texts are copied by Start.
struct HttpAuth {
  std::string_view username;  // at most 255 bytes, UTF-8; empty: no credentials at all
  std::string_view password;  // at most 255 bytes
  bool basic = true;          // not possible, as if false, for a user name with a colon
  bool digest = true;
  // 128 random bits, which become the cnonce; a machine without I/O has none of its own.
  std::array<uint64_t, 2> cnonce_seed{};
};

class HttpConnectClient {
 public:
  HttpConnectClient();

  // Begins anew. Fails at once with EAFNOSUPPORT for a name with bytes that no host in a request line has
  // (control bytes, blanks, delimiters, anything beyond ASCII), and with EACCES for credentials that are
  // longer than 255 bytes or have control bytes in them, and for a user name with a colon where only Basic is
  // allowed. These are the server's fault: a path that speaks
  // another protocol may do better.
  void Start(const Endpoint& destination, const HttpAuth& auth);

  HandshakeState state() const;
  std::span<const uint8_t> output() const;
  void OutputSent(size_t count);
  // See Handshake for these.
  size_t input_needed() const;
  bool wants_peek() const;
  size_t OwnBytes(std::span<const uint8_t> peeked) const;
  void Input(std::span<const uint8_t> bytes);
  void InputClosed();
  void Reconnected();
  const Failure& failure() const { return failure_; }

  // HTTP does not tell the address that the proxy has bound: 0.0.0.0:0.
  const Endpoint& bound() const;

 private:
  enum class Step : uint8_t { kSend, kReadHead, kReadBody, kReconnect, kDone, kFailed };
  enum class Sent : uint8_t { kNothing, kBasic, kDigest };

  std::string_view target() const { return {target_.data(), target_size_}; }
  void SetTarget(const Endpoint& destination);
  HttpRequest* BeginRequest();
  void BuildFirstRequest(const HttpAuth& auth);
  void BuildAnswer();
  size_t InputHead(std::span<const uint8_t> bytes);
  size_t InputBody(std::span<const uint8_t> bytes);
  void OnChallenge(const std::optional<HttpBodySkipper>& body);
  bool CheckChallenge();
  void Finish();
  void Fail(const Failure& failure);

  Step step_ = Step::kFailed;
  Sent sent_ = Sent::kNothing;
  bool may_digest_ = false;
  // The answer goes over the connection that brought the challenge. Should that end without a word, which
  // some proxies do though they have promised otherwise, a new one may do better.
  bool may_reconnect_ = false;
  uint8_t answered_challenges_ = 0;
  uint8_t nonce_count_ = 0;
  HttpBodySkipper body_;
  std::variant<HttpRequest, HttpResponseReader> message_;  // in kSend and kReconnect the former
  HttpChallenges challenges_;
  HttpCredentials credentials_;
  std::array<char, 32> cnonce_{};
  uint16_t target_size_ = 0;
  std::array<char, kMaxHttpTargetSize> target_{};
  Failure failure_;
};

}  // namespace socksify
