// SPDX-License-Identifier: BSD-2-Clause
#include "routing/config_linker.h"

#include <algorithm>
#include <utility>

#include "routing/place_order.h"
#include "routing/quoting.h"
#include "routing/server_defaults.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

using Servers = std::vector<std::unique_ptr<Server>>;

uint8_t CommandsOf(const Server& server) {
  uint8_t commands = CommandBit(Command::kConnect);
  if ((server.protocols & (kServerSocks4 | kServerSocks4a | kServerSocks5 | kServerUpnp)) != 0) {
    commands |= CommandBit(Command::kBind);
  }
  if ((server.protocols & (kServerSocks5 | kServerUpnp)) != 0) commands |= CommandBit(Command::kUdpAssociate);
  return commands;
}

// What can be done over a target: over a chain what each of its servers can do.
uint8_t CommandsOf(const Target& target) {
  uint8_t commands = kAllCommands;
  for (const Server* const hop : target.hops) commands &= CommandsOf(*hop);
  return commands;
}

class Linker {
 public:
  Linker(ConfigDraft* draft, ServerDefaults* defaults, Reporter* reporter)
      : draft_(*draft), defaults_(*defaults), reporter_(*reporter) {
    for (ServerDraft& server : draft_.servers) {
      names_.push_back(server.server->name);
      defaults_.Fill(server.server.get());
      CheckMethods(*server.server, *server.source, server.methods_where);
      servers_.push_back(std::move(server.server));
    }
  }

  void LinkRules(std::vector<Rule>* rules) {
    for (RouteDraft& draft : draft_.routes) rules->push_back(LinkRule(&draft));
  }

  std::vector<std::unique_ptr<const Server>> TakeServers() {
    std::vector<std::unique_ptr<const Server>> servers;
    servers.reserve(servers_.size());
    for (std::unique_ptr<Server>& server : servers_) servers.push_back(std::move(server));
    return InPlaceOrder(std::move(servers),
                        [](const auto& server) -> const Location& { return server->where; });
  }

 private:
  Rule LinkRule(RouteDraft* draft) {
    Rule rule = std::move(draft->rule);
    named_ = in_place_ = 0;
    for (const TargetDraft& target : draft->group) rule.group.push_back(LinkTarget(*draft, target));
    for (const TargetDraft& target : draft->fallback) rule.fallback.push_back(LinkTarget(*draft, target));
    draft->group.clear();  // there may be many, and they are large
    draft->fallback.clear();
    CheckServerOptions(*draft);
    uint8_t possible = 0;
    for (const Target& target : rule.group) possible |= CommandsOf(target);
    for (const Target& target : rule.fallback) possible |= CommandsOf(target);
    constexpr uint8_t kDatagrams = CommandBit(Command::kUdpAssociate);
    const bool is_for_udp =
        (rule.transports & TransportBit(Transport::kUdp)) != 0 && (rule.commands & kDatagrams) != 0;
    rule.commands &= possible;
    const bool only_udp = rule.transports == TransportBit(Transport::kUdp);
    const bool any_udp = (rule.commands & kDatagrams) != 0;
    if (rule.commands == 0 || (only_udp && !any_udp)) {
      reporter_.Warning(*draft->source, rule.where,
                        "this route matches nothing: its servers cannot do its commands",
                        "only socks_v5 carries UDP, and http only connects");
    } else {
      draft->loses_udp = is_for_udp && !any_udp;
    }
    return rule;
  }

  // What only HTTP knows has no place where something else may be spoken.
  void CheckMethods(const Server& server, const SourceText& source, const Location& where) {
    if ((server.methods & kMethodDigest) == 0 || server.protocols == kServerHttp) return;
    reporter_.Error(source, where,
                    "expected 'method: digest' for HTTP proxies alone, found it for a server that is none",
                    "use method: username, or proxyprotocol: http_v1.0");
  }

  // Options that describe a server must have one to describe.
  void CheckServerOptions(const RouteDraft& draft) {
    if (named_ == 0 || in_place_ != 0) return;
    const std::string remedy = "write it in the 'server' block";
    if (draft.protocols != 0) {
      reporter_.Error(*draft.source, draft.protocols_where,
                      "expected no 'proxyprotocol' in a route whose servers have blocks of their own",
                      remedy);
    }
    if (draft.methods != 0) {
      reporter_.Error(*draft.source, draft.methods_where,
                      "expected no 'method' in a route whose servers have blocks of their own", remedy);
    }
  }

  Target LinkTarget(const RouteDraft& route, const TargetDraft& draft) {
    Target target{.kind = draft.kind, .hops = {}, .where = draft.where, .weight = draft.weight};
    for (const HopDraft& hop : draft.hops) target.hops.push_back(LinkHop(route, hop));
    if (target.hops.size() > 1) {
      target.chain = route.chain;
      target.chain_length = route.chain_length;
    }
    return target;
  }

  const Server* LinkHop(const RouteDraft& route, const HopDraft& hop) {
    if (!hop.in_place) {
      const auto known = draft_.server_numbers.find(hop.word);
      if (known != draft_.server_numbers.end()) {
        ++named_;
        return servers_[known->second].get();
      }
      CheckLoneWord(route, hop);
    }
    ++in_place_;
    return MakeServer(route, hop);
  }

  // A word without a dot is more likely a mistyped server than a host; for upnp it is an interface.
  void CheckLoneWord(const RouteDraft& route, const HopDraft& hop) {
    if ((route.protocols & kServerUpnp) != 0 || hop.word.find('.') != std::string::npos) return;
    if (reporter_.full()) return;  // to look for similar names takes its time
    const std::vector<std::string_view> names = CandidateNames();
    reporter_.Error(
        *route.source, hop.where,
        "expected direct, block or a server, found " + Quoted(hop.word) + ", which no 'server' block has",
        DidYouMean(hop.word, names, "for a host of that name, write '" + hop.word + " port = 1080'"));
  }

  std::vector<std::string_view> CandidateNames() const {
    std::vector<std::string_view> names(names_.begin(), names_.end());
    names.insert(names.end(), {"direct", "block"});
    return names;
  }

  const Server* MakeServer(const RouteDraft& route, const HopDraft& hop) {
    auto server = std::make_unique<Server>();
    server->address = hop.proxy.address;
    server->where = hop.where;
    server->username = hop.proxy.username;
    server->password = hop.proxy.password;
    server->has_password = hop.proxy.has_password;
    const bool is_upnp_url = hop.proxy.protocols == kServerHttp && route.protocols == kServerUpnp;
    server->protocols = hop.proxy.protocols != 0 && !is_upnp_url ? hop.proxy.protocols : route.protocols;
    server->methods = route.methods;
    server->has_bind_extension = route.extensions != 0;
    if (server->protocols == kServerHttp && !hop.proxy.has_port) server->address.set_port(kHttpProxyPort);
    using Unknown = ServerDefaults::Unknown;
    const bool may_ask = hop.may_ask && hop.proxy.has_username;
    defaults_.Fill(server.get(), may_ask ? Unknown::kAskedFor : Unknown::kLeftAlone);
    CheckMethods(*server, *route.source, route.methods_where);
    servers_.push_back(std::move(server));
    return servers_.back().get();
  }

  ConfigDraft& draft_;
  ServerDefaults& defaults_;
  Reporter& reporter_;
  std::vector<std::string> names_;  // of the first servers, in the same order
  Servers servers_;
  unsigned named_ = 0;     // hops of the current route with a block of their own
  unsigned in_place_ = 0;  // and without
};

}  // namespace

void FindWhyUnusable(Server* server) {
  server->unusable.clear();
  if (server->protocols == kServerUpnp) {
    server->unusable = "upnp is not supported yet; use proxyprotocol: socks_v5";
  } else if ((server->protocols & (kServerSocks5 | kServerHttp)) != 0 && server->methods == kMethodGssapi) {
    // SOCKS4 knows no authentication: a server that is to be asked for GSSAPI is not to be asked without.
    server->unusable = "gssapi is not supported yet; use method: username";
  }
}

RouteTable LinkRoutes(ConfigDraft draft, ServerDefaults* defaults, InterfaceList* interfaces,
                      Reporter* reporter) {
  Linker linker(&draft, defaults, reporter);
  const size_t others = draft.routes.size() + (draft.settings.direct_fallback ? 1 : 0);
  std::vector<Rule> rules = ImpliedRules(draft.settings.auto_route, interfaces, others);
  const size_t implied = rules.size();
  linker.LinkRules(&rules);
  const std::span<const Rule> written = std::span(rules).subspan(implied);
  WarnOfUnreachableRules(draft.routes, written, reporter);
  WarnOfUdpPastProxies(draft.routes, written, reporter);
  if (draft.settings.direct_fallback) {
    rules.push_back(MakeCatchAllRule("SOCKS_DIRECTROUTE_FALLBACK", Target{}));
  }
  if (draft.resolve_everything) {
    for (Rule& rule : std::span(rules).subspan(implied)) rule.resolve = draft.resolve_everything;
  }
  RouteTable table(std::move(rules), linker.TakeServers());
  WarnOfResolving(draft, table.rules().subspan(implied, draft.routes.size()), table, reporter);
  return table;
}

}  // namespace socksify
