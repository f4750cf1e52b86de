// SPDX-License-Identifier: BSD-2-Clause
#include "routing/foreign_routes.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "base/ip_address.h"
#include "base/text.h"
#include "routing/proxy_url.h"
#include "routing/quoting.h"
#include "routing/route_table.h"

namespace socksify {
namespace {

using Action = ForeignRoute::Action;
using To = ForeignRoute::To;

// A file of 1 MiB may be nothing but masks with gaps, each of them up to 256 routes.
constexpr size_t kMaxRoutes = 65536;

// Whether every name in `b` is in `a`; each is a name, or a domain with a dot in front.
bool Contains(const std::string& a, const std::string& b) {
  return a == b || (a.starts_with('.') && (b.ends_with(a) || '.' + b == a));
}

// `route` as it is, but to `to`, by `action`, and with one more condition, which may be empty.
std::string RouteText(const ForeignRoute& route, To to_kind, std::string_view to, Action action,
                      std::string_view condition) {
  std::string text = "route { from: 0/0 to: ";
  text += to;
  // The dot at the end makes no difference, but an interface or a keyword of ours is not written so.
  if (to_kind == To::kName && to.find('.') == std::string_view::npos) text += '.';
  if (!route.port.empty()) text += " port " + route.port;
  text += " via: ";
  if (action == Action::kProxies) {
    text += route.servers;
  } else {
    text += action == Action::kDirect ? "direct" : "block";
  }
  const std::string_view options = action == Action::kProxies ? std::string_view(route.options) : "";
  const std::string_view resolve = to_kind == To::kName ? "resolve: fake" : "";
  for (const std::string_view part : {std::string_view(route.conditions), condition, options, resolve}) {
    if (!part.empty()) text.append(" ").append(part);
  }
  return text += " }";
}

}  // namespace

void ForeignRoutes::Add(ForeignRoute route) {
  if (entries_.size() >= kMaxRoutes) {
    is_full_ = true;
    return;
  }
  entries_.push_back({std::move(route), {}, false});
}

void ForeignRoutes::AddInFront(std::vector<ForeignRoute> routes) {
  std::vector<Entry> entries;
  entries.reserve(routes.size());
  for (ForeignRoute& route : routes) entries.push_back({std::move(route), {}, false});
  entries_.insert(entries_.begin(), std::make_move_iterator(entries.begin()),
                  std::make_move_iterator(entries.end()));
}

void ForeignRoutes::AddComment(unsigned line, std::string_view text) {
  ForeignRoute route;
  route.line = line;
  if (entries_.size() < kMaxRoutes) entries_.push_back({std::move(route), std::string(text), false});
}

void ForeignRoutes::Write(Action otherwise, ForeignConfig* config) {
  if (is_full_) {
    config->Fail(0, 0, "expected at most " + std::to_string(kMaxRoutes) + " routes, found more",
                 "masks with gaps become many of them");
  }
  // The last rule takes what is left, and may need guards as any other.
  ForeignRoute last;
  last.action = otherwise;
  entries_.push_back({std::move(last), {}, false});
  bool all_is_met = false;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const auto& [route, comment, is_warned_of] = entries_[i];
    if (!comment.empty()) {
      config->Add(route.line, comment);
      continue;
    }
    if (all_is_met && i + 1 == entries_.size()) break;
    if (IsLeftOut(route)) {
      LeaveOut(route, config);
      continue;
    }
    if (route.to_kind == To::kEverything && route.action == Action::kDirect) WriteGuards(i, config);
    config->Add(route.line, RouteText(route, route.to_kind, route.to, route.action, {}));
    if (route.takes_tcp_alone)
      config->Add(route.line, RouteText(route, route.to_kind, route.to, Action::kBlock, "protocol: udp"));
    if (route.to_kind == To::kAddresses && route.action != Action::kDirect && addresses_line_ == 0)
      addresses_line_ = route.line;
    all_is_met |= route.to_kind == To::kEverything && !route.IsNarrow();
  }
}

bool ForeignRoutes::IsLeftOut(const ForeignRoute& route) const {
  return route.to_kind == To::kName && route.action == Action::kDirect && addresses_line_ != 0 &&
         route.line > addresses_line_;
}

void ForeignRoutes::LeaveOut(const ForeignRoute& route, ForeignConfig* config) const {
  config->Add(route.line, "# left out: " + route.to + " direct");
  config->Warn(route.line,
               Quoted(route.to) + " is left out: whether line " + std::to_string(addresses_line_) +
                   " goes first depends on the addresses of the name",
               "give the addresses a line of their own, or put this line before that one");
}

void ForeignRoutes::WriteGuards(size_t index, ForeignConfig* config) {
  if (addresses_line_ == 0) return;
  const ForeignRoute& direct = entries_[index].route;
  std::vector<std::string> done;
  for (size_t i = 0; i < entries_.size(); ++i) {
    auto& [named, comment, is_warned_of] = entries_[i];
    if (!comment.empty() || named.to_kind != To::kName) continue;
    const bool takes_all = i < index && !named.IsNarrow();
    const bool is_never_met = i > index && !direct.IsNarrow();
    const auto contains = [&](const std::string& each) { return Contains(each, named.to); };
    if (IsLeftOut(named) || takes_all || is_never_met || std::ranges::any_of(done, contains)) continue;
    done.push_back(named.to);
    config->Add(direct.line != 0 ? direct.line : named.line,
                RouteText(direct, To::kName, named.to, Action::kBlock, {}));
    if (std::exchange(is_warned_of, true)) continue;
    config->Warn(named.line,
                 "what else goes to " + Quoted(named.to) +
                     " is blocked where everything goes direct: whether line " +
                     std::to_string(addresses_line_) + " goes first depends on the addresses of the name",
                 "give the name a line without a port, a command and users");
  }
}

std::optional<std::string> ForeignName(std::string_view name) {
  std::string_view bare = name;
  if (bare.starts_with('.')) bare.remove_prefix(1);
  if (bare.ends_with('.')) bare.remove_suffix(1);
  if (bare.empty() || bare.starts_with('.') || bare.ends_with('.') ||
      bare.find("..") != std::string_view::npos)
    return std::nullopt;
  const std::expected<Endpoint, TextProblem> host = ParseHost(bare, 0);
  if (!host || !host->is_name()) return std::nullopt;
  return (name.starts_with('.') ? "." : "") + ToLowerAscii(bare);
}

std::optional<std::string> ForeignServers(std::string_view list, unsigned line, unsigned column,
                                          ForeignConfig* config) {
  std::string text;
  size_t count = 0;
  for (const std::string_view item : SplitList(list)) {
    const auto here = column == 0 ? 0 : column + static_cast<unsigned>(item.data() - list.data());
    const std::expected<HostPort, TextProblem> server = ParseHostPort(item, kSocksPort);
    if (!server) {
      config->Fail(line, here, server.error().message, server.error().remedy);
      return std::nullopt;
    }
    const bool is_name = server->address.is_name();
    const std::string host = is_name ? std::string(server->address.name()) : server->address.ip().ToString();
    for (const std::string_view word : {"direct", "block", "then", "port"}) {
      if (host != word) continue;
      config->Fail(line, here, "expected a server, found " + Quoted(host),
                   "write its address or its full name");
      return std::nullopt;
    }
    if (++count > RouteTable::kMaxTargets) {
      config->Fail(line, here,
                   "expected at most " + std::to_string(RouteTable::kMaxTargets) + " servers, found more");
      return std::nullopt;
    }
    if (!text.empty()) text += ", ";
    text += host + " port = " + std::to_string(server->address.port());
  }
  return text;
}

bool IsForeignUrl(std::string_view servers) {
  return servers.find("://") != std::string_view::npos;
}

std::optional<std::string> ForeignServersOfVariable(const char* name, std::string_view value,
                                                    ForeignConfig* config) {
  ForeignConfig problems;
  std::optional<std::string> servers;
  if (!IsForeignUrl(value)) {
    servers = ForeignServers(value, 0, 0, &problems);
  } else if (value.find_first_of("@#{}, \t") == std::string_view::npos && ParseProxyUrl(value)) {
    servers = value;
  } else {
    problems.Fail(0, 0, "expected HOST[:PORT] or a URL without a user name, found another URL",
                  "the user name and the password have variables of their own");
  }
  for (ForeignConfig::Remark& each : problems.errors)
    config->Fail(0, 0, std::string(name) + ": " + each.message, std::move(each.remedy));
  return servers;
}

std::vector<std::string> ForeignNetworks(const ForeignField& address, const ForeignField& mask, unsigned line,
                                         ForeignConfig* config) {
  const std::optional<IpAddress> ip = IpAddress::Parse(address.text);
  const std::optional<IpAddress> mask_ip = IpAddress::Parse(mask.text);
  if (!ip || !ip->is_v4()) {
    config->Fail(line, address.column, "expected an IPv4 address, found " + Quoted(address.text));
    return {};
  }
  if (!mask_ip || !mask_ip->is_v4()) {
    config->Fail(line, mask.column, "expected a netmask, found " + Quoted(mask.text),
                 "write it as 255.255.0.0");
    return {};
  }
  const uint32_t bits = mask_ip->v4_value();
  // The gap bits lie between the last one bit and the leading ones.
  const auto length = static_cast<unsigned>(bits == 0 ? 0 : 32 - std::countr_zero(bits));
  const uint32_t prefix = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
  const uint32_t gaps = prefix & ~bits;
  constexpr int kMostGapBits = 8;
  if (std::popcount(gaps) > kMostGapBits) {
    config->Fail(line, mask.column,
                 "expected a netmask with at most " + std::to_string(kMostGapBits) +
                     " zeros before its last one, found " + Quoted(mask.text),
                 "each of them doubles the routes that are needed");
    return {};
  }
  std::vector<std::string> networks;
  const uint32_t base = ip->v4_value() & bits;
  uint32_t filling = 0;
  do {
    networks.push_back(IpAddress::V4(base | filling).ToString() + '/' + std::to_string(length));
    filling = (filling - gaps) & gaps;  // the next subset of the gap bits
  } while (filling != 0);
  return networks;
}

bool IsForeignPort(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  if (text[0] >= '0' && text[0] <= '9') return ParseDecimal(text, 65535).has_value();
  constexpr std::string_view kPunctuation = "-_+./";
  return std::ranges::all_of(text, [&](char c) {
    const char lower = ToLowerAscii(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           kPunctuation.find(c) != std::string_view::npos;
  });
}

bool IsForeignUser(std::string_view text) {
  if (text.empty() || text.size() > 255 || text.starts_with('-') || text.ends_with('.')) return false;
  // An address in the wrong column.
  const bool is_numeric = text.find_first_not_of("0123456789.") == std::string_view::npos;
  if (is_numeric && text.find('.') != std::string_view::npos) return false;
  constexpr std::string_view kPunctuation = "-_.$+";
  return std::ranges::all_of(text, [&](char c) {
    const char lower = ToLowerAscii(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           kPunctuation.find(c) != std::string_view::npos;
  });
}

void KeepComment(const ForeignLine& line, ForeignRoutes* routes) {
  if (line.fields.empty() && !line.comment.empty()) routes->AddComment(line.number, line.comment);
}

}  // namespace socksify
