// SPDX-License-Identifier: BSD-2-Clause
// Negotiation: one client's handshake from the first byte to the reply, without I/O.
//
// The caller collects the client's bytes and offers them to Receive() until it says what to do next. SOCKS4,
// 4A, 5 and HTTP are told apart by the first byte. CONNECT, BIND and, with SOCKS5, UDP ASSOCIATE are carried
// out by the caller. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "tests/server/http_negotiation.h"
#include "tests/server/http_nonces.h"
#include "tests/server/negotiation_step.h"
#include "tests/server/origin.h"
#include "tests/server/paced_output.h"
#include "tests/server/record.h"
#include "tests/server/settings.h"

namespace socksify::testserver {

class Negotiation {
 public:
  using Step = NegotiationStep;

  // All four must outlive the negotiation, which fills `record` and pushes its messages to `output`.
  Negotiation(const Settings* settings, HttpNonces* nonces, RequestRecord* record, PacedOutput* output);

  // Takes complete messages off the front of `input`.
  Step Receive(std::string* input);
  // The outcome of connecting, associating or listening: a SOCKS5 reply code, and the address that the
  // destination sees, or the relay's, or the one that the peer is to connect to. A port of 0 in reply.bound
  // stands for the last two's.
  Step Answer(uint8_t reply_code, const BoundAddress& bound);
  // A BIND's second reply. A code other than success ends the connection, with `outcome` on record.
  Step AnswerPeer(uint8_t reply_code, const BoundAddress& peer, std::string_view outcome);

  // Dante's bind extension: takes a query about an accepted connection off the front of `input`.
  Step ReceiveQuery(std::string* input, std::optional<Endpoint>* asked);
  Step AnswerQuery(const BoundAddress& peer);

  const Script& script() const { return http_ ? http_->script() : script_; }
  const Origin& origin() const { return http_ ? http_->origin() : origin_; }
  CloseHow close_with() const { return script().close_with; }

 private:
  enum class Stage : uint8_t { kVersion, kSocks4Request, kGreeting, kCredentials, kSocks5Request, kDone };

  Step ReceiveOne(std::string_view input, size_t* taken);
  Step ChooseMethod();
  Step CheckCredentials();
  Step StartRequest();
  Step Refuse(uint8_t reply_code, std::string_view outcome);
  // The code of this protocol that says `reply_code`, a SOCKS5 one.
  uint8_t CodeFor(uint8_t reply_code) const;
  Step PushReply(uint8_t code, const BoundAddress& bound, const StageScript& stage, Step next);
  Step Malformed(std::string_view why);
  Step Push(std::string message, const StageScript& stage, Step next);
  bool is_socks5() const { return record_->protocol == "socks5"; }

  const Settings* settings_;
  HttpNonces* nonces_;
  RequestRecord* record_;
  PacedOutput* output_;
  Script script_;
  Origin origin_;
  Stage stage_ = Stage::kVersion;
  std::optional<HttpNegotiation> http_;  // of an HTTP client, which the rest has no part in
};

}  // namespace socksify::testserver
