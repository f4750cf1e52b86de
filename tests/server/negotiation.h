// SPDX-License-Identifier: BSD-2-Clause
// Negotiation: one client's handshake from the first byte to the reply, without I/O.
//
// The caller collects the client's bytes and offers them to Receive() until it says what to do next. SOCKS4,
// 4A and 5 are told apart by the first byte. CONNECT, BIND and, with SOCKS5, UDP ASSOCIATE are carried out by
// the caller. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.h"
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
    kBind,       // listen for a peer and call Answer()
    kAwaitPeer,  // the answer to a BIND is success: call AnswerPeer() when the peer has come or will not
    kForward,    // the same with Dante's bind extension: offer what follows to ReceiveQuery()
    kQuery,      // look up who the peer is and call AnswerQuery()
    kRelay,      // the answer is success: what follows is application data
    kOver,       // nothing that the client says matters any more
  };

  // All three must outlive the negotiation, which fills `record` and pushes its messages to `output`.
  Negotiation(const Settings* settings, RequestRecord* record, PacedOutput* output);

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

  const Script& script() const { return script_; }
  const Origin& origin() const { return origin_; }
  CloseHow close_with() const { return script_.close_with; }

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
  RequestRecord* record_;
  PacedOutput* output_;
  Script script_;
  Origin origin_;
  Stage stage_ = Stage::kVersion;
};

}  // namespace socksify::testserver
