// SPDX-License-Identifier: BSD-2-Clause
#include "tools/probe.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>

#include "base/unique_fd.h"
#include "dialer/attempt.h"
#include "dialer/control_connection.h"
#include "dialer/inbound.h"
#include "dialer/path_text.h"
#include "dialer/udp_association.h"
#include "tools/probe_socks5.h"

namespace socksify {
namespace {

using State = ProbeAnswer::State;

constexpr size_t kMaxAddresses = 8;
// How many servers are probed at a time.
constexpr size_t kMaxProbes = 16;

ProbedAddress MeasureConnecting(const System& system, const IpAddress& address, uint16_t port,
                                const ProbeLimits& limits) {
  ProbedAddress probed = {.address = address, .connect_ms = 0, .failure = {}};
  std::array<double, 3> times{};
  for (double& time : times) {
    ProbeConnection connection(system, address, port, limits);
    probed.failure = connection.Connect();
    if (probed.failure) return probed;
    time = connection.connect_ms();
  }
  std::ranges::sort(times);
  probed.connect_ms = times[1];
  return probed;
}

std::vector<IpAddress> FindAddresses(const System& system, const Endpoint& server) {
  if (!server.is_name()) return {server.ip().Unmapped()};
  std::vector<IpAddress> addresses(kMaxAddresses);
  addresses.resize(system.resolve(std::string(server.name()).c_str(), addresses));
  return addresses;
}

ProbeAnswer* AnswerOn(ProxyProtocol protocol, ProbeReport* report) {
  switch (protocol) {
    case ProxyProtocol::kSocks5: return &report->socks5;
    case ProxyProtocol::kSocks4: return &report->socks4;
    case ProxyProtocol::kSocks4a: return &report->socks4a;
    case ProxyProtocol::kHttp: break;
  }
  return &report->http;
}

// One server under probe, at the address where it is reached.
class Probe {
 public:
  Probe(const System& system, const Server& server, const ProbeOptions& options, const IpAddress& address,
        ProbeReport* report)
      : system_(system),
        server_(server),
        options_(options),
        address_(address),
        report_(*report),
        limits_(options.limits) {
    Target target;
    target.kind = Target::Kind::kProxies;
    target.hops = {&server};
    rule_.group = {target};
    attempt_options_.connect_timeout_ms = options.limits.connect_ms;
    attempt_options_.negotiate_timeout_ms = options.limits.negotiate_ms;
  }

  void AskConfiguredProtocol() {
    const long long begin_ms = MonotonicMs();
    Ask(report_.protocol);
    const std::optional<Failure>& failure = AnswerOn(report_.protocol, &report_)->failure;
    if (!failure || failure->error != ETIMEDOUT) SetPatience(MonotonicMs() - begin_ms);
  }

  void AskOtherProtocols() {
    for (const ProxyProtocol protocol :
         {ProxyProtocol::kSocks5, ProxyProtocol::kSocks4, ProxyProtocol::kSocks4a, ProxyProtocol::kHttp}) {
      // Who does not speak SOCKS4 does not speak its extension either.
      const bool is_pointless = protocol == ProxyProtocol::kSocks4a && !report_.socks4.is_yes();
      if (protocol != report_.protocol && !is_pointless) Ask(protocol);
    }
  }

  // What a program would get, and then what is left to be asked.
  void AskCommands() {
    const long long begin_us = MonotonicUs();
    const std::optional<Failure> failure = Connect();
    const double elapsed_ms = static_cast<double>(MonotonicUs() - begin_us) / 1000.0;
    SetPatience(static_cast<long long>(elapsed_ms));
    if (options_.destination) {
      report_.connect = {failure ? State::kNo : State::kYes, failure};
      report_.connect_ms = elapsed_ms;
    }
    if (failure && !HasDoneItsWork(*failure)) {
      report_.problem = Describe(failure);
      return;
    }
    CountRoundTrips();
    if (report_.protocol != ProxyProtocol::kHttp) AskToListenThere();
    if (report_.protocol != ProxyProtocol::kSocks5) return;
    AskForRelay();
    if (report_.round_trips == 0) return;
    report_.pipelining = ProbePipelining(system_, server_, address_, limits_, Destination(), report_);
  }

 private:
  // A server that has answered within `elapsed_ms` gets much longer for what it may not know, and yet not the
  // whole of a long limit.
  void SetPatience(long long elapsed_ms) {
    const long long patience_ms = 1000 + 10 * elapsed_ms;
    limits_.negotiate_ms =
        static_cast<unsigned>(std::min<long long>(options_.limits.negotiate_ms, patience_ms));
  }

  void Ask(ProxyProtocol protocol) {
    switch (protocol) {
      case ProxyProtocol::kSocks5: return ProbeMethods(system_, server_, address_, limits_, &report_);
      case ProxyProtocol::kSocks4:
      case ProxyProtocol::kSocks4a: *AnswerOn(protocol, &report_) = AskSocks4(protocol); return;
      case ProxyProtocol::kHttp: return AskHttp();
    }
  }

  Endpoint Destination() const { return options_.destination.value_or(Endpoint()); }

  // Some proxies (ssh -D) end the connection where they cannot connect, and here they cannot. That the
  // negotiation before was well shows in what they had said by then.
  bool IsSilentRefusal(const Failure& failure) const {
    if (options_.destination || report_.protocol != ProxyProtocol::kSocks5) return false;
    constexpr uint64_t kMethodSize = 2;
    constexpr uint64_t kStatusSize = 2;
    const bool has_negotiated = (report_.none.is_yes() && heard_ == kMethodSize) ||
                                (report_.credentials.is_yes() && heard_ == kMethodSize + kStatusSize);
    return has_negotiated && failure.error == ECONNABORTED;
  }

  // Without a destination the server can but refuse.
  bool HasDoneItsWork(const Failure& failure) const {
    if (failure.fault == Fault::kDestination) return true;
    if (IsSilentRefusal(failure)) return true;
    return !options_.destination && failure.reply_code >= 0 && failure.error != EACCES &&
           failure.error != EOPNOTSUPP;
  }

  void StartHandshake(Handshake* handshake, ProxyProtocol protocol, const Endpoint& destination) const {
    const bool offers_username = (server_.methods & kMethodUsername) != 0;
    switch (protocol) {
      case ProxyProtocol::kSocks5:
        return handshake->StartSocks5(destination, {.offer_none = (server_.methods & kMethodNone) != 0,
                                                    .offer_username = offers_username,
                                                    .username = server_.username,
                                                    .password = server_.password});
      case ProxyProtocol::kHttp: {
        const auto seed = static_cast<uint64_t>(MonotonicUs());
        return handshake->StartHttp(destination,
                                    {.username = server_.username,
                                     .password = server_.password,
                                     .basic = offers_username,
                                     .digest = offers_username || (server_.methods & kMethodDigest) != 0,
                                     .cnonce_seed = {seed, ~seed}});
      }
      case ProxyProtocol::kSocks4:
        return handshake->StartSocks4(destination, Socks4Dialect::kSocks4, server_.username);
      case ProxyProtocol::kSocks4a:
        return handshake->StartSocks4(destination, Socks4Dialect::kSocks4a, server_.username);
    }
  }

  // SOCKS4 cannot say every destination; 4A is asked for a name, were it one that looks like an address and
  // needs no look-up.
  ProbeAnswer AskSocks4(ProxyProtocol protocol) {
    Endpoint destination = Destination();
    const bool is_4a = protocol == ProxyProtocol::kSocks4a;
    if (!is_4a && (destination.is_name() || !destination.ip().is_v4())) destination = Endpoint();
    if (is_4a && !destination.is_name())
      destination = Endpoint::FromName(destination.HostToString(), destination.port()).value_or(Endpoint());
    Handshake handshake;
    StartHandshake(&handshake, protocol, destination);
    ProbeConnection connection(system_, address_, server_.address.port(), limits_);
    const std::optional<Failure> failure = connection.Run(&handshake);
    const bool is_answered = !failure || failure->reply_code >= 0;
    return {is_answered ? State::kYes : State::kNo, failure};
  }

  void AskHttp() {
    Handshake handshake;
    StartHandshake(&handshake, ProxyProtocol::kHttp, Destination());
    ProbeConnection connection(system_, address_, server_.address.port(), limits_);
    const std::optional<Failure> failure = connection.Run(&handshake);
    // EOPNOTSUPP: a server that answers, but that is no proxy.
    const bool is_spoken = connection.has_seen_http() && (!failure || failure->error != EOPNOTSUPP);
    report_.http = {is_spoken ? State::kYes : State::kNo, failure};
  }

  // By the dialer, as every program does.
  std::optional<Failure> Connect() {
    const ControlSocket socket(system_);
    AttemptOptions options = attempt_options_;
    options.is_nonblocking = true;
    Attempt attempt(system_, socket.get(), AF_INET, rule_, Destination(), options);
    attempt.Start(MonotonicMs());
    const Attempt::State state = RunToCompletion(system_, socket.get(), &attempt);
    heard_ = attempt.bytes_received();
    if (state == Attempt::State::kConnected) return std::nullopt;
    return attempt.failure();
  }

  void CountRoundTrips() {
    Handshake handshake;
    StartHandshake(&handshake, report_.protocol, Destination());
    ProbeConnection connection(system_, address_, server_.address.port(), limits_);
    const std::optional<Failure> failure = connection.Run(&handshake);
    if (!failure || failure->reply_code >= 0) report_.round_trips = connection.round_trips();
  }

  void AskToListenThere() {
    const InboundRequest request = {
        .destination = Endpoint(), .check = PeerCheck::kLeftToProxy, .local_port = 0};
    const Inbound inbound = AskToListen(system_, rule_, request, attempt_options_);
    const UniqueFd control(inbound.control_fd);
    report_.bind = {inbound.failure ? State::kNo : State::kYes, inbound.failure};
    if (!inbound.failure) report_.listens_at = inbound.bound.ToString();
  }

  void AskForRelay() {
    const UdpAssociation association = Associate(system_, rule_, Endpoint(), attempt_options_);
    const UniqueFd control(association.control_fd);
    report_.udp = {association.failure ? State::kNo : State::kYes, association.failure};
    if (!association.failure) report_.relay = association.relay.ToString();
  }

  const System& system_;
  const Server& server_;
  const ProbeOptions& options_;
  const IpAddress address_;
  ProbeReport& report_;
  Rule rule_;
  AttemptOptions attempt_options_;
  ProbeLimits limits_;
  uint64_t heard_ = 0;  // bytes that came before the end of Connect()
};

// Why the server cannot be used with the protocol of the configuration, or an empty string.
std::string CheckSpoken(const ProbeAnswer& answer, const ProbeReport& report) {
  if (answer.is_yes()) return {};
  std::string text =
      std::string("it does not speak ") + ProtocolName(report.protocol) + ": " + Describe(answer.failure);
  const bool is_socks4 =
      report.protocol == ProxyProtocol::kSocks4 || report.protocol == ProxyProtocol::kSocks4a;
  if (is_socks4 && report.destination.empty() && answer.failure && answer.failure->error == ECONNABORTED)
    text += " (some answer only where they can connect; name a destination with --to)";
  return text;
}

}  // namespace

ProbeReport ProbeServer(const System& system, const Server& server, const ProbeOptions& options) {
  ProbeReport report;
  report.name = server.name;
  report.where = server.where.source ? server.where.ToString() : std::string();
  report.server = server.address.ToString();
  report.protocol = PreferredProtocol(server);
  if (options.destination) report.destination = options.destination->ToString();
  report.problem = server.unusable;
  if (server.protocols == kServerUpnp) return report;

  const std::vector<IpAddress> addresses = FindAddresses(system, server.address);
  for (const IpAddress& address : addresses)
    report.addresses.push_back(MeasureConnecting(system, address, server.address.port(), options.limits));
  const auto reached = std::ranges::find_if(
      report.addresses, [](const ProbedAddress& probed) { return !probed.failure.has_value(); });
  if (reached == report.addresses.end()) {
    report.problem =
        addresses.empty() ? "its name cannot be resolved" : Describe(report.addresses.back().failure);
    return report;
  }

  Probe probe(system, server, options, reached->address, &report);
  probe.AskConfiguredProtocol();
  if (report.problem.empty()) report.problem = CheckSpoken(*AnswerOn(report.protocol, &report), report);
  if (report.problem.empty() && server.password_source != PasswordSource::kNone && !server.has_password)
    report.problem = "its password is not in the configuration, and socksctl does not ask for it";
  if (report.problem.empty()) probe.AskCommands();
  probe.AskOtherProtocols();
  return report;
}

std::vector<ProbeReport> ProbeServers(const System& system, const std::vector<const Server*>& servers,
                                      const ProbeOptions& options) {
  std::vector<ProbeReport> reports;
  reports.reserve(servers.size());
  for (size_t begin = 0; begin < servers.size(); begin += kMaxProbes) {
    std::vector<std::future<ProbeReport>> probes;
    for (size_t i = begin; i < std::min(begin + kMaxProbes, servers.size()); ++i) {
      probes.push_back(std::async(std::launch::async, ProbeServer, std::cref(system), std::cref(*servers[i]),
                                  std::cref(options)));
    }
    for (std::future<ProbeReport>& probe : probes) reports.push_back(probe.get());
  }
  return reports;
}

}  // namespace socksify
