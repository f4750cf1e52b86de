// SPDX-License-Identifier: BSD-2-Clause
#include "tools/explanation.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "tools/rule_text.h"

namespace socksify {

const int kUdpThroughProxyError = ENETUNREACH;

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

HopReport ReportHop(const Server& server) {
  HopReport report{.name = server.name,
                   .address = server.address.ToString(),
                   .protocols = {},
                   .where = server.where.source ? server.where.ToString() : "",
                   .unusable = server.unusable};
  for (const ProtocolName& protocol : kProtocolNames) {
    if ((server.protocols & protocol.bit) != 0) report.protocols.emplace_back(protocol.name);
  }
  return report;
}

void ReportPaths(const std::vector<Target>& targets, bool is_fallback, std::vector<PathReport>* paths) {
  for (const Target& target : targets) {
    PathReport path{.kind = target.kind, .is_fallback = is_fallback, .hops = {}};
    for (const Server* const server : target.hops) path.hops.push_back(ReportHop(*server));
    paths->push_back(std::move(path));
  }
}

Resolution ResolutionOf(const Config& config, const Destination& destination, std::string_view process,
                        bool is_local_name) {
  if (!destination.endpoint.is_name()) return Resolution::kLiteral;
  if (is_local_name) return Resolution::kHosts;
  const bool is_local = config.routes.FateOf(destination.endpoint.name(), process) == NameFate::kLocal;
  if (is_local) return Resolution::kLocal;
  switch (config.settings.resolve_protocol) {
    case ResolveProtocol::kLocal: return Resolution::kLocal;
    case ResolveProtocol::kLocalThenFake: return Resolution::kLocalThenFake;
    case ResolveProtocol::kFake: break;
  }
  return Resolution::kFake;
}

void Judge(Explanation* explanation) {
  const auto settle = [&](Verdict verdict, int error, std::string reason) {
    explanation->verdict = verdict;
    explanation->error = error;
    explanation->reason = std::move(reason);
  };
  const std::vector<PathReport>& paths = explanation->paths;
  if (!explanation->has_rule) return settle(Verdict::kNoRoute, ENETUNREACH, "no route matches");
  if (paths[0].kind == Target::Kind::kDirect) return settle(Verdict::kDirect, 0, "");
  if (paths[0].kind == Target::Kind::kBlock) return settle(Verdict::kBlock, EACCES, "the route says block");
  if (explanation->transport == Transport::kUdp) {
    return settle(Verdict::kRefused, kUdpThroughProxyError,
                  "UDP through a proxy is not supported by this version");
  }
  const auto usable = std::ranges::find_if(paths, &PathReport::IsUsable);
  if (usable == paths.end()) {
    return settle(Verdict::kRefused, EOPNOTSUPP, "none of the servers can be used by this version");
  }
  settle(Verdict::kProxy, 0, "");
}

}  // namespace

bool PathReport::IsUsable() const {
  return std::ranges::all_of(hops, [](const HopReport& hop) { return hop.unusable.empty(); });
}

Explanation Explain(const Config& config, const Destination& destination, std::string_view process,
                    std::span<const IpAddress> local_addresses) {
  Explanation explanation;
  explanation.destination = destination.endpoint.ToString();
  explanation.transport = destination.transport;
  explanation.process = process;
  explanation.resolution = ResolutionOf(config, destination, process, !local_addresses.empty());

  Endpoint decided = destination.endpoint;
  if (explanation.resolution == Resolution::kHosts) {
    explanation.addresses.assign(local_addresses.begin(), local_addresses.end());
    decided = Endpoint::FromIp(local_addresses[0], destination.endpoint.port());
  }
  const bool is_udp = destination.transport == Transport::kUdp;
  const Query query{.destination = decided,
                    .transport = destination.transport,
                    .command = is_udp ? Command::kUdpAssociate : Command::kConnect,
                    .process = process};
  if (const Rule* const rule = config.routes.Decide(query)) {
    explanation.has_rule = true;
    explanation.where = rule->where;
    explanation.rule_text = ReadRuleText(rule->where);
    explanation.balance = rule->balance;
    ReportPaths(rule->group, false, &explanation.paths);
    ReportPaths(rule->fallback, true, &explanation.paths);
  }
  Judge(&explanation);
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

}  // namespace socksify
