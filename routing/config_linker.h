// SPDX-License-Identifier: BSD-2-Clause
// The last step of loading: names of servers are looked up, implied routes are added, and the table is built.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "routing/address_parser.h"
#include "routing/config_draft.h"
#include "routing/reporter.h"

namespace socksify {

// A user name and password for servers that have none of their own.
struct Credentials {
  std::string username;
  std::string password;
  bool has_password = false;
};

class ServerDefaults;

// Reports what does not fit together; the table is only good when nothing was reported.
RouteTable LinkRoutes(ConfigDraft draft, ServerDefaults* defaults, InterfaceList* interfaces,
                      Reporter* reporter);

// The rules that `autoroute` implies, to be tried before all others, with room for so many of them.
std::vector<Rule> ImpliedRules(AutoRoute auto_route, InterfaceList* interfaces, size_t others);

// A rule that sends every destination to `target`.
Rule MakeCatchAllRule(std::string_view source, Target target);

// Warns of rules that can never be met.
void WarnOfUnreachableRules(const std::vector<RouteDraft>& drafts, std::span<const Rule> rules,
                            Reporter* reporter);

// Warns of routes whose servers cannot carry UDP where a later one lets it go direct.
void WarnOfUdpPastProxies(const std::vector<RouteDraft>& drafts, std::span<const Rule> rules,
                          Reporter* reporter);

// Warns of names that could not be resolved as `resolveprotocol`, `resolve` and `nameserver` want it.
// `written` are the rules of `draft.routes`, in the same order, as they are in `table`.
void WarnOfResolving(const ConfigDraft& draft, std::span<const Rule> written, const RouteTable& table,
                     Reporter* reporter);

// Says in `server->unusable` why this version cannot speak to it, if so.
void FindWhyUnusable(Server* server);

}  // namespace socksify
