// SPDX-License-Identifier: BSD-2-Clause
#include "tools/probe_socks5.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace socksify {
namespace {

using State = ProbeAnswer::State;

// RFC 1928 section 3.
constexpr uint8_t kVersion = 5;
constexpr uint8_t kMethodNoneCode = 0;
constexpr uint8_t kMethodGssapiCode = 1;
constexpr uint8_t kMethodUsernameCode = 2;
// RFC 1929 section 2.
constexpr std::array<uint8_t, 2> kCredentialsAccepted = {1, 0};

constexpr Failure kNotAccepted = {Fault::kServer, EACCES, -1, "not accepted"};
constexpr Failure kNotSocks5 = {Fault::kServer, ECONNABORTED, -1,
                                "the answer is none to an offer of GSSAPI alone"};

constexpr Failure kSwallowed = {Fault::kServer, ETIMEDOUT, -1, "what is sent early gets no answer"};

Socks5Auth Offer(const Server& server, uint8_t method) {
  Socks5Auth auth;
  auth.offer_none = method == kMethodNoneCode;
  auth.offer_username = method == kMethodUsernameCode;
  // Whether the method is chosen shows before the name is sent.
  auth.username = server.username.empty() ? std::string_view("probe") : std::string_view(server.username);
  auth.password = server.password;
  return auth;
}

struct Selection {
  ProbeAnswer answer;
  // The answer is one that SOCKS5 knows.
  bool is_socks5 = false;
};

// Offers one method. Where it is chosen, `handshake` stands before what follows.
Selection Select(ProbeConnection* connection, Handshake* handshake) {
  if (const auto failure = connection->Connect()) return {{State::kNo, failure}, false};
  if (const auto failure = connection->Turn(handshake)) return {{State::kNo, failure}, false};
  if (handshake->state() == HandshakeState::kWrite) return {{State::kYes, std::nullopt}, true};
  // EACCES: the server has said that none of the methods will do.
  const bool is_socks5 = handshake->failure().error == EACCES;
  return {{State::kNo, is_socks5 ? kNotAccepted : handshake->failure()}, is_socks5};
}

// The handshake's machine does not know this method, so the two bytes are read here.
ProbeAnswer SelectGssapi(ProbeConnection* connection) {
  constexpr std::array<uint8_t, 3> kGreeting = {kVersion, 1, kMethodGssapiCode};
  std::array<uint8_t, 2> reply{};
  if (const auto failure = connection->Connect()) return {State::kNo, failure};
  if (const auto failure = connection->Send(kGreeting)) return {State::kNo, failure};
  if (const auto failure = connection->Receive(reply)) return {State::kNo, failure};
  if (reply == std::array<uint8_t, 2>{kVersion, kMethodGssapiCode}) return {State::kYes, std::nullopt};
  const bool is_refusal = reply == std::array<uint8_t, 2>{kVersion, 0xff};
  return {State::kNo, is_refusal ? kNotAccepted : kNotSocks5};
}

void Append(std::vector<uint8_t>* flight, Handshake* handshake) {
  const std::span<const uint8_t> output = handshake->output();
  flight->insert(flight->end(), output.begin(), output.end());
  handshake->OutputSent(output.size());
}

}  // namespace

void ProbeMethods(const System& system, const Server& server, const IpAddress& address,
                  const ProbeLimits& limits, ProbeReport* report) {
  ProbeConnection connection(system, address, server.address.port(), limits);
  Handshake handshake;
  handshake.StartSocks5(Endpoint(), Offer(server, kMethodNoneCode));
  const Selection none = Select(&connection, &handshake);
  if (!none.is_socks5) {
    report->socks5 = none.answer;
    return;
  }
  report->socks5.state = State::kYes;
  report->none = none.answer;

  handshake.StartSocks5(Endpoint(), Offer(server, kMethodUsernameCode));
  report->username = Select(&connection, &handshake).answer;
  const bool has_credentials =
      !server.username.empty() && (server.password_source == PasswordSource::kNone || server.has_password);
  if (report->username.is_yes() && has_credentials) {
    const auto failure = connection.Turn(&handshake);
    if (!failure && handshake.state() == HandshakeState::kWrite) {
      report->credentials.state = State::kYes;
    } else {
      report->credentials = {State::kNo, failure ? *failure : handshake.failure()};
    }
  }
  report->gssapi = SelectGssapi(&connection);
}

// The machine that builds the flight is given the answers that the server is expected to give; another one
// reads those that come.
ProbeAnswer ProbePipelining(const System& system, const Server& server, const IpAddress& address,
                            const ProbeLimits& limits, const Endpoint& destination,
                            const ProbeReport& report) {
  const bool is_anonymous = report.none.is_yes() && (server.methods & kMethodNone) != 0;
  const uint8_t method = is_anonymous ? kMethodNoneCode : kMethodUsernameCode;
  Handshake writer;
  writer.StartSocks5(destination, Offer(server, method));
  Handshake reader = writer;
  std::vector<uint8_t> flight;
  Append(&flight, &writer);
  writer.Input(std::array{kVersion, method});
  if (!is_anonymous) {
    Append(&flight, &writer);
    writer.Input(kCredentialsAccepted);
  }
  Append(&flight, &writer);

  ProbeConnection connection(system, address, server.address.port(), limits);
  if (const auto failure = connection.Connect()) return {State::kNo, failure};
  if (const auto failure = connection.Send(flight)) return {State::kNo, failure};
  while (reader.state() == HandshakeState::kWrite) {
    reader.OutputSent(reader.output().size());
    if (const auto failure = connection.ReceiveFor(&reader))
      return {State::kNo, failure->error == ETIMEDOUT ? kSwallowed : *failure};
  }
  if (reader.state() == HandshakeState::kDone || reader.failure().reply_code >= 0)
    return {State::kYes, std::nullopt};
  return {State::kNo, reader.failure()};
}

}  // namespace socksify
