// SPDX-License-Identifier: BSD-2-Clause
// HttpNegotiation: the part of Negotiation that speaks HTTP CONNECT (RFC 9110 section 9.3.6), without I/O.
//
// A connection may carry several requests: a 407 leaves it open for the next one unless script or client
// have it otherwise; behind any other refusal it ends. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/server/http_auth.h"
#include "tests/server/http_message.h"
#include "tests/server/http_nonces.h"
#include "tests/server/negotiation_step.h"
#include "tests/server/origin.h"
#include "tests/server/paced_output.h"
#include "tests/server/record.h"
#include "tests/server/settings.h"

namespace socksify::testserver {

class HttpNegotiation {
 public:
  using Step = NegotiationStep;

  // All four must outlive the negotiation.
  HttpNegotiation(const Settings* settings, HttpNonces* nonces, RequestRecord* record, PacedOutput* output);

  // Takes complete requests off the front of `input`.
  Step Receive(std::string* input);
  // The outcome of connecting, a SOCKS5 reply code.
  Step Answer(uint8_t reply_code);

  const Script& script() const { return script_; }
  const Origin& origin() const { return origin_; }

 private:
  Step ReceiveRequest(std::string_view head);
  Step Demand(const HttpRequest& request, const HttpVerdict& verdict);
  Step Refuse(int status, std::string_view outcome);
  Step Push(const HttpAnswer& answer, const StageScript& stage, Step next);

  const Settings* settings_;
  HttpNonces* nonces_;
  RequestRecord* record_;
  PacedOutput* output_;
  Script script_;
  Origin origin_;
};

}  // namespace socksify::testserver
