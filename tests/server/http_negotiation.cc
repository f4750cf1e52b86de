// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/http_negotiation.h"

#include <utility>

#include "base/ip_address.h"
#include "tests/server/wire.h"

namespace socksify::testserver {
namespace {

// Less than what a connection lets wait (tcp_sockets.h).
constexpr size_t kMaxHead = 64 << 10;

// The status that says a SOCKS5 reply code.
int StatusFor(uint8_t reply_code) {
  switch (reply_code) {
    case kSucceeded: return 200;
    case kGeneralFailure: return 500;
    case kNotAllowed: return 403;
    case kTtlExpired: return 504;
    case kCommandNotSupported: return 501;
    default: return 502;
  }
}

AddressType TypeOf(const std::string& host) {
  const std::optional<IpAddress> ip = IpAddress::Parse(host);
  if (!ip) return AddressType::kName;
  return ip->is_v4() ? AddressType::kV4 : AddressType::kV6;
}

std::string Malformed(std::string_view why) {
  return "malformed: " + std::string(why);
}

}  // namespace

HttpNegotiation::HttpNegotiation(const Settings* settings, HttpNonces* nonces, RequestRecord* record,
                                 PacedOutput* output)
    : settings_(settings), nonces_(nonces), record_(record), output_(output), script_(settings->script()) {}

HttpNegotiation::Step HttpNegotiation::Receive(std::string* input) {
  record_->protocol = "http";
  while (true) {
    const size_t size = HttpHeadSize(*input);
    if (size > kMaxHead || (size == 0 && input->size() > kMaxHead)) {
      return Refuse(400, Malformed("endless head"));
    }
    // Whoever speaks another protocol than HTTP may be waiting for an answer to its first line.
    const std::optional<HttpError> fault = FindRequestLineFault(*input);
    if (fault) return Refuse(fault->status, Malformed(fault->why));
    if (size == 0) return Step::kNeedInput;
    const std::string head = input->substr(0, size);
    record_->raw += head;
    input->erase(0, size);
    const Step step = ReceiveRequest(head);
    if (step != Step::kNeedInput) return step;
  }
}

HttpNegotiation::Step HttpNegotiation::ReceiveRequest(std::string_view head) {
  ++record_->requests;
  const std::expected<HttpRequest, HttpError> request = ParseHttpHead(head);
  if (!request) return Refuse(request.error().status, Malformed(request.error().why));
  if (request->method != "CONNECT") return Refuse(405, "refused");
  const std::optional<BoundAddress> target = ParseHttpTarget(request->target);
  if (!target) return Refuse(400, Malformed("target"));
  record_->command = static_cast<int>(Command::kConnect);
  record_->address_type = TypeOf(target->host);
  record_->host = target->host;
  record_->port = target->port;
  script_ = settings_->FindScript(target->host, target->port);
  output_->SetLimit(script_.close_at);

  const HttpVerdict verdict =
      CheckHttpCredentials(request->Find("Proxy-Authorization"), request->method, request->target,
                           settings_->credentials(), script_.http, nonces_, record_);
  if (verdict.kind != HttpVerdict::Kind::kGood) return Demand(*request, verdict);
  if (script_.reply.silent) return Push({}, script_.reply, Step::kOver);
  const int status = script_.http.status.value_or(StatusFor(script_.reply.code.value_or(kSucceeded)));
  if (status / 100 != 2) return Refuse(status, "refused");
  origin_ = settings_->FindOrigin(record_->host, record_->port);
  if (origin_.kind == OriginKind::kUnknown) return Refuse(StatusFor(kHostUnreachable), "refused");
  if (origin_.kind == OriginKind::kRefuse) return Refuse(StatusFor(origin_.code), "refused");
  if (origin_.kind == OriginKind::kAddress && origin_.port == 0) origin_.port = record_->port;
  return Step::kConnect;
}

HttpNegotiation::Step HttpNegotiation::Answer(uint8_t reply_code) {
  if (reply_code != kSucceeded) return Refuse(StatusFor(reply_code), "refused");
  const int status = script_.http.status.value_or(StatusFor(kSucceeded));
  record_->reply_code = status;
  record_->outcome = "connected";
  return Push({.status = status}, script_.reply, Step::kRelay);
}

HttpNegotiation::Step HttpNegotiation::Demand(const HttpRequest& request, const HttpVerdict& verdict) {
  record_->reply_code = 407;
  switch (verdict.kind) {
    case HttpVerdict::Kind::kMissing: record_->outcome = "no credentials"; break;
    case HttpVerdict::Kind::kStale: record_->outcome = "stale credentials"; break;
    default: record_->outcome = "bad credentials"; break;
  }
  const bool has_length = script_.http.chunked || script_.http.length;
  const bool keep = script_.http.keep.value_or(request.WantsToKeep() && has_length);
  HttpAnswer answer{.status = 407,
                    .headers = MakeHttpChallenges(verdict, script_.http, nonces_),
                    .body = std::string(verdict.why) + "\n"};
  // Keeping is the default of HTTP/1.1 alone, and closing that of 1.0.
  const bool old = request.version == "1.0" || script_.http.version == "1.0";
  if (!keep) answer.headers.emplace_back("Connection: close");
  if (keep && old) answer.headers.emplace_back("Connection: keep-alive");
  const Step step = Push(answer, script_.auth, keep ? Step::kNeedInput : Step::kOver);
  if (!keep) output_->PushEnd();
  return step;
}

HttpNegotiation::Step HttpNegotiation::Refuse(int status, std::string_view outcome) {
  record_->reply_code = status;
  record_->outcome = outcome;
  HttpAnswer answer{.status = status, .headers = {"Connection: close"}, .body = std::string(outcome) + "\n"};
  if (status == 405) answer.headers.emplace_back("Allow: CONNECT");
  const Step step = Push(answer, script_.reply, Step::kOver);
  output_->PushEnd();
  return step;
}

HttpNegotiation::Step HttpNegotiation::Push(const HttpAnswer& answer, const StageScript& stage, Step next) {
  if (output_->PushMessage(MakeHttpAnswer(answer, script_.http), stage)) return next;
  record_->outcome = "silent";
  return Step::kOver;
}

}  // namespace socksify::testserver
