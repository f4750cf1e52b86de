// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/name_servers.h"

#include <ares.h>

#include <memory>
#include <span>
#include <string>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"

namespace socksify {
namespace {

struct ChannelDeleter {
  void operator()(ares_channel channel) const { ares_destroy(channel); }
};
using Channel = std::unique_ptr<ares_channeldata, ChannelDeleter>;

struct DataDeleter {
  void operator()(ares_addr_port_node* servers) const { ares_free_data(servers); }
};

// Everything but the servers is given, and kept from the environment by that.
Channel ChannelFor(const char* path) {
  ares_options wanted{};
  wanted.timeout = 1;
  wanted.tries = 1;
  wanted.ndots = 1;
  char dns_only[] = "b";
  wanted.lookups = dns_only;
  std::string own_path(path);
  wanted.resolvconf_path = own_path.data();
  ares_channel channel = nullptr;
  const int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_LOOKUPS |
                    ARES_OPT_NOROTATE | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST | ARES_OPT_RESOLVCONF;
  return Channel(ares_init_options(&channel, &wanted, given) == ARES_SUCCESS ? channel : nullptr);
}

IpAddress AddressOf(const ares_addr_port_node& server) {
  if (server.family == AF_INET) return IpAddress::V4(ntohl(server.addr.addr4.s_addr));
  return IpAddress::V6(std::span<const uint8_t, 16>(server.addr.addr6._S6_un._S6_u8));
}

}  // namespace

std::vector<Endpoint> ReadNameServers(const char* path) {
  const ErrnoKeeper keep_errno;
  const CancellationOff no_cancellation;
  std::vector<Endpoint> endpoints;
  const Channel channel = ChannelFor(path);
  if (channel == nullptr) return endpoints;
  ares_addr_port_node* list = nullptr;
  if (ares_get_servers_ports(channel.get(), &list) != ARES_SUCCESS) return endpoints;
  const std::unique_ptr<ares_addr_port_node, DataDeleter> servers(list);
  for (const ares_addr_port_node* server = list; server != nullptr; server = server->next) {
    endpoints.push_back(Endpoint::FromIp(AddressOf(*server), kDnsPort));
  }
  return endpoints;
}

}  // namespace socksify
