// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>

#include "base/failure.h"
#include "tools/explanation.h"

namespace socksify {
namespace {

// Every line: two blanks, a label in this width, a value.
constexpr size_t kLabelWidth = 12;

void AppendLine(std::string* text, std::string_view label, std::string_view value) {
  *text += "  ";
  *text += label;
  text->append(label.size() < kLabelWidth ? kLabelWidth - label.size() : 1, ' ');
  *text += value;
  *text += '\n';
}

// The lines of `block`, without the indentation that all of them share, below each other in the value column.
void AppendBlock(std::string* text, std::string_view block) {
  size_t indent = std::string_view::npos;
  std::vector<std::string_view> lines;
  while (!block.empty()) {
    const size_t end = std::min(block.find('\n'), block.size());
    lines.push_back(block.substr(0, end));
    block.remove_prefix(std::min(end + 1, block.size()));
    indent = std::min(indent, lines.back().find_first_not_of(" \t"));
  }
  for (const std::string_view line : lines) {
    AppendLine(text, "", line.substr(std::min(indent, line.size())));
  }
}

std::string Join(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

std::string Headline(const Explanation& explanation) {
  switch (explanation.verdict) {
    case Verdict::kDirect: return "goes direct";
    case Verdict::kProxy: return "goes through a proxy";
    case Verdict::kBlock:
    case Verdict::kNoRoute:
    case Verdict::kRefused: break;
  }
  return "is refused: " + explanation.reason + " (" + ErrnoName(explanation.error) + ")";
}

std::string DescribePath(const PathReport& path) {
  if (path.kind == Target::Kind::kDirect) return "direct";
  if (path.kind == Target::Kind::kBlock) return "block";
  std::vector<std::string> hops;
  hops.reserve(path.hops.size());
  for (const HopReport& hop : path.hops) {
    hops.push_back(Join(hop.protocols, "|") + " " + hop.address +
                   (hop.name.empty() ? "" : " (" + hop.name + ")"));
  }
  return Join(hops, " -> ");
}

// "random chain of 2 servers, weight 3"; empty where nothing is to be said.
std::string DescribeUse(const PathReport& path, bool has_weights) {
  std::string text;
  if (path.chain != Chain::kStrict) {
    text = std::string(ToString(path.chain)) + " chain";
    if (path.chain_length != 0) {
      text += " of " + std::to_string(path.chain_length) + (path.chain_length == 1 ? " server" : " servers");
    }
  }
  if (!has_weights || path.is_fallback) return text;
  if (!text.empty()) text += ", ";
  return text + "weight " + std::to_string(path.weight);
}

void AppendPaths(std::string* text, const Explanation& explanation) {
  const auto count = std::ranges::count(explanation.paths, false, &PathReport::is_fallback);
  const bool has_weights =
      std::ranges::any_of(explanation.paths, [](const PathReport& path) { return path.weight != 1; });
  int number = 0;
  for (const PathReport& path : explanation.paths) {
    std::string label = path.is_fallback ? "fallback" : "path";
    if (!path.is_fallback && count > 1) {
      label += ' ';
      label += std::to_string(++number);
    }
    AppendLine(text, label, DescribePath(path));
    if (const std::string use = DescribeUse(path, has_weights); !use.empty()) AppendLine(text, "", use);
    for (const HopReport& hop : path.hops) {
      if (!hop.unusable.empty()) AppendLine(text, "", "unusable: " + hop.unusable);
    }
  }
  if (count > 1) AppendLine(text, "balance", ToString(explanation.balance));
}

constexpr char kAddressDecides[] = "; the route of its address decides in the end";

// "10.0.0.53:53 through socks5 10.0.0.1:1080 (a.conf:4)"
std::string DescribeWayTo(const Explanation& server) {
  std::string text = server.destination;
  const auto path = std::ranges::find_if(server.paths, &PathReport::IsUsable);
  if (server.error != 0 || path == server.paths.end()) {
    return text + " cannot be asked: " + server.reason + " (" + ErrnoName(server.error) + ")";
  }
  text += path->kind == Target::Kind::kDirect ? " directly" : " through " + DescribePath(*path);
  return text + " (" + server.where.ToString() + ")";
}

void AppendNameServers(std::string* text, const Explanation& explanation) {
  if (explanation.resolution != Resolution::kTcp && explanation.resolution != Resolution::kUdp) return;
  if (explanation.name_servers.empty()) {
    AppendLine(text, "nameserver", "those of /etc/resolv.conf, each by its own route");
  }
  for (const Explanation& server : explanation.name_servers) {
    AppendLine(text, "nameserver", DescribeWayTo(server));
  }
}

std::string DescribeName(const Explanation& explanation) {
  switch (explanation.resolution) {
    case Resolution::kLiteral: return "an address; there is nothing to resolve";
    case Resolution::kFake: return "a fake address for the program, the name itself for the proxy";
    case Resolution::kLocal: return std::string("resolved by this machine") + kAddressDecides;
    case Resolution::kLocalThenFake: return "resolved by this machine; if that fails, by the proxy";
    case Resolution::kTcp: return std::string("resolved by DNS over TCP") + kAddressDecides;
    case Resolution::kUdp: return std::string("resolved by DNS over UDP") + kAddressDecides;
    case Resolution::kHosts: break;
  }
  std::vector<std::string> addresses;
  addresses.reserve(explanation.addresses.size());
  for (const IpAddress& address : explanation.addresses) addresses.push_back(address.ToString());
  return "of this machine: " + Join(addresses, ", ") + "; the route is that of the address";
}

}  // namespace

std::string ToText(const Explanation& explanation) {
  std::string text = explanation.destination + "/" + ToString(explanation.transport);
  if (!explanation.process.empty()) text += " from " + explanation.process;
  if (!explanation.user.empty()) text += " of " + explanation.user;
  text += ' ';
  text += Headline(explanation);
  text += '\n';
  if (explanation.has_rule) AppendLine(&text, "decided by", explanation.where.ToString());
  AppendBlock(&text, explanation.rule_text);
  AppendPaths(&text, explanation);
  AppendLine(&text, "name", DescribeName(explanation));
  if (!explanation.resolve_where.empty()) {
    AppendLine(&text, "",
               "because " + explanation.resolve_where + " says resolve: " + ToString(explanation.resolution));
  }
  AppendNameServers(&text, explanation);
  return text;
}

}  // namespace socksify
