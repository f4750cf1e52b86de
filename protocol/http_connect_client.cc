// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_connect_client.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include "protocol/http_status.h"
#include "protocol/reply_code.h"

namespace socksify {
namespace {

constexpr int kAuthenticationRequired = 407;
constexpr int kMaxAnswers = 2;
constinit const Endpoint kNowhere;

// reg-name without percent-encoding (RFC 3986 section 3.2.2): unreserved and sub-delims.
bool IsHostByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-._~!$&'()*+,;=").contains(c);
}

bool IsControlByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

Failure Unsayable(int error, const char* reason) {
  return {.fault = Fault::kServer, .error = error, .reply_code = -1, .reason = reason};
}

Failure Denied(const char* reason) {
  return {.fault = Fault::kServer, .error = EACCES, .reply_code = kAuthenticationRequired, .reason = reason};
}

// Not inline: its many callers would each have a copy.
[[gnu::noinline]] void AppendText(std::string_view text, HttpRequest* request) {
  request->Append(AsBytes(text));
}

void AppendHex(const std::array<uint64_t, 2>& seed, std::array<char, 32>* text) {
  for (size_t i = 0; i < text->size(); ++i) {
    (*text)[i] = "0123456789abcdef"[seed[i / 16] >> (60 - 4 * (i % 16)) & 0xf];
  }
}

}  // namespace

// Not at its declaration, so that what it leaves alone is not cleared (message.h).
HttpConnectClient::HttpConnectClient() = default;

void HttpConnectClient::Start(const Endpoint& destination, const HttpAuth& auth) {
  std::destroy_at(this);
  std::construct_at(this);
  if (!std::ranges::all_of(destination.name(), IsHostByte)) {
    return Fail(Unsayable(EAFNOSUPPORT, "the name has characters that an HTTP request cannot say"));
  }
  if (auth.username.size() > HttpCredentials::kMaxPartSize) {
    return Fail(Unsayable(EACCES, "the HTTP username is longer than 255 bytes"));
  }
  if (auth.password.size() > HttpCredentials::kMaxPartSize) {
    return Fail(Unsayable(EACCES, "the HTTP password is longer than 255 bytes"));
  }
  if (auth.basic && !auth.digest && auth.username.contains(':')) {
    return Fail(Unsayable(EACCES, "Basic authentication cannot say a username with a colon"));
  }
  if (std::ranges::any_of(auth.username, IsControlByte) ||
      std::ranges::any_of(auth.password, IsControlByte)) {
    return Fail(Unsayable(EACCES, "the HTTP username or password has a control character"));
  }
  SetTarget(destination);
  if (auth.digest && !auth.username.empty()) {
    may_digest_ = true;
    credentials_.Set(auth.username, auth.password);
    AppendHex(auth.cnonce_seed, &cnonce_);
  }
  BuildFirstRequest(auth);
}

// authority-form (RFC 9112 section 3.2.3). What follows a % in an IPv6 address means nothing to the proxy.
void HttpConnectClient::SetTarget(const Endpoint& destination) {
  char* end = target_.data();
  if (destination.is_name()) {
    end = std::ranges::copy(destination.name(), end).out;
  } else {
    const IpAddress& ip = destination.ip();
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(ip.is_v6() ? AF_INET6 : AF_INET, ip.bytes().data(), text.data(), text.size());
    if (ip.is_v6()) *end++ = '[';
    end = std::ranges::copy(std::string_view(text.data()), end).out;
    if (ip.is_v6()) *end++ = ']';
  }
  *end++ = ':';
  end = std::to_chars(end, target_.data() + target_.size(), destination.port()).ptr;
  target_size_ = static_cast<uint16_t>(end - target_.data());
}

// Everything but credentials and the blank line. Proxy-Connection is in no standard; the HTTP/1.0 proxies
// that want to hear it understand nothing else, and the others pass over it.
HttpRequest* HttpConnectClient::BeginRequest() {
  HttpRequest* const request = &message_.emplace<HttpRequest>();
  AppendText("CONNECT ", request);
  AppendText(target(), request);
  AppendText(" HTTP/1.1\r\nHost: ", request);
  AppendText(target(), request);
  AppendText("\r\nProxy-Connection: keep-alive\r\n", request);
  step_ = Step::kSend;
  return request;
}

void HttpConnectClient::BuildFirstRequest(const HttpAuth& auth) {
  HttpRequest* const request = BeginRequest();
  if (auth.basic && !auth.username.empty() && !auth.username.contains(':')) {
    sent_ = Sent::kBasic;
    AppendText("Proxy-Authorization: ", request);
    AppendBasic(auth.username, auth.password, request);
    AppendText("\r\n", request);
  }
  AppendText("\r\n", request);
}

void HttpConnectClient::BuildAnswer() {
  HttpRequest* const request = BeginRequest();
  sent_ = Sent::kDigest;
  AppendText("Proxy-Authorization: ", request);
  AppendDigest(challenges_.digest, credentials_,
               {.method = "CONNECT",
                .uri = target(),
                .cnonce = {cnonce_.data(), cnonce_.size()},
                .nonce_count = ++nonce_count_},
               request);
  AppendText("\r\n\r\n", request);
}

HandshakeState HttpConnectClient::state() const {
  switch (step_) {
    case Step::kSend: return HandshakeState::kWrite;
    case Step::kReadHead:
    case Step::kReadBody: return HandshakeState::kRead;
    case Step::kReconnect: return HandshakeState::kReconnect;
    case Step::kDone: return HandshakeState::kDone;
    case Step::kFailed: break;
  }
  return HandshakeState::kFailed;
}

std::span<const uint8_t> HttpConnectClient::output() const {
  const HttpRequest* const request = std::get_if<HttpRequest>(&message_);
  if (step_ != Step::kSend || request == nullptr) return {};
  return request->pending();
}

void HttpConnectClient::OutputSent(size_t count) {
  HttpRequest* const request = std::get_if<HttpRequest>(&message_);
  if (step_ != Step::kSend || request == nullptr) return;
  request->Sent(count);
  if (!request->pending().empty()) return;
  message_.emplace<HttpResponseReader>();
  step_ = Step::kReadHead;
}

size_t HttpConnectClient::input_needed() const {
  if (step_ == Step::kReadBody) return body_.least_missing();
  const HttpResponseReader* const response = std::get_if<HttpResponseReader>(&message_);
  return step_ == Step::kReadHead && response != nullptr ? response->least_missing() : 0;
}

bool HttpConnectClient::wants_peek() const {
  return step_ == Step::kReadHead || (step_ == Step::kReadBody && body_.is_chunked());
}

size_t HttpConnectClient::OwnBytes(std::span<const uint8_t> peeked) const {
  if (step_ == Step::kReadBody) return HttpBodySkipper(body_).Take(peeked);
  const HttpResponseReader* const response = std::get_if<HttpResponseReader>(&message_);
  return step_ == Step::kReadHead && response != nullptr ? response->OwnBytes(peeked) : 0;
}

void HttpConnectClient::Input(std::span<const uint8_t> bytes) {
  while (!bytes.empty() && state() == HandshakeState::kRead) {
    bytes = bytes.subspan(step_ == Step::kReadHead ? InputHead(bytes) : InputBody(bytes));
  }
}

size_t HttpConnectClient::InputHead(std::span<const uint8_t> bytes) {
  HttpResponseReader* const response = std::get_if<HttpResponseReader>(&message_);
  if (response == nullptr) return bytes.size();
  if (response->size() == 0) challenges_ = HttpChallenges();
  may_reconnect_ = false;
  const size_t taken = response->Take(bytes, &challenges_);
  switch (response->progress()) {
    case HttpResponseReader::Progress::kReading: break;
    case HttpResponseReader::Progress::kViolation: Fail(ProtocolViolation(response->violation())); break;
    case HttpResponseReader::Progress::kRefused: Fail(HttpRefusal(response->status())); break;
    case HttpResponseReader::Progress::kComplete:
      if (response->status() == kAuthenticationRequired) {
        OnChallenge(response->ReusableBody());
      } else {
        Finish();
      }
      break;
  }
  return taken;
}

// Content-Length and Transfer-Encoding of a 2xx mean nothing here: what follows is the destination's
// (RFC 9110 section 9.3.6).
void HttpConnectClient::Finish() {
  credentials_.Wipe();
  step_ = Step::kDone;
}

void HttpConnectClient::OnChallenge(const std::optional<HttpBodySkipper>& body) {
  if (!CheckChallenge()) return;
  ++answered_challenges_;
  nonce_count_ = 0;
  if (!body.has_value()) {
    BuildAnswer();
    step_ = Step::kReconnect;
    return;
  }
  may_reconnect_ = true;
  body_ = *body;
  step_ = Step::kReadBody;
  if (body_.is_done()) BuildAnswer();
}

// Whether the challenge is to be answered; fails if not. Only Digest answers: where Basic is possible at all,
// it has gone with the first request.
bool HttpConnectClient::CheckChallenge() {
  const bool may_digest = may_digest_ && challenges_.has_digest;
  const bool is_rejected = (sent_ == Sent::kBasic && challenges_.has_basic && !may_digest) ||
                           (sent_ == Sent::kDigest && !(may_digest && challenges_.digest.is_stale)) ||
                           answered_challenges_ == kMaxAnswers;
  if (is_rejected) {
    Fail(Denied("the proxy rejected the username and password"));
  } else if (!may_digest_ && sent_ == Sent::kNothing) {
    Fail(Denied("the proxy accepts no anonymous clients; give a username and a password"));
  } else if (!may_digest) {
    Fail(Denied(challenges_.is_too_long
                    ? "the proxy's challenge is too long to be answered"
                    : "the proxy asks for an authentication method that is not allowed or not known"));
  } else {
    return true;
  }
  return false;
}

size_t HttpConnectClient::InputBody(std::span<const uint8_t> bytes) {
  const size_t taken = body_.Take(bytes);
  if (body_.is_done()) {
    BuildAnswer();
  } else if (body_.is_broken()) {
    BuildAnswer();
    step_ = Step::kReconnect;
  }
  return taken;
}

void HttpConnectClient::InputClosed() {
  const HandshakeState current = state();
  if (current != HandshakeState::kWrite && current != HandshakeState::kRead) return;
  if (may_reconnect_) {
    may_reconnect_ = false;
    BuildAnswer();
    step_ = Step::kReconnect;
    return;
  }
  const HttpResponseReader* const response = std::get_if<HttpResponseReader>(&message_);
  Fail(ClosedByProxy(current == HandshakeState::kRead && response != nullptr ? response->size() : 0));
}

void HttpConnectClient::Reconnected() {
  if (step_ != Step::kReconnect) return;
  may_reconnect_ = false;
  step_ = Step::kSend;
}

const Endpoint& HttpConnectClient::bound() const {
  return kNowhere;
}

void HttpConnectClient::Fail(const Failure& failure) {
  credentials_.Wipe();
  if (HttpRequest* const request = std::get_if<HttpRequest>(&message_)) request->Wipe();
  failure_ = failure;
  step_ = Step::kFailed;
}

}  // namespace socksify
