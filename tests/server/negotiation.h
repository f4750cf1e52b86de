// SPDX-License-Identifier: BSD-2-Clause
// Negotiation: one client's handshake from the first byte to the reply, without I/O.
//
// The caller collects the client's bytes and offers them to Receive() until it says what to do next. SOCKS4,
// 4A and 5 are told apart by the first byte. CONNECT and, with SOCKS5, UDP ASSOCIATE are carried out by the
// caller; BIND is recorded and refused (reply 7). Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/server/origin.h"
#include "tests/server/paced_output.h"
#include "tests/server/record.h"
#include "tests/server/settings.h"

namespace socksify::testserver {

class Negotiation {
 public:
  enum class Step : uint8_t {
    kNeedInput,
    kConnect,    // connect to origin(), which is never of kind kUnknown or kRefuse, and call Answer()
    kAssociate,  // open a UDP relay and call Answer()
    kRelay,      // the answer is success: what follows is application data
    kOver,       // nothing that the client says matters any more
  };

  // All three must outlive the negotiation, which fills `record` and pushes its messages to `output`.
  Negotiation(const Settings* settings, RequestRecord* record, PacedOutput* output);

  // Takes complete messages off the front of `input`.
  Step Receive(std::string* input);
  // The outcome of connecting or associating: a SOCKS5 reply code, and the address that the destination sees,
  // or the relay's. A port of 0 in an association's reply.bound stands for the relay's.
  Step Answer(uint8_t reply_code, const BoundAddress& bound);

  const Origin& origin() const { return origin_; }
  CloseHow close_with() const { return script_.close_with; }

 private:
  enum class Stage : uint8_t { kVersion, kSocks4Request, kGreeting, kCredentials, kSocks5Request, kDone };

  Step ReceiveOne(std::string_view input, size_t* taken);
  Step ChooseMethod();
  Step CheckCredentials();
  Step StartRequest();
  Step Refuse(uint8_t reply_code, std::string_view outcome);
  Step Malformed(std::string_view why);
  Step Push(std::string message, const StageScript& stage, Step next);
  bool is_socks5() const { return record_->protocol == "socks5"; }

  const Settings* settings_;
  RequestRecord* record_;
  PacedOutput* output_;
  Script script_;
  Origin origin_;
  Stage stage_ = Stage::kVersion;
};

}  // namespace socksify::testserver
