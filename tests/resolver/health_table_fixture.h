// SPDX-License-Identifier: BSD-2-Clause
// What the tests of the table of servers' health share: keys that compete, and one report of many.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "resolver/health_table.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {

inline constexpr const char* kHealthFileName = "health-1";
inline constexpr int64_t kNowMs = 1'000'000;

inline std::unique_ptr<HealthTable> MakePrivateHealth() {
  auto table = HealthTable::MakePrivate();
  return table ? std::move(*table) : nullptr;
}

// `count` keys whose windows begin at one place.
inline std::vector<std::string> KeysOfOneWindow(size_t count) {
  std::vector<std::string> keys;
  for (uint32_t i = 0; keys.size() < count; ++i) {
    std::string key = "socks5 10.0.3.1:" + std::to_string(i);
    if (HealthTable::HomeOf(key) == HealthTable::HomeOf("socks5 10.0.3.1:0")) keys.push_back(std::move(key));
  }
  return keys;
}

inline std::optional<HealthReport> ReportOf(const HealthTable& table, const std::string& key) {
  for (HealthReport& report : table.List()) {
    if (report.key == key) return report;
  }
  return std::nullopt;
}

}  // namespace socksify
