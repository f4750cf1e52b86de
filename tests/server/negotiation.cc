// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/negotiation.h"

#include <algorithm>
#include <utility>

#include "tests/server/wire.h"

namespace socksify::testserver {
namespace {

bool IsLetter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

}  // namespace

Negotiation::Negotiation(const Settings* settings, HttpNonces* nonces, RequestRecord* record,
                         PacedOutput* output)
    : settings_(settings), nonces_(nonces), record_(record), output_(output), script_(settings->script()) {
  output_->SetLimit(script_.close_at);
}

Negotiation::Step Negotiation::Receive(std::string* input) {
  if (stage_ == Stage::kVersion && !input->empty() && IsLetter(input->front()) && settings_->http()) {
    stage_ = Stage::kDone;
    http_.emplace(settings_, nonces_, record_, output_);
  }
  if (http_) return http_->Receive(input);
  while (true) {
    size_t taken = 0;
    const Step step = ReceiveOne(*input, &taken);
    record_->raw.append(*input, 0, taken);
    input->erase(0, taken);
    if (step != Step::kNeedInput || taken == 0) return step;
  }
}

Negotiation::Step Negotiation::ReceiveOne(std::string_view input, size_t* taken) {
  if (stage_ == Stage::kVersion) {
    if (input.empty()) return Step::kNeedInput;
    if (input[0] == kSocks4Version) {
      stage_ = Stage::kSocks4Request;
    } else if (input[0] == kSocks5Version) {
      stage_ = Stage::kGreeting;
    } else {
      return Malformed("first byte " + std::to_string(static_cast<uint8_t>(input[0])));
    }
  }
  Parsed parsed;
  switch (stage_) {
    case Stage::kSocks4Request: parsed = ParseSocks4Request(input, record_); break;
    case Stage::kGreeting: parsed = ParseSocks5Greeting(input, record_); break;
    case Stage::kCredentials: parsed = ParseSocks5Credentials(input, record_); break;
    case Stage::kSocks5Request: parsed = ParseSocks5Request(input, record_); break;
    case Stage::kVersion:
    case Stage::kDone: return Step::kOver;
  }
  if (parsed.error != nullptr) return Malformed(parsed.error);
  *taken = parsed.size;
  if (parsed.size == 0) return Step::kNeedInput;
  switch (stage_) {
    case Stage::kGreeting: return ChooseMethod();
    case Stage::kCredentials: return CheckCredentials();
    default: return StartRequest();
  }
}

Negotiation::Step Negotiation::ChooseMethod() {
  const auto offers = [&](int method) { return std::ranges::count(record_->methods, method) != 0; };
  uint8_t method = kMethodUnacceptable;
  if (!settings_->credentials() && offers(kMethodNone)) {
    method = kMethodNone;
  } else if (offers(kMethodUserPassword)) {
    method = kMethodUserPassword;
  }
  method = script_.method.code.value_or(method);
  record_->method = method;
  if (method == kMethodUnacceptable) record_->outcome = "no acceptable method";

  const uint8_t version = script_.method.version.value_or(kSocks5Version);
  const Step step =
      Push({static_cast<char>(version), static_cast<char>(method)}, script_.method, Step::kNeedInput);
  if (step == Step::kOver) return step;
  if (method == kMethodNone) {
    stage_ = Stage::kSocks5Request;
  } else if (method == kMethodUserPassword) {
    stage_ = Stage::kCredentials;
  } else {
    stage_ = Stage::kDone;
    if (method == kMethodUnacceptable) output_->PushEnd();
    if (method != kMethodUnacceptable) record_->outcome = "silent";
    return Step::kOver;
  }
  return Step::kNeedInput;
}

Negotiation::Step Negotiation::CheckCredentials() {
  const std::optional<Credentials> wanted = settings_->credentials();
  const bool good = !wanted || (wanted->user == record_->user && wanted->password == record_->password);
  const uint8_t status = script_.auth.code.value_or(good ? 0 : 1);
  const uint8_t version = script_.auth.version.value_or(1);
  if (status != 0) record_->outcome = "bad credentials";
  const Step step =
      Push({static_cast<char>(version), static_cast<char>(status)}, script_.auth, Step::kNeedInput);
  if (step == Step::kOver) return step;
  stage_ = Stage::kSocks5Request;
  if (status == 0) return step;
  output_->PushEnd();
  return Step::kOver;
}

Negotiation::Step Negotiation::StartRequest() {
  stage_ = Stage::kDone;
  script_ = settings_->FindScript(record_->host, record_->port);
  output_->SetLimit(script_.close_at);

  const uint8_t success = is_socks5() ? kSucceeded : kSocks4Granted;
  if (script_.reply.silent) return Push({}, script_.reply, Step::kOver);
  if (script_.reply.code && *script_.reply.code != success) return Refuse(kGeneralFailure, "refused");
  const std::optional<Credentials> wanted = settings_->credentials();
  if (!is_socks5() && wanted && wanted->user != record_->user) {
    return Refuse(kGeneralFailure, "bad credentials");
  }
  switch (static_cast<Command>(record_->command)) {
    case Command::kConnect: break;
    case Command::kUdpAssociate:
      if (is_socks5() && settings_->udp()) return Step::kAssociate;
      return Refuse(kCommandNotSupported, "refused");
    case Command::kBind:
      if (!settings_->bind()) return Refuse(kCommandNotSupported, "refused");
      origin_ = settings_->FindOrigin(record_->host, record_->port);
      if (origin_.kind == OriginKind::kRefuse) return Refuse(origin_.code, "refused");
      return Step::kBind;
    default: return Refuse(kCommandNotSupported, "refused");
  }
  origin_ = settings_->FindOrigin(record_->host, record_->port);
  if (origin_.kind == OriginKind::kUnknown) return Refuse(kHostUnreachable, "refused");
  if (origin_.kind == OriginKind::kRefuse) return Refuse(origin_.code, "refused");
  if (origin_.kind == OriginKind::kAddress && origin_.port == 0) origin_.port = record_->port;
  return Step::kConnect;
}

Negotiation::Step Negotiation::Answer(uint8_t reply_code, const BoundAddress& bound) {
  if (http_) return http_->Answer(reply_code);
  if (reply_code != kSucceeded) return Refuse(reply_code, "refused");
  const Command command = static_cast<Command>(record_->command);
  BoundAddress said = script_.bound.value_or(bound);
  if (command != Command::kConnect && said.port == 0) said.port = bound.port;
  Step next = Step::kRelay;
  record_->outcome = "connected";
  if (command == Command::kUdpAssociate) record_->outcome = "associated";
  if (command == Command::kBind) {
    record_->outcome = "bound";
    const bool forwards = script_.bind.extension && record_->host == kBindExtensionAddress;
    next = forwards ? Step::kForward : Step::kAwaitPeer;
  }
  const uint8_t code = CodeFor(kSucceeded);
  record_->reply_code = code;
  return PushReply(code, said, script_.reply, next);
}

Negotiation::Step Negotiation::AnswerPeer(uint8_t reply_code, const BoundAddress& peer,
                                          std::string_view outcome) {
  const uint8_t code = script_.second.code.value_or(CodeFor(reply_code));
  const bool accepted = reply_code == kSucceeded && code == CodeFor(kSucceeded);
  record_->outcome = reply_code == kSucceeded && !accepted ? "refused" : outcome;
  if (script_.second.silent) return Push({}, script_.second, Step::kOver);
  record_->second_code = code;
  const Step step = PushReply(code, script_.second_bound.value_or(peer), script_.second,
                              accepted ? Step::kRelay : Step::kOver);
  if (!accepted) output_->PushEnd();
  return step;
}

// A query has the layout of a BIND request, without a greeting before it.
Negotiation::Step Negotiation::ReceiveQuery(std::string* input, std::optional<Endpoint>* asked) {
  if (input->empty()) return Step::kForward;
  if (!script_.bind.query) {
    output_->PushEnd();
    return Step::kOver;
  }
  RequestRecord query;
  const Parsed parsed = is_socks5() ? ParseSocks5Request(*input, &query) : ParseSocks4Request(*input, &query);
  if (parsed.error != nullptr) return Malformed(parsed.error);
  if (parsed.size == 0) return Step::kForward;
  input->erase(0, parsed.size);
  if (static_cast<Command>(query.command) != Command::kBind) return Malformed("a query that is no BIND");
  *asked = Endpoint::FromHost(query.host, query.port);
  return Step::kQuery;
}

Negotiation::Step Negotiation::AnswerQuery(const BoundAddress& peer) {
  if (script_.second.silent) return Step::kForward;
  const uint8_t code = script_.second.code.value_or(CodeFor(kSucceeded));
  record_->second_code = code;
  return PushReply(code, script_.second_bound.value_or(peer), script_.second, Step::kForward);
}

Negotiation::Step Negotiation::Refuse(uint8_t reply_code, std::string_view outcome) {
  const BoundAddress bound = script_.bound.value_or(BoundAddress{"0.0.0.0", 0});
  uint8_t code = CodeFor(reply_code);
  if (!is_socks5() && outcome == "bad credentials") code = kSocks4BadUser;
  code = script_.reply.code.value_or(code);
  record_->reply_code = code;
  record_->outcome = outcome;
  const Step step = PushReply(code, bound, script_.reply, Step::kOver);
  output_->PushEnd();
  return step;
}

uint8_t Negotiation::CodeFor(uint8_t reply_code) const {
  if (is_socks5()) return reply_code;
  return reply_code == kSucceeded ? kSocks4Granted : kSocks4Rejected;
}

Negotiation::Step Negotiation::PushReply(uint8_t code, const BoundAddress& bound, const StageScript& stage,
                                         Step next) {
  return Push(is_socks5() ? MakeSocks5Reply(stage.version.value_or(kSocks5Version), code, bound)
                          : MakeSocks4Reply(stage.version.value_or(0), code, bound),
              stage, next);
}

Negotiation::Step Negotiation::Malformed(std::string_view why) {
  stage_ = Stage::kDone;
  record_->outcome = "malformed: " + std::string(why);
  output_->PushEnd();
  return Step::kOver;
}

Negotiation::Step Negotiation::Push(std::string message, const StageScript& stage, Step next) {
  if (output_->PushMessage(std::move(message), stage)) return next;
  stage_ = Stage::kDone;
  record_->outcome = "silent";
  return Step::kOver;
}

}  // namespace socksify::testserver
