// SPDX-License-Identifier: BSD-2-Clause
#include "routing/udp_paths.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>

namespace socksify {

constexpr Failure kNoUdpServer = {Fault::kServer, EOPNOTSUPP, -1, "only SOCKS5 carries UDP"};
constexpr Failure kNoUdpChain = {Fault::kServer, EOPNOTSUPP, -1, "UDP cannot go through a chain of proxies"};
constexpr Failure kNoUdpPath = {Fault::kDestination, ENETUNREACH, -1, "no proxy of the rule can carry UDP"};
constexpr Failure kOneToManyByProxy = {Fault::kDestination, ENETUNREACH, -1,
                                       "multicast and broadcast cannot go through a proxy"};

namespace {

template <typename Predicate>
bool AnyTarget(const Rule& rule, Predicate predicate) {
  return std::ranges::any_of(rule.group, predicate) || std::ranges::any_of(rule.fallback, predicate);
}

bool LeadsOn(const Target& target) {
  return target.kind == Target::Kind::kDirect || CanCarryUdp(target);
}

bool IsMulticastOrBroadcast(const IpAddress& ip) {
  if (ip.is_v6()) return ip.bytes()[0] == 0xff;
  return IN_MULTICAST(ip.v4_value()) || ip.v4_value() == INADDR_BROADCAST;
}

}  // namespace

bool CanCarryUdp(const Target& target) {
  return target.kind == Target::Kind::kProxies && target.hops.size() == 1 &&
         (target.hops[0]->protocols & kServerSocks5) != 0 && target.hops[0]->unusable.empty();
}

bool HasUdpRelays(const RouteTable& routes) {
  return std::ranges::any_of(routes.rules(), [](const Rule& rule) {
    return (rule.transports & TransportBit(Transport::kUdp)) != 0 &&
           (rule.commands & CommandBit(Command::kUdpAssociate)) != 0 && AnyTarget(rule, &CanCarryUdp);
  });
}

const Failure* FindUdpObstacle(const Rule& rule, const Endpoint& destination) {
  if (!destination.is_name() && IsMulticastOrBroadcast(destination.ip())) return &kOneToManyByProxy;
  return AnyTarget(rule, &LeadsOn) ? nullptr : &kNoUdpPath;
}

}  // namespace socksify
