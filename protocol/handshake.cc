// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/handshake.h"

#include <algorithm>
#include <cerrno>

namespace socksify {
namespace {

// An idle handshake: nothing was started.
constexpr Failure kIdle = {
    .fault = Fault::kCaller, .error = EINVAL, .reply_code = -1, .reason = "no negotiation was started"};
constinit const Endpoint kNowhere;

// It lives in every pending connection.
static_assert(sizeof(Handshake) < 4096);

// Not std::visit, which throws for a variant without a value.
template <typename Variant, typename Action, typename Result>
Result Visit(Variant& client, Action action, Result idle) {
  if (auto* socks4 = std::get_if<Socks4Client>(&client)) return action(*socks4);
  if (auto* socks5 = std::get_if<Socks5Client>(&client)) return action(*socks5);
  if (auto* http = std::get_if<HttpConnectClient>(&client)) return action(*http);
  return idle;
}

template <typename Variant, typename Action>
void VisitVoid(Variant& client, Action action) {
  Visit(client, [&](auto& machine) { return action(machine), true; }, false);
}

}  // namespace

const char* ProtocolName(ProxyProtocol protocol) {
  switch (protocol) {
    case ProxyProtocol::kSocks4: return "socks4";
    case ProxyProtocol::kSocks4a: return "socks4a";
    case ProxyProtocol::kSocks5: return "socks5";
    case ProxyProtocol::kHttp: break;
  }
  return "http";
}

void Handshake::StartSocks4(const Endpoint& destination, Socks4Dialect dialect, std::string_view user_id,
                            Socks4Command command) {
  client_.emplace<Socks4Client>().Start(destination, dialect, user_id, command);
}

void Handshake::StartSocks5(const Endpoint& destination, const Socks5Auth& auth, Socks5Command command) {
  client_.emplace<Socks5Client>().Start(destination, auth, command);
}

void Handshake::StartHttp(const Endpoint& destination, const HttpAuth& auth) {
  client_.emplace<HttpConnectClient>().Start(destination, auth);
}

HandshakeState Handshake::state() const {
  return Visit(client_, [](const auto& client) { return client.state(); }, HandshakeState::kFailed);
}

std::span<const uint8_t> Handshake::output() const {
  return Visit(client_, [](const auto& client) { return client.output(); }, std::span<const uint8_t>());
}

void Handshake::OutputSent(size_t count) {
  VisitVoid(client_, [&](auto& client) { client.OutputSent(count); });
}

size_t Handshake::input_needed() const {
  return Visit(client_, [](const auto& client) { return client.input_needed(); }, size_t{0});
}

bool Handshake::wants_peek() const {
  const auto* const http = std::get_if<HttpConnectClient>(&client_);
  return http != nullptr && http->wants_peek();
}

size_t Handshake::OwnBytes(std::span<const uint8_t> peeked) const {
  if (const auto* const http = std::get_if<HttpConnectClient>(&client_)) return http->OwnBytes(peeked);
  return std::min(peeked.size(), input_needed());
}

void Handshake::Input(std::span<const uint8_t> bytes) {
  VisitVoid(client_, [&](auto& client) { client.Input(bytes); });
}

void Handshake::InputClosed() {
  VisitVoid(client_, [](auto& client) { client.InputClosed(); });
}

void Handshake::Reconnected() {
  if (auto* const http = std::get_if<HttpConnectClient>(&client_)) http->Reconnected();
}

const Failure& Handshake::failure() const {
  return *Visit(client_, [](const auto& client) { return &client.failure(); }, &kIdle);
}

const Endpoint& Handshake::bound() const {
  return *Visit(client_, [](const auto& client) { return &client.bound(); }, &kNowhere);
}

size_t Handshake::reply_size() const {
  const auto* const socks5 = std::get_if<Socks5Client>(&client_);
  return socks5 != nullptr ? socks5->reply_size() : 0;
}

bool Handshake::has_overrun() const {
  const auto* const socks5 = std::get_if<Socks5Client>(&client_);
  return socks5 != nullptr && socks5->has_overrun();
}

void Handshake::AwaitPeer(const std::optional<IpAddress>& expected) {
  if (auto* const socks4 = std::get_if<Socks4Client>(&client_)) socks4->AwaitPeer(expected);
  if (auto* const socks5 = std::get_if<Socks5Client>(&client_)) socks5->AwaitPeer(expected);
}

const Endpoint& Handshake::peer() const {
  if (const auto* const socks4 = std::get_if<Socks4Client>(&client_)) return socks4->peer();
  if (const auto* const socks5 = std::get_if<Socks5Client>(&client_)) return socks5->peer();
  return kNowhere;
}

}  // namespace socksify
