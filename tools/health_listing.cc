// SPDX-License-Identifier: BSD-2-Clause
#include "tools/health_listing.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <tuple>
#include <utility>

#include "base/failure.h"
#include "base/text.h"
#include "dialer/server_health.h"
#include "tools/json_text.h"
#include "tools/text_table.h"

namespace socksify {
namespace {

using Json = nlohmann::ordered_json;
using OpenedTable = std::expected<std::unique_ptr<HealthTable>, std::string>;

// Null where there is no table.
OpenedTable OpenTable(const std::string& directory) {
  auto table = HealthTable::OpenExisting(directory);
  if (table) return std::move(*table);
  if (table.error() == ENOENT) return nullptr;
  const std::string path = HealthTable::PathIn(directory);
  if (table.error() == EUCLEAN) {
    return std::unexpected(path +
                           " is not a table of this version that belongs to you alone; the next program that "
                           "needs one will replace it");
  }
  return std::unexpected("cannot open " + path + ": " + std::strerror(table.error()));
}

// Of the other entries count the turns of balanced routes.
bool IsServer(const HealthReport& report) {
  return !report.key.starts_with("turn ");
}

// The table keeps no more of a key.
std::string_view KeptPart(std::string_view key) {
  return key.substr(0, HealthTable::kMaxKeySize);
}

void Judge(const HealthPolicy& policy, int64_t now_ms, HealthItem* item) {
  const HealthReport& report = item->report;
  HealthReport without_probe = report;
  without_probe.probe_until_ms = 0;
  if (without_probe.IsBad(policy, now_ms)) {
    item->state = HealthItem::State::kBad;
    if (policy.bad_expire_s == 0) return;
    const int64_t span_ms = int64_t{policy.bad_expire_s} * 1000;
    const int64_t left_ms = std::min(report.failed_ms + span_ms - now_ms, span_ms);
    item->bad_for_s = (left_ms + 999) / 1000;
  } else if (report.IsBad(policy, now_ms)) {
    item->state = HealthItem::State::kBeingTried;
  } else if (policy.max_fail > 0 &&
             report.failures_in_a_row >= std::min(policy.max_fail, HealthEntry::kMaxFailures)) {
    item->state = HealthItem::State::kDue;
  } else if (report.IsSuspect(now_ms)) {
    item->state = HealthItem::State::kWaitedFor;
  }
}

std::string Describe(const HealthItem& item) {
  switch (item.state) {
    case HealthItem::State::kBad:
      return item.bad_for_s == 0 ? "bad until it works"
                                 : "bad for another " + std::to_string(item.bad_for_s) + " s";
    case HealthItem::State::kDue: return "to be tried again";
    case HealthItem::State::kBeingTried: return "being tried by pid " + std::to_string(item.report.probe_pid);
    case HealthItem::State::kGood:
    case HealthItem::State::kWaitedFor: break;
  }
  return ToString(item.state);
}

// A time ahead was read by another process a moment after ours.
int64_t Age(int64_t then_ms, int64_t now_ms) {
  return std::max<int64_t>(now_ms - then_ms, 0);
}

std::string Ago(int64_t then_ms, int64_t now_ms) {
  constexpr int64_t kMinute = 60;
  constexpr int64_t kHour = 60 * kMinute;
  constexpr int64_t kDay = 24 * kHour;
  const int64_t seconds = Age(then_ms, now_ms) / 1000;
  if (seconds < 2 * kMinute) return std::to_string(seconds) + " s ago";
  if (seconds < 2 * kHour) return std::to_string(seconds / kMinute) + " min ago";
  if (seconds < 2 * kDay) return std::to_string(seconds / kHour) + " h ago";
  return std::to_string(seconds / kDay) + " days ago";
}

// The key with whatever could speak to a terminal escaped; the blank behind the protocol stays.
std::string ShownKey(const HealthReport& report) {
  const size_t blank = report.key.find(' ');
  std::string text;
  AppendEscaped(&text, std::string_view(report.key).substr(0, blank));
  if (blank != std::string::npos) {
    text += ' ';
    AppendEscaped(&text, std::string_view(report.key).substr(blank + 1));
  }
  return report.is_key_cut ? text + "..." : text;
}

Json AgeOrNull(int64_t then_ms, int64_t now_ms) {
  return then_ms == 0 ? Json() : Json(Age(then_ms, now_ms));
}

Json ToMs(uint32_t us) {
  return us == 0 ? Json() : Json(us / 1000.0);
}

Json ToJson(const HealthItem& item, int64_t now_ms) {
  const HealthReport& report = item.report;
  const bool has_failed = report.failed_ms != 0;
  Json object;
  object["server"] = ShownKey(report);
  object["name"] = TextOrNull(item.name);
  object["state"] = ToString(item.state);
  object["bad_for_s"] = item.bad_for_s != 0 ? Json(item.bad_for_s) : Json();
  object["tried_by"] = item.state == HealthItem::State::kBeingTried ? Json(report.probe_pid) : Json();
  object["failures_in_a_row"] = report.failures_in_a_row;
  object["failures"] = report.failures;
  object["successes"] = report.successes;
  object["last_error"] = has_failed ? Json(ErrnoName(report.last_error)) : Json();
  object["last_error_text"] = has_failed ? Json(std::strerror(report.last_error)) : Json();
  object["last_failure_ms_ago"] = AgeOrNull(report.failed_ms, now_ms);
  object["last_success_ms_ago"] = AgeOrNull(report.succeeded_ms, now_ms);
  object["connect_ms"] = ToMs(report.latency_us);
  object["last_connect_ms"] = ToMs(report.last_latency_us);
  return object;
}

}  // namespace

HealthView ViewOf(const Config& config) {
  HealthView view;
  view.policy.max_fail = config.settings.max_fail;
  view.policy.bad_expire_s = config.settings.bad_expire_s;
  for (const auto& server : config.routes.servers()) {
    const ServerHealth::Key key(*server);
    view.servers.push_back({.key = std::string(key.text()), .name = server->name});
  }
  return view;
}

std::expected<HealthListing, std::string> ListHealth(const std::string& directory, const HealthView& view,
                                                     int64_t now_ms) {
  const OpenedTable table = OpenTable(directory);
  if (!table) return std::unexpected(table.error());
  HealthListing listing;
  listing.path = HealthTable::PathIn(directory);
  listing.policy = view.policy;
  listing.now_ms = now_ms;
  if (*table == nullptr) return listing;
  listing.exists = true;

  std::vector<std::pair<size_t, HealthItem>> placed;
  for (HealthReport& report : (*table)->List()) {
    if (!IsServer(report)) continue;
    HealthItem item;
    const auto known = std::ranges::find(view.servers, std::string_view(report.key),
                                         [](const KnownServer& server) { return KeptPart(server.key); });
    if (known != view.servers.end()) item.name = known->name;
    item.report = std::move(report);
    Judge(view.policy, now_ms, &item);
    placed.emplace_back(static_cast<size_t>(known - view.servers.begin()), std::move(item));
  }
  std::ranges::sort(placed, {},
                    [](const auto& each) { return std::tie(each.first, each.second.report.key); });
  for (auto& each : placed) listing.servers.push_back(std::move(each.second));
  return listing;
}

std::expected<uint32_t, std::string> ClearHealth(const std::string& directory) {
  const OpenedTable table = OpenTable(directory);
  if (!table) return std::unexpected(table.error());
  if (*table == nullptr) return 0;
  const auto servers = std::ranges::count_if((*table)->List(), IsServer);
  (*table)->Clear();
  return static_cast<uint32_t>(servers);
}

const char* ToString(HealthItem::State state) {
  switch (state) {
    case HealthItem::State::kGood: return "good";
    case HealthItem::State::kWaitedFor: return "waited for";
    case HealthItem::State::kBad: return "bad";
    case HealthItem::State::kDue: return "due";
    case HealthItem::State::kBeingTried: break;
  }
  return "being tried";
}

std::string ToText(const HealthListing& listing) {
  if (listing.servers.empty()) return {};
  const auto count = [](uint64_t number) { return number == 0 ? "-" : std::to_string(number); };
  std::vector<TextRow> rows = {
      {"server", "state", "in a row", "failed", "worked", "connect", "last worked", "last error"}};
  for (const HealthItem& item : listing.servers) {
    const HealthReport& report = item.report;
    std::string error = "-";
    if (report.failed_ms != 0)
      error = std::strerror(report.last_error) + (", " + Ago(report.failed_ms, listing.now_ms));
    rows.push_back({ShownKey(report) + (item.name.empty() ? "" : " (" + item.name + ")"), Describe(item),
                    count(report.failures_in_a_row), count(report.failures), count(report.successes),
                    report.latency_us == 0 ? "-" : Milliseconds(report.latency_us / 1000.0),
                    report.succeeded_ms == 0 ? "-" : Ago(report.succeeded_ms, listing.now_ms), error});
  }
  return ToText(rows, {2, 3, 4, 5});
}

std::string ToJson(const HealthListing& listing) {
  Json object;
  object["table"] = listing.path;
  object["exists"] = listing.exists;
  object["maxfail"] = listing.policy.max_fail;
  object["badexpire"] = listing.policy.bad_expire_s;
  object["servers"] = Json::array();
  for (const HealthItem& item : listing.servers) object["servers"].push_back(ToJson(item, listing.now_ms));
  return ToLine(object);
}

}  // namespace socksify
