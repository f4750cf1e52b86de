// SPDX-License-Identifier: BSD-2-Clause
// What of resolveprotocol, resolve and nameserver can be seen to fail without asking the network. That the
// look-up of a proxy's own name would need that proxy is not among it: the system always resolves those
// names, past the routes, and whether it knows them only shows when it is asked.
#include <algorithm>
#include <string>

#include "routing/config_linker.h"
#include "routing/query.h"
#include "routing/udp_paths.h"

namespace socksify {
namespace {

class ResolvingCheck {
 public:
  ResolvingCheck(const ConfigDraft& draft, std::span<const Rule> written, const RouteTable& table,
                 Reporter* reporter)
      : draft_(draft), settings_(draft.settings), written_(written), table_(table), reporter_(*reporter) {}

  void Run() {
    const std::optional<Place> tcp = FirstUseOf(ResolveProtocol::kTcp);
    const std::optional<Place> udp = FirstUseOf(ResolveProtocol::kUdp);
    for (size_t i = 0; i < settings_.name_servers.size(); ++i) CheckFakeRange(i);
    if (settings_.name_servers.empty() && (tcp || udp)) {
      Warn(tcp ? *tcp : *udp,
           "no 'nameserver' is given: the name servers of /etc/resolv.conf are asked, by their own routes",
           "name one: nameserver: ADDRESS; that of a local resolver (127.0.0.53) would be asked directly");
    }
    for (size_t i = 0; i < settings_.name_servers.size(); ++i) {
      if (tcp) CheckRoute(i, Transport::kTcp);
      if (udp) CheckRoute(i, Transport::kUdp);
    }
    for (size_t i = 0; i < written_.size(); ++i) {
      CheckSocks4(i);
      CheckNamesOnly(i);
    }
  }

 private:
  void Warn(const Place& place, std::string message, std::string remedy) {
    if (place.source != nullptr) {
      reporter_.Warning(*place.source, place.where, std::move(message), std::move(remedy));
    } else {
      reporter_.Warning(*place.where.source, std::move(message), std::move(remedy));
    }
  }

  std::optional<Place> FirstUseOf(ResolveProtocol protocol) const {
    if (settings_.resolve_protocol == protocol) return draft_.resolve_place;
    for (size_t i = 0; i < written_.size(); ++i) {
      const RouteDraft& route = draft_.routes[i];
      if (written_[i].resolve == protocol) return Place{route.source, route.resolve_where};
    }
    return std::nullopt;
  }

  void CheckFakeRange(size_t index) {
    const IpAddress& ip = settings_.name_servers[index].ip();
    if (!ip.IsInPrefix(settings_.fake_v4, settings_.fake_v4_bits) &&
        !ip.IsInPrefix(settings_.fake_v6, settings_.fake_v6_bits)) {
      return;
    }
    Warn(draft_.name_server_places[index],
         "this name server cannot be asked: its address is one of those that stand for names",
         "change 'fakerange'");
  }

  void CheckRoute(size_t index, Transport transport) {
    const Endpoint& server = settings_.name_servers[index];
    const Place& place = draft_.name_server_places[index];
    const bool is_udp = transport == Transport::kUdp;
    const std::string cannot = server.ToString() + " cannot be asked by " + (is_udp ? "udp" : "tcp") + ": ";
    const Rule* const rule = table_.Decide({.destination = server,
                                            .transport = transport,
                                            .command = is_udp ? Command::kUdpAssociate : Command::kConnect});
    if (rule == nullptr) {
      // Some programs or users may have a route of their own.
      if (std::ranges::any_of(table_.rules(),
                              [](const Rule& each) { return !each.processes.empty() || each.names_users; })) {
        return;
      }
      Warn(place, cannot + "no route matches",
           "add a route to it: route { from: 0/0 to: " + server.HostToString() + " via: SERVER }");
    } else if (rule->group[0].kind == Target::Kind::kBlock) {
      Warn(place, cannot + rule->where.ToString() + " blocks it", "put a route to it before that one");
    } else if (is_udp && rule->group[0].kind == Target::Kind::kProxies) {
      const Failure* const obstacle = FindUdpObstacle(*rule, server);
      if (obstacle == nullptr) return;
      Warn(place, cannot + rule->where.ToString() + ": " + obstacle->reason,
           "write tcp instead of udp, or give it a route that is direct or leads through one SOCKS5 server");
    }
  }

  // What is looked up first arrives as an address, which a route for names alone does not match.
  void CheckNamesOnly(size_t index) {
    const Rule& rule = written_[index];
    const ResolveProtocol protocol = rule.resolve.value_or(settings_.resolve_protocol);
    if (protocol == ResolveProtocol::kFake || protocol == ResolveProtocol::kLocalThenFake) return;
    if (rule.IsPurelyDirect() || !rule.IsForNamesAlone()) return;
    reporter_.Warning(*draft_.routes[index].source, rule.where,
                      "programs connect to the addresses of these names, which this route does not match: "
                      "they are resolved by " +
                          std::string(ResolveProtocolName(protocol)),
                      "write 'resolve: fake' in this route, or give the addresses a route of their own");
  }

  // A route whose every path ends at a server that takes no names. What the command line asks for is not
  // remarked on: it is said each time, and serves addresses well.
  void CheckSocks4(size_t index) {
    const Rule& rule = written_[index];
    const ResolveProtocol protocol = rule.resolve.value_or(settings_.resolve_protocol);
    if (protocol != ResolveProtocol::kFake && protocol != ResolveProtocol::kLocalThenFake) return;
    const auto is_for_names = [](const AddressPattern& pattern) {
      using Kind = AddressPattern::Kind;
      return pattern.kind != Kind::kNothing && (pattern.kind != Kind::kNetwork || pattern.prefix_bits == 0);
    };
    if (rule.where.line == 0 || (!rule.to.empty() && std::ranges::none_of(rule.to, is_for_names))) return;
    const auto takes_addresses_only = [](const Target& target) {
      return target.kind == Target::Kind::kProxies && target.hops.back()->protocols == kServerSocks4;
    };
    if (!std::ranges::all_of(rule.group, takes_addresses_only) ||
        !std::ranges::all_of(rule.fallback, takes_addresses_only)) {
      return;
    }
    reporter_.Warning(*draft_.routes[index].source, rule.where,
                      "names cannot be sent through this route: SOCKS 4 takes addresses only",
                      rule.IsForNamesAlone() ? "use socks4a or socks5"
                                             : "use socks4a, or write 'resolve: local' in this route");
  }

  const ConfigDraft& draft_;
  const Settings& settings_;
  std::span<const Rule> written_;
  const RouteTable& table_;
  Reporter& reporter_;
};

}  // namespace

void WarnOfResolving(const ConfigDraft& draft, std::span<const Rule> written, const RouteTable& table,
                     Reporter* reporter) {
  ResolvingCheck(draft, written, table, reporter).Run();
}

}  // namespace socksify
