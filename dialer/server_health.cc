// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/server_health.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include "base/order.h"
#include "dialer/path_text.h"
#include "routing/route_table.h"

namespace socksify {

// Written by Add.
ServerHealth::Key::Key(const Server& server) {  // NOLINT(cppcoreguidelines-pro-type-member-init)
  Add(ProtocolName(PreferredProtocol(server)));
  Add(" ");
  if (server.address.is_name()) {
    Add(server.address.name());
  } else {
    const IpAddress& ip = server.address.ip();
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* const bytes = ip.bytes().data();
    inet_ntop(ip.is_v4() ? AF_INET : AF_INET6, bytes, text.data(), text.size());
    if (!ip.is_v4()) Add("[");
    Add(text.data());
    if (!ip.is_v4()) Add("]");
  }
  Add(":");
  std::array<char, 8> port{};
  const auto end = std::to_chars(port.data(), port.data() + port.size(), server.address.port()).ptr;
  Add({port.data(), static_cast<size_t>(end - port.data())});
}

void ServerHealth::Key::Add(std::string_view text) {
  const size_t size = std::min(text.size(), text_.size() - size_);
  std::memcpy(text_.data() + size_, text.data(), size);
  size_ += size;
}

HealthEntry* ServerHealth::Find(const Server& server) const {
  return table_->Find(Key(server).text());
}

void ServerHealth::NoteFailure(const Server& server, long long now_ms, int error) {
  if (HealthEntry* const entry = Find(server)) entry->NoteFailure(now_ms, error);
}

void ServerHealth::NoteSuccess(const Server& server, long long now_ms, uint32_t latency_us) {
  if (HealthEntry* const entry = Find(server)) entry->NoteSuccess(now_ms, latency_us);
}

bool ServerHealth::IsBad(const Server& server, long long now_ms) const {
  const HealthEntry* const entry = Find(server);
  return entry != nullptr && entry->IsBad(policy_, now_ms);
}

bool ServerHealth::NoteWaiting(const Server& server, long long now_ms) {
  HealthEntry* const entry = Find(server);
  return entry == nullptr || entry->NoteWaiting(now_ms);
}

Pipelining ServerHealth::PipeliningOf(const Server& server) const {
  const HealthEntry* const entry = Find(server);
  return entry != nullptr ? entry->pipelining() : Pipelining::kUnknown;
}

void ServerHealth::NotePipelining(const Server& server, Pipelining pipelining) {
  if (HealthEntry* const entry = Find(server)) entry->NotePipelining(pipelining);
}

uint64_t ServerHealth::NextTurn(const Rule& rule) {
  std::string key = "turn";
  for (const Target& target : rule.group) key += ' ' + DescribeTarget(target);
  HealthEntry* const entry = table_->Find(key);
  return entry != nullptr ? entry->NextTurn() : 0;
}

// A chain that chooses its servers is as good as those that it can choose.
template <typename IsUsable>
ServerHealth::Standing ServerHealth::StandingOf(const Target& target, const IsUsable& is_usable) {
  const bool takes_all = target.chain == Chain::kStrict;
  const size_t wanted = takes_all ? target.hops.size() : std::max(target.chain_length, 1U);
  size_t usable = 0;
  bool is_waited_for = false;
  for (const Server* const server : target.hops) {
    switch (is_usable(*server)) {
      case Standing::kBad: break;
      case Standing::kWaitedFor: is_waited_for = true; [[fallthrough]];
      case Standing::kGood: ++usable;
    }
  }
  if (usable < wanted) return Standing::kBad;
  return is_waited_for && takes_all ? Standing::kWaitedFor : Standing::kGood;
}

ServerHealth::Standing ServerHealth::Judge(const Target& target, long long now_ms) const {
  return StandingOf(target, [&](const Server& server) {
    const HealthEntry* const entry = Find(server);
    if (entry == nullptr) return Standing::kGood;
    if (entry->IsBad(policy_, now_ms)) return Standing::kBad;
    return entry->IsSuspect(now_ms) ? Standing::kWaitedFor : Standing::kGood;
  });
}

// The caller is the next to use the target, so it may be the one that finds out whether a server has come
// back.
ServerHealth::Standing ServerHealth::JudgeAndProbe(const Target& target, long long now_ms) {
  return StandingOf(target, [&](const Server& server) {
    HealthEntry* const entry = Find(server);
    if (entry == nullptr) return Standing::kGood;
    switch (entry->Admit(policy_, now_ms)) {
      case HealthEntry::Admission::kBad: return Standing::kBad;
      case HealthEntry::Admission::kProbe: return Standing::kGood;
      case HealthEntry::Admission::kGood: break;
    }
    return entry->IsSuspect(now_ms) ? Standing::kWaitedFor : Standing::kGood;
  });
}

void ServerHealth::PutInOrder(std::span<const Target*> targets, long long now_ms) {
  const auto leads_nowhere_else = [](const Target* target) { return target->kind != Target::Kind::kProxies; };
  const auto end = std::ranges::find_if(targets, leads_nowhere_else);
  const auto movable = targets.first(static_cast<size_t>(end - targets.begin()));
  if (movable.size() < 2) return;
  std::array<std::pair<const Target*, Standing>, RouteTable::kMaxTargets> judged;
  bool has_good = false;
  for (size_t i = 0; i < movable.size(); ++i) {
    const Target& target = *movable[i];
    const Standing standing = has_good ? Judge(target, now_ms) : JudgeAndProbe(target, now_ms);
    has_good = has_good || standing == Standing::kGood;
    judged[i] = {&target, standing};
  }
  const auto order = std::span(judged).first(movable.size());
  const size_t good = PutFirst(order, [](const auto& each) { return each.second == Standing::kGood; });
  PutFirst(order.subspan(good), [](const auto& each) { return each.second == Standing::kWaitedFor; });
  std::ranges::transform(order, movable.begin(), [](const auto& each) { return each.first; });
}

}  // namespace socksify
