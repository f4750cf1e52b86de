// SPDX-License-Identifier: BSD-2-Clause
#include "tools/explanation.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "dialer/path_text.h"
#include "protocol/socks4_client.h"
#include "routing/udp_paths.h"
#include "tools/rule_text.h"

namespace socksify {

namespace {

struct ProtocolName {
  ServerProtocol bit;
  const char* name;
};

// The order of preference, where a server may be spoken to in several dialects.
constexpr std::array<ProtocolName, 5> kProtocolNames = {{
    {kServerSocks5, "socks5"},
    {kServerSocks4a, "socks4a"},
    {kServerSocks4, "socks4"},
    {kServerHttp, "http"},
    {kServerUpnp, "upnp"},
}};

// `next` is what the server would be asked for; null where that is not known yet.
HopReport ReportHop(const Server& server, const Endpoint* next) {
  HopReport report{.name = server.name,
                   .address = server.address.ToString(),
                   .protocols = {},
                   .where = server.where.source ? server.where.ToString() : "",
                   .unusable = server.unusable,
                   .error = server.unusable.empty() ? 0 : EOPNOTSUPP};
  for (const ProtocolName& protocol : kProtocolNames) {
    if ((server.protocols & protocol.bit) != 0) report.protocols.emplace_back(protocol.name);
  }
  const ProxyProtocol spoken = PreferredProtocol(server);
  const bool is_4a = spoken == ProxyProtocol::kSocks4a;
  if (report.unusable.empty() && next != nullptr && (is_4a || spoken == ProxyProtocol::kSocks4)) {
    // The machine itself knows best what it cannot say.
    Socks4Client client;
    client.Start(*next, is_4a ? Socks4Dialect::kSocks4a : Socks4Dialect::kSocks4, server.username);
    if (client.state() == HandshakeState::kFailed) {
      report.unusable = client.failure().reason;
      report.error = client.failure().error;
    }
  }
  return report;
}

// Why datagrams take no path with this server in it.
void NoteUdp(const Server& server, bool is_behind_another, HopReport* report) {
  if (!report->unusable.empty()) return;
  const bool is_socks5 = (server.protocols & kServerSocks5) != 0;
  if (is_socks5 && !is_behind_another) return;
  const Failure& failure = is_socks5 ? kNoUdpChain : kNoUdpServer;
  report->unusable = failure.reason;
  report->error = failure.error;
}

// `destination` is what the last server of each path would be asked for; null where a look-up comes first.
void ReportPaths(const std::vector<Target>& targets, Transport transport, bool is_fallback,
                 const Endpoint* destination, std::vector<PathReport>* paths) {
  for (const Target& target : targets) {
    PathReport path{.kind = target.kind,
                    .is_fallback = is_fallback,
                    .hops = {},
                    .chain = target.chain,
                    .chain_length = target.chain_length,
                    .weight = target.weight};
    for (size_t i = 0; i < target.hops.size(); ++i) {
      const Endpoint* const next = i + 1 < target.hops.size() ? &target.hops[i + 1]->address : destination;
      path.hops.push_back(ReportHop(*target.hops[i], transport == Transport::kTcp ? next : nullptr));
      if (transport == Transport::kUdp) NoteUdp(*target.hops[i], i > 0, &path.hops.back());
    }
    paths->push_back(std::move(path));
  }
}

Resolution ResolutionBy(ResolveProtocol protocol) {
  switch (protocol) {
    case ResolveProtocol::kFake: return Resolution::kFake;
    case ResolveProtocol::kLocal: return Resolution::kLocal;
    case ResolveProtocol::kLocalThenFake: return Resolution::kLocalThenFake;
    case ResolveProtocol::kTcp: return Resolution::kTcp;
    case ResolveProtocol::kUdp: break;
  }
  return Resolution::kUdp;
}

// For a name that is not of this machine.
void ExplainLookUp(const Config& config, std::string_view name, const Asker& asker,
                   Explanation* explanation) {
  const NameRule how =
      config.routes.HowToResolve(name, asker.process, asker.user, config.settings.resolve_protocol);
  explanation->resolution = ResolutionBy(how.protocol);
  // The environment may have overruled what the route says.
  if (how.rule != nullptr && how.protocol != config.settings.resolve_protocol) {
    explanation->resolve_where = how.rule->where.ToString();
  }
  const bool is_tcp = how.protocol == ResolveProtocol::kTcp;
  if (!is_tcp && how.protocol != ResolveProtocol::kUdp) return;
  for (const Endpoint& server : config.settings.name_servers) {
    const Destination query{.endpoint = server, .transport = is_tcp ? Transport::kTcp : Transport::kUdp};
    explanation->name_servers.push_back(Explain(config, query, asker, {}));
  }
}

// `obstacle` is what bars datagrams, if anything does.
void Judge(const Failure* obstacle, Explanation* explanation) {
  const auto settle = [&](Verdict verdict, int error, std::string reason) {
    explanation->verdict = verdict;
    explanation->error = error;
    explanation->reason = std::move(reason);
  };
  const std::vector<PathReport>& paths = explanation->paths;
  if (!explanation->has_rule) return settle(Verdict::kNoRoute, ENETUNREACH, "no route matches");
  if (paths[0].kind == Target::Kind::kDirect) return settle(Verdict::kDirect, 0, "");
  if (paths[0].kind == Target::Kind::kBlock) return settle(Verdict::kBlock, EACCES, "the route says block");
  if (obstacle != nullptr) return settle(Verdict::kRefused, obstacle->error, obstacle->reason);
  const auto usable = std::ranges::find_if(paths, &PathReport::IsUsable);
  if (usable == paths.end()) {
    const int error = paths.back().error();
    return settle(Verdict::kRefused, error,
                  error == EOPNOTSUPP ? "none of the servers can be used by this version"
                                      : "none of the paths can carry it");
  }
  if (usable->kind == Target::Kind::kDirect) return settle(Verdict::kDirect, 0, "");
  if (usable->kind == Target::Kind::kBlock) return settle(Verdict::kBlock, EACCES, "the route says block");
  settle(Verdict::kProxy, 0, "");
}

}  // namespace

bool PathReport::IsUsable() const {
  const auto usable = static_cast<size_t>(
      std::ranges::count_if(hops, [](const HopReport& hop) { return hop.unusable.empty(); }));
  switch (chain) {
    case Chain::kStrict: break;
    case Chain::kDynamic: return usable > 0;
    case Chain::kRandom:
    case Chain::kRoundRobin: return usable >= chain_length;
  }
  return usable == hops.size();
}

int PathReport::error() const {
  const auto unusable = std::ranges::find_if(hops, [](const HopReport& hop) { return hop.error != 0; });
  return unusable == hops.end() ? 0 : unusable->error;
}

Explanation Explain(const Config& config, const Destination& destination, const Asker& asker,
                    std::span<const IpAddress> local_addresses) {
  Explanation explanation;
  explanation.destination = destination.endpoint.ToString();
  explanation.transport = destination.transport;
  explanation.process = asker.process;
  explanation.user = asker.user_name;

  Endpoint decided = destination.endpoint;
  if (destination.endpoint.is_name() && !local_addresses.empty()) {
    explanation.resolution = Resolution::kHosts;
    explanation.addresses.assign(local_addresses.begin(), local_addresses.end());
    decided = Endpoint::FromIp(local_addresses[0], destination.endpoint.port());
  } else if (destination.endpoint.is_name()) {
    ExplainLookUp(config, destination.endpoint.name(), asker, &explanation);
  }
  const bool is_udp = destination.transport == Transport::kUdp;
  const Query query{.destination = decided,
                    .transport = destination.transport,
                    .command = is_udp ? Command::kUdpAssociate : Command::kConnect,
                    .process = asker.process,
                    .user = asker.user};
  const Failure* obstacle = nullptr;
  if (const Rule* const rule = config.routes.Decide(query)) {
    explanation.has_rule = true;
    explanation.where = rule->where;
    explanation.rule_text = ReadRuleText(rule->where, config.format);
    explanation.balance = rule->balance;
    const bool is_final = !decided.is_name() || explanation.resolution == Resolution::kFake;
    const Endpoint* const asked_for = is_final ? &decided : nullptr;
    ReportPaths(rule->group, destination.transport, false, asked_for, &explanation.paths);
    ReportPaths(rule->fallback, destination.transport, true, asked_for, &explanation.paths);
    if (is_udp) obstacle = FindUdpObstacle(*rule, decided);
  }
  Judge(obstacle, &explanation);
  return explanation;
}

const char* ToString(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDirect: return "direct";
    case Verdict::kProxy: return "proxy";
    case Verdict::kBlock: return "block";
    case Verdict::kNoRoute: return "no-route";
    case Verdict::kRefused: return "refused";
  }
  return "";
}

const char* ToString(Resolution resolution) {
  switch (resolution) {
    case Resolution::kLiteral: return "literal";
    case Resolution::kHosts: return "hosts";
    case Resolution::kFake: return "fake";
    case Resolution::kLocal: return "local";
    case Resolution::kLocalThenFake: return "local-then-fake";
    case Resolution::kTcp: return "tcp";
    case Resolution::kUdp: return "udp";
  }
  return "";
}

const char* ToString(Balance balance) {
  switch (balance) {
    case Balance::kOrdered: return "ordered";
    case Balance::kRandom: return "random";
    case Balance::kRoundRobin: return "roundrobin";
    case Balance::kHash: return "hash";
  }
  return "";
}

const char* ToString(Chain chain) {
  switch (chain) {
    case Chain::kStrict: return "strict";
    case Chain::kDynamic: return "dynamic";
    case Chain::kRandom: return "random";
    case Chain::kRoundRobin: return "roundrobin";
  }
  return "";
}

}  // namespace socksify
