// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/server_health.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include "base/monotonic_clock.h"
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
  } else if (const IpAddress& ip = server.address.ip(); ip.is_v4()) {
    for (unsigned i = 0; i < 4; ++i) {
      if (i != 0) Add(".");
      AddNumber(ip.bytes()[i]);
    }
  } else {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(AF_INET6, ip.bytes().data(), text.data(), text.size());
    Add("[");
    Add(text.data());
    Add("]");
  }
  Add(":");
  AddNumber(server.address.port());
}

void ServerHealth::Key::AddNumber(unsigned number) {
  std::array<char, 10> digits;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by to_chars.
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  Add({digits.data(), static_cast<size_t>(end - digits.data())});
}

void ServerHealth::Key::Add(std::string_view text) {
  const size_t size = std::min(text.size(), text_.size() - size_);
  std::memcpy(text_.data() + size_, text.data(), size);
  size_ += size;
}

HealthEntry* ServerHealth::Find(const Server& server, long long now_ms) const {
  uint64_t tag = server.health_tag.Get();
  if (tag == 0) [[unlikely]] {
    tag = HealthTable::TagOf(Key(server).text());
    server.health_tag.Keep(tag);
  }
  const auto [entry, wants_name] = table_->FindByTag(tag, now_ms);
  if (wants_name) [[unlikely]]
    table_->SetName(entry, Key(server).text());
  return entry;
}

void ServerHealth::NoteFailure(const Server& server, long long now_ms, int error) {
  if (HealthEntry* const entry = Find(server, now_ms)) entry->NoteFailure(now_ms, error);
}

void ServerHealth::NoteSuccess(const Server& server, long long now_ms, uint32_t latency_us) {
  if (HealthEntry* const entry = Find(server, now_ms)) entry->NoteSuccess(now_ms, latency_us);
}

bool ServerHealth::IsBad(const Server& server, long long now_ms) const {
  const HealthEntry* const entry = Find(server, now_ms);
  return entry != nullptr && entry->IsBad(policy_, now_ms);
}

bool ServerHealth::IsWaitedFor(const Server& server, long long now_ms) const {
  const HealthEntry* const entry = Find(server, now_ms);
  return entry != nullptr && entry->IsSuspect(now_ms);
}

bool ServerHealth::NoteWaiting(const Server& server, long long now_ms) {
  HealthEntry* const entry = Find(server, now_ms);
  return entry == nullptr || entry->NoteWaiting(now_ms);
}

Pipelining ServerHealth::PipeliningOf(const Server& server, long long now_ms) const {
  const HealthEntry* const entry = Find(server, now_ms);
  return entry != nullptr ? entry->pipelining() : Pipelining::kUnknown;
}

void ServerHealth::NotePipelining(const Server& server, long long now_ms, Pipelining pipelining) {
  if (HealthEntry* const entry = Find(server, now_ms)) entry->NotePipelining(pipelining);
}

ReplyForm ServerHealth::ReplyFormOf(const Server& server, long long now_ms) const {
  const HealthEntry* const entry = Find(server, now_ms);
  return entry != nullptr ? entry->reply_form() : ReplyForm::kUnknown;
}

void ServerHealth::NoteReplyForm(const Server& server, long long now_ms, ReplyForm form) {
  if (HealthEntry* const entry = Find(server, now_ms)) entry->NoteReplyForm(form);
}

void ServerHealth::EndWaiting(const Server& server, long long since_ms) {
  if (HealthEntry* const entry = Find(server, MonotonicMs())) entry->EndWaiting(since_ms);
}

uint64_t ServerHealth::NextTurn(const Rule& rule) {
  std::string key = "turn";
  for (const Target& target : rule.group) key += ' ' + DescribeTarget(target);
  HealthEntry* const entry = table_->Find(key);
  return entry != nullptr ? entry->NextTurn() : 0;
}

// A chain that chooses its servers is as good as those that it can choose. `may_probe`: a server whose
// back-off is over counts as usable, since the caller may find out.
ServerHealth::Standing ServerHealth::Judge(const Target& target, long long now_ms, bool may_probe) const {
  const bool takes_all = target.chain == Chain::kStrict;
  const size_t wanted = takes_all ? target.hops.size() : std::max(target.chain_length, 1U);
  size_t usable = 0;
  bool is_waited_for = false;
  for (const Server* const server : target.hops) {
    const HealthEntry* const entry = Find(*server, now_ms);
    const auto admission = entry != nullptr ? entry->Look(policy_, now_ms) : HealthEntry::Admission::kGood;
    const bool is_usable = admission == HealthEntry::Admission::kGood ||
                           (may_probe && admission == HealthEntry::Admission::kProbe);
    if (is_usable) ++usable;
    if (is_usable && entry != nullptr && entry->IsSuspect(now_ms)) is_waited_for = true;
  }
  if (usable < wanted) return Standing::kBad;
  return is_waited_for && takes_all ? Standing::kWaitedFor : Standing::kGood;
}

// Takes the probe of each server of the target whose back-off is over. False when another one was faster and
// the target is no longer good without it.
bool ServerHealth::TakeProbes(const Target& target, long long now_ms, Probes* probes) {
  bool has_all = true;
  for (const Server* const server : target.hops) {
    HealthEntry* const entry = Find(*server, now_ms);
    if (entry == nullptr || entry->Look(policy_, now_ms) != HealthEntry::Admission::kProbe) continue;
    uint64_t ticket = 0;
    if (probes->count_ < Probes::kMost &&
        entry->Admit(policy_, now_ms, &ticket) == HealthEntry::Admission::kProbe) {
      probes->probes_[probes->count_++] = {server, ticket};
    } else {
      has_all = false;
    }
  }
  if (has_all || target.chain != Chain::kStrict) return true;
  EndProbes(probes);
  return false;
}

void ServerHealth::EndProbes(Probes* probes) {
  for (size_t i = 0; i < probes->count_; ++i) {
    const Probes::Probe& probe = probes->probes_[i];
    if (HealthEntry* const entry = Find(*probe.server, MonotonicMs())) entry->GiveProbeBack(probe.ticket);
  }
  probes->count_ = 0;
}

bool Probes::Has(const Server& server) const {
  return std::any_of(probes_.begin(), probes_.begin() + static_cast<std::ptrdiff_t>(count_),
                     [&](const Probe& probe) { return probe.server == &server; });
}

void ServerHealth::PutInOrder(std::span<const Target*> targets, long long now_ms, Probes* probes) {
  if (!passes_over()) return;
  const auto leads_nowhere_else = [](const Target* target) { return target->kind != Target::Kind::kProxies; };
  const auto end = std::ranges::find_if(targets, leads_nowhere_else);
  const auto movable = targets.first(static_cast<size_t>(end - targets.begin()));
  if (movable.size() < 2) return;
  std::array<std::pair<const Target*, Standing>, RouteTable::kMaxTargets> judged;
  bool has_good = false;
  for (size_t i = 0; i < movable.size(); ++i) {
    const Target& target = *movable[i];
    // Only what is tried next is worth a probe.
    Standing standing = Judge(target, now_ms, !has_good);
    if (!has_good && standing == Standing::kGood && !TakeProbes(target, now_ms, probes))
      standing = Standing::kBad;
    has_good = has_good || standing == Standing::kGood;
    judged[i] = {&target, standing};
  }
  const auto order = std::span(judged).first(movable.size());
  const size_t good = PutFirst(order, [](const auto& each) { return each.second == Standing::kGood; });
  PutFirst(order.subspan(good), [](const auto& each) { return each.second == Standing::kWaitedFor; });
  std::ranges::transform(order, movable.begin(), [](const auto& each) { return each.first; });
}

}  // namespace socksify
