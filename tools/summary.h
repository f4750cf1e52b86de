// SPDX-License-Identifier: BSD-2-Clause
// Summary: what a trace (`socksify --trace`) comes to, for each route and for each server. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socksify {

struct TrafficRow {
  std::string name;          // of a route "FILE:LINE"; of a server "socks5 10.0.3.1:1080"
  uint64_t connections = 0;  // that were tried
  uint64_t failures = 0;     // of these
  // Payload, where the trace tells it of one connection at least.
  std::optional<uint64_t> sent_bytes;
  std::optional<uint64_t> received_bytes;
  // Until connected, of those that succeeded; nothing where none did.
  std::optional<double> median_ms;
  std::optional<double> worst_ms;
};

struct Summary {
  std::vector<TrafficRow> routes;   // most connections first
  std::vector<TrafficRow> servers;  // likewise; those of a chain each count
  uint64_t bad_lines = 0;           // that are no JSON objects
};

// `trace` is one JSON object a line. Events that the tables say nothing of, and members that are not there or
// of another type, are passed over.
Summary Summarize(std::string_view trace);

// Tables with a line for each row, "-" for what is not known.
std::string ToText(const Summary& summary);
// The JSON object that socksctl(1) documents, on one line.
std::string ToJson(const Summary& summary);

}  // namespace socksify
