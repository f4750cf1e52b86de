// SPDX-License-Identifier: BSD-2-Clause
// HealthListing: what all processes of this user know of their proxy servers, as `socksctl health` shows it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "resolver/health_table.h"
#include "routing/config.h"

namespace socksify {

// A server of the configuration, and under which key the table has it.
struct KnownServer {
  std::string key;   // ServerHealth::Key
  std::string name;  // of the `server` block; empty for one written in place
};

// How the listing judges and what it calls things; without a configuration what stands here.
struct HealthView {
  HealthPolicy policy;
  std::vector<KnownServer> servers;
};

HealthView ViewOf(const Config& config);

struct HealthItem {
  enum class State : uint8_t {
    kGood,
    kWaitedFor,  // somebody waits for its answer: others go elsewhere first
    kBad,        // until `bad_for_s` have passed
    kDue,        // that time is over: the next connection tries it
    kBeingTried  // by the process report.probe_pid
  };

  HealthReport report;
  std::string name;  // in the configuration; may be empty
  State state = State::kGood;
  int64_t bad_for_s = 0;  // kBad: rounded up; 0: until it has worked once
};

struct HealthListing {
  std::string path;
  bool exists = false;  // an absent table has no servers
  int64_t now_ms = 0;   // MonotonicMs() when it was read
  HealthPolicy policy;
  std::vector<HealthItem> servers;  // those of the configuration in its order, then the others by their keys
};

// Reads the table in `directory`; makes and changes nothing. The error is a sentence that names the path.
std::expected<HealthListing, std::string> ListHealth(const std::string& directory, const HealthView& view,
                                                     int64_t now_ms);

// Forgets all servers, and returns how many they were; 0 where there is no table. The turns of balanced
// routes begin anew as well.
std::expected<uint32_t, std::string> ClearHealth(const std::string& directory);

// "good", "waited for", "bad", "due", "being tried".
const char* ToString(HealthItem::State state);

// A head line and one line for each server, in columns; empty where there is none.
std::string ToText(const HealthListing& listing);
// The JSON object that socksctl(1) documents, on one line.
std::string ToJson(const HealthListing& listing);

}  // namespace socksify
