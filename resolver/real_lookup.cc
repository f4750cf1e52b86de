// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/real_lookup.h"

#include <arpa/nameser.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "base/errno_keeper.h"
#include "resolver/dns_channel.h"
#include "resolver/name_servers.h"

namespace socksify {
namespace {

constexpr int kMaxTries = 8;

std::vector<Endpoint> ServersFor(const RealLookupOptions& options) {
  std::vector<Endpoint> servers = options.servers.empty() ? ReadNameServers() : options.servers;
  std::erase_if(servers, &Endpoint::is_name);
  if (servers.size() > kMaxNameServers) servers.resize(kMaxNameServers);
  for (Endpoint& server : servers) {
    if (server.port() == 0) server.set_port(kDnsPort);
  }
  return servers;
}

RealLookupOptions Bounded(RealLookupOptions options) {
  options.timeout_ms = std::max(options.timeout_ms, 1);
  options.tries = std::clamp(options.tries, 1, kMaxTries);
  options.servers = ServersFor(options);
  return options;
}

// c-ares would take a backslash for an escape, so that the name asked for would not be the one given.
bool CanBeAskedFor(std::string_view name) {
  return !name.empty() && name != "." &&
         name.find_first_of(std::string_view("\0\\", 2)) == std::string_view::npos;
}

constexpr LookupFailure kBadName = {LookupError::kNoName, "not a name that DNS can have"};
constexpr LookupFailure kNoServers = {LookupError::kFailed, "no name server is given as an address"};
constexpr LookupFailure kNoMemory = {LookupError::kFailed, "not enough memory"};

LookupFailure FailureOf(const DnsChannel& channel, const DnsAnswer& answer) {
  const bool is_ptr = answer.type == ns_t_ptr;
  switch (answer.status) {
    case ARES_ENOTFOUND:
      return {LookupError::kNoName, is_ptr ? "the address has no name" : "there is no such name"};
    case ARES_SUCCESS:  // an alias of nothing
    case ARES_ENODATA:
      if (is_ptr) return {LookupError::kNoName, "the address has no name"};
      return {LookupError::kNoAddress,
              answer.type == ns_t_a ? "the name has no IPv4 address" : "the name has no IPv6 address"};
    case ARES_EBADNAME: return kBadName;
    case ARES_ETIMEOUT: return {LookupError::kTryAgain, "no name server answered in time"};
    case ARES_ECONNREFUSED:  // no server is left; newer versions say what the last one said
    case ARES_ESERVFAIL:
    case ARES_EREFUSED:
    case ARES_ENOTIMP:
      if (!channel.has_reached_a_server()) return {LookupError::kTryAgain, "no name server can be reached"};
      return {LookupError::kTryAgain, "no name server was able to answer"};
    case ARES_ENOMEM: return kNoMemory;
    default: return {LookupError::kFailed, "a name server's answer makes no sense"};
  }
}

void AppendAddresses(const DnsAnswer& answer, std::vector<IpAddress>* out) {
  if (answer.host == nullptr) return;
  for (char** entry = answer.host->h_addr_list; *entry != nullptr; ++entry) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(*entry);
    if (answer.type == ns_t_a) {
      out->push_back(IpAddress::V4(uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 |
                                   uint32_t{bytes[2]} << 8 | bytes[3]));
    } else {
      out->push_back(IpAddress::V6(std::span<const uint8_t, 16>(bytes, 16)));
    }
  }
}

// Of the failures of both families the one that leaves more open: another try may yet find an address.
LookupFailure Joined(const LookupFailure& v4, const LookupFailure& v6) {
  if (v4.error == LookupError::kNoAddress && v6.error == LookupError::kNoAddress) {
    return {LookupError::kNoAddress, "the name has no address"};
  }
  return v4.error >= v6.error ? v4 : v6;
}

void AppendDecimal(unsigned value, std::string* out) {
  char digits[8];
  const std::to_chars_result result = std::to_chars(digits, digits + sizeof digits, value);
  out->append(digits, result.ptr);
}

std::string ReverseName(const IpAddress& address) {
  const std::span<const uint8_t> bytes = address.bytes();
  std::string name;
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
    if (address.is_v4()) {
      AppendDecimal(*byte, &name);
      name += '.';
    } else {
      constexpr std::string_view kDigits = "0123456789abcdef";
      name += {kDigits[*byte & 15], '.', kDigits[*byte >> 4], '.'};
    }
  }
  return name + (address.is_v4() ? "in-addr.arpa" : "ip6.arpa");
}

}  // namespace

std::expected<std::vector<IpAddress>, LookupFailure> LookUpReal(std::string_view name, LookupFamily family,
                                                                const RealLookupOptions& options,
                                                                const DnsTransport& transport) {
  const ErrnoKeeper keep_errno;
  if (!CanBeAskedFor(name)) return std::unexpected(kBadName);
  const RealLookupOptions bounded = Bounded(options);
  if (bounded.servers.empty()) return std::unexpected(kNoServers);
  DnsChannel channel(bounded.servers, bounded, transport);
  if (channel.status() != ARES_SUCCESS) return std::unexpected(kNoMemory);

  const std::string text(name);
  const DnsAnswer* const v4 = family != LookupFamily::kV6 ? &channel.Ask(text.c_str(), ns_t_a) : nullptr;
  const DnsAnswer* const v6 = family != LookupFamily::kV4 ? &channel.Ask(text.c_str(), ns_t_aaaa) : nullptr;
  channel.Run();

  std::vector<IpAddress> addresses;
  if (v4 != nullptr) AppendAddresses(*v4, &addresses);
  if (v6 != nullptr) AppendAddresses(*v6, &addresses);
  if (!addresses.empty()) return addresses;
  if (v4 == nullptr) return std::unexpected(FailureOf(channel, *v6));
  if (v6 == nullptr) return std::unexpected(FailureOf(channel, *v4));
  return std::unexpected(Joined(FailureOf(channel, *v4), FailureOf(channel, *v6)));
}

std::expected<std::vector<std::string>, LookupFailure> LookUpRealName(const IpAddress& address,
                                                                      const RealLookupOptions& options,
                                                                      const DnsTransport& transport) {
  const ErrnoKeeper keep_errno;
  const RealLookupOptions bounded = Bounded(options);
  if (bounded.servers.empty()) return std::unexpected(kNoServers);
  DnsChannel channel(bounded.servers, bounded, transport);
  if (channel.status() != ARES_SUCCESS) return std::unexpected(kNoMemory);

  const DnsAnswer& answer = channel.Ask(ReverseName(address.Unmapped()).c_str(), ns_t_ptr);
  channel.Run();
  std::vector<std::string> names;
  if (answer.host != nullptr) {
    for (char** entry = answer.host->h_aliases; *entry != nullptr; ++entry) names.emplace_back(*entry);
  }
  if (names.empty()) return std::unexpected(FailureOf(channel, answer));
  return names;
}

}  // namespace socksify
