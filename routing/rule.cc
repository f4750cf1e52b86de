// SPDX-License-Identifier: BSD-2-Clause
#include "routing/rule.h"

#include <algorithm>

#include "routing/query.h"

namespace socksify {
namespace {

// Shell-like matching of '*' and '?'. On a mismatch it goes back to the last star only, so the time is at
// most the product of the two lengths.
bool GlobMatches(std::string_view glob, std::string_view text) {
  size_t g = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', g) == std::string_view::npos;
}

bool MatchesProcess(const std::vector<std::string>& globs, std::string_view process) {
  if (globs.empty()) return true;
  return std::ranges::any_of(globs, [&](const std::string& glob) { return GlobMatches(glob, process); });
}

bool IsForEveryUser(const Rule& rule) {
  return !rule.names_users || (rule.has_unknown_user && !rule.IsPurelyDirect());
}

// kNobody is nobody's id, so it is in no list.
bool MatchesUser(const Rule& rule, uint32_t user) {
  return IsForEveryUser(rule) || std::ranges::find(rule.users, user) != rule.users.end();
}

bool MatchesSource(const std::vector<AddressPattern>& patterns, const IpAddress* source) {
  if (patterns.empty()) return true;
  const bool known = source != nullptr && !source->IsUnspecified();
  return std::ranges::any_of(patterns, [&](const AddressPattern& pattern) {
    return known ? pattern.MatchesAddress(*source) : pattern.MatchesUnknown();
  });
}

bool CoversAll(const std::vector<AddressPattern>& wide, const std::vector<AddressPattern>& narrow) {
  if (wide.empty()) return true;
  if (narrow.empty()) {
    return std::ranges::any_of(wide, [](const AddressPattern& p) { return p.Covers(AddressPattern{}); });
  }
  return std::ranges::all_of(narrow, [&](const AddressPattern& n) {
    return std::ranges::any_of(wide, [&](const AddressPattern& w) { return w.Covers(n); });
  });
}

// Whether every user that `narrow` lets in is let in by `wide`; false where that is nobody, since then
// something else is wrong with `narrow`.
bool CoversUsers(const Rule& wide, const Rule& narrow) {
  if (IsForEveryUser(wide)) return true;
  return !IsForEveryUser(narrow) && !narrow.users.empty() &&
         std::ranges::all_of(narrow.users, [&](uint32_t user) { return MatchesUser(wide, user); });
}

bool IsDirect(const Target& target) {
  return target.kind == Target::Kind::kDirect;
}

}  // namespace

bool Rule::Matches(const Query& query) const {
  if (!to_port.Matches(query.destination.port())) return false;
  if ((transports & TransportBit(query.transport)) == 0) return false;
  if ((commands & CommandBit(query.command)) == 0) return false;
  const auto matches = [&](const AddressPattern& pattern) { return pattern.Matches(query.destination); };
  if (!to.empty() && std::ranges::none_of(to, matches)) return false;
  return from_port.Matches(query.source_port) && MatchesSource(from, query.source) &&
         IsFor(query.process, query.user);
}

bool Rule::IsFor(std::string_view process, uint32_t user) const {
  return MatchesUser(*this, user) && MatchesProcess(processes, process);
}

bool Rule::NeedsSource() const {
  const auto is_everything = [](const AddressPattern& pattern) {
    return pattern.kind == AddressPattern::Kind::kEverything;
  };
  return !from_port.IsAny() || (!from.empty() && std::ranges::none_of(from, is_everything));
}

bool Rule::MayMeetName(std::string_view name, std::string_view process, uint32_t user) const {
  const auto matches = [&](const AddressPattern& pattern) { return pattern.MatchesName(name); };
  return (to.empty() || std::ranges::any_of(to, matches)) && IsFor(process, user);
}

std::optional<ResolveProtocol> Rule::SayInResolving() const {
  return resolve == ResolveProtocol::kLocal && IsPurelyDirect() ? std::nullopt : resolve;
}

bool Rule::IsForNamesAlone() const {
  return !to.empty() && std::ranges::all_of(to, [](const AddressPattern& pattern) {
    using Kind = AddressPattern::Kind;
    return pattern.kind == Kind::kName || pattern.kind == Kind::kDomain || pattern.kind == Kind::kEveryName;
  });
}

bool Rule::IsUnconditional() const {
  return from_port.IsAny() && to_port.IsAny() && transports == kAllTransports && commands == kAllCommands &&
         MatchesSource(from, nullptr);
}

bool Rule::IsPurelyDirect() const {
  return std::ranges::all_of(group, IsDirect) && std::ranges::all_of(fallback, IsDirect);
}

bool Rule::Covers(const Rule& other) const {
  return (transports & other.transports) == other.transports &&
         (commands & other.commands) == other.commands && from_port.Covers(other.from_port) &&
         to_port.Covers(other.to_port) && CoversAll(from, other.from) && CoversAll(to, other.to) &&
         (processes.empty() || processes == other.processes) && CoversUsers(*this, other);
}

}  // namespace socksify
