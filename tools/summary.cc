// SPDX-License-Identifier: BSD-2-Clause
#include "tools/summary.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>
#include <utility>

#include "tools/json_text.h"

namespace socksify {
namespace {

using nlohmann::json;

struct Tally {
  uint64_t connections = 0;
  uint64_t failures = 0;
  std::optional<uint64_t> sent_bytes;
  std::optional<uint64_t> received_bytes;
  std::vector<double> successes_ms;
};

// Where a socket's connection went.
struct Way {
  std::string route;
  std::vector<std::string> servers;
};

std::string TextOf(const json& event, const char* key) {
  const auto found = event.find(key);
  return found != event.end() && found->is_string() ? found->get<std::string>() : "";
}

// "socks5 a:1 then socks4 b:2" is two servers; "direct" and "block" are none.
std::vector<std::string> ServersOf(std::string_view path) {
  constexpr std::string_view kThen = " then ";
  std::vector<std::string> servers;
  while (!path.empty()) {
    const size_t end = std::min(path.find(kThen), path.size());
    const std::string_view server = path.substr(0, end);
    if (server.find(' ') != std::string_view::npos) servers.emplace_back(server);
    path.remove_prefix(std::min(end + kThen.size(), path.size()));
  }
  return servers;
}

class Aggregation {
 public:
  void Take(const json& event) {
    const std::string kind = TextOf(event, "event");
    if (kind == "connect" || kind == "accept") TakeConnection(event, kind == "connect");
    if (kind == "trial") TakeTrial(event);
    if (kind == "close") TakeClose(event);
  }

  Summary Finish(uint64_t bad_lines) {
    for (const auto& [socket, bytes] : bytes_) {
      const auto way = ways_.find(socket);
      if (way == ways_.end()) continue;
      AddBytes(bytes, &routes_[way->second.route]);
      for (const std::string& server : way->second.servers) AddBytes(bytes, &servers_[server]);
    }
    return {Rows(&routes_), Rows(&servers_), bad_lines};
  }

 private:
  using Tallies = std::map<std::string, Tally>;
  struct Bytes {
    std::optional<uint64_t> sent;
    std::optional<uint64_t> received;
  };

  static std::string AttemptKey(const json& event) {
    return event.value("pid", json()).dump() + ' ' + TextOf(event, "destination");
  }

  void TakeConnection(const json& event, bool is_outgoing) {
    std::string rule = TextOf(event, "rule");
    if (rule.empty()) rule = "(no rule)";
    const std::vector<std::string> servers = ServersOf(TextOf(event, "path"));
    const std::string outcome = TextOf(event, "outcome");
    const bool is_failure = outcome != "ok" && outcome != "in progress";
    std::vector<Tally*> tallies = {&routes_[rule]};
    // The trial that the attempt ended with has told which server it was.
    if (!is_failure || failed_trials_.erase(AttemptKey(event)) == 0) {
      for (const std::string& server : servers) tallies.push_back(&servers_[server]);
    }
    const auto ms = event.find("ms");
    for (Tally* const tally : tallies) {
      ++tally->connections;
      if (is_failure) ++tally->failures;
      if (is_outgoing && outcome == "ok" && ms != event.end() && ms->is_number())
        tally->successes_ms.push_back(ms->get<double>());
    }
    const auto socket = event.find("socket");
    if (!is_failure && socket != event.end()) ways_[socket->dump()] = {rule, servers};
  }

  void TakeTrial(const json& event) {
    for (const std::string& server : ServersOf(TextOf(event, "server"))) {
      ++servers_[server].connections;
      ++servers_[server].failures;
    }
    const auto goes_on = event.find("goes_on");
    const bool is_last = goes_on != event.end() && goes_on->is_boolean() && !goes_on->get<bool>();
    if (is_last) failed_trials_.insert(AttemptKey(event));
  }

  // A socket may be told of more than once, by each process that has it; the last one knows most.
  void TakeClose(const json& event) {
    const auto socket = event.find("socket");
    if (socket == event.end()) return;
    const auto number = [&event](const char* key) -> std::optional<uint64_t> {
      const auto found = event.find(key);
      if (found == event.end() || !found->is_number_unsigned()) return std::nullopt;
      return found->get<uint64_t>();
    };
    bytes_[socket->dump()] = {number("sent"), number("received")};
  }

  static void AddBytes(const Bytes& bytes, Tally* tally) {
    if (bytes.sent) tally->sent_bytes = tally->sent_bytes.value_or(0) + *bytes.sent;
    if (bytes.received) tally->received_bytes = tally->received_bytes.value_or(0) + *bytes.received;
  }

  static std::vector<TrafficRow> Rows(Tallies* tallies) {
    std::vector<TrafficRow> rows;
    for (auto& [name, tally] : *tallies) {
      TrafficRow row = {
          name,         tally.connections, tally.failures, tally.sent_bytes, tally.received_bytes,
          std::nullopt, std::nullopt};
      std::vector<double>& times = tally.successes_ms;
      std::ranges::sort(times);
      if (!times.empty()) {
        const size_t half = times.size() / 2;
        row.median_ms = times.size() % 2 == 1 ? times[half] : (times[half - 1] + times[half]) / 2;
        row.worst_ms = times.back();
      }
      rows.push_back(std::move(row));
    }
    // std::stable_sort uses what the library calls deprecated.
    std::ranges::sort(rows, [](const TrafficRow& a, const TrafficRow& b) {
      return a.connections != b.connections ? a.connections > b.connections : a.name < b.name;
    });
    return rows;
  }

  Tallies routes_;
  Tallies servers_;
  std::map<std::string, Way> ways_;     // by socket
  std::map<std::string, Bytes> bytes_;  // by socket
  std::set<std::string> failed_trials_;
};

constexpr size_t kColumns = 7;
using Cells = std::array<std::string, kColumns>;

// A file is not to speak to the terminal.
std::string Printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
  return text;
}

std::string Milliseconds(const std::optional<double>& ms) {
  if (!ms) return "-";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.1f", *ms);
  return text.data();
}

std::string Number(const std::optional<uint64_t>& number) {
  return number ? std::to_string(*number) : "-";
}

std::string Table(const char* what, const std::vector<TrafficRow>& rows) {
  std::vector<Cells> lines = {
      {what, "connections", "failures", "bytes sent", "received", "median ms", "worst ms"}};
  for (const TrafficRow& row : rows) {
    lines.push_back({Printable(row.name), std::to_string(row.connections), std::to_string(row.failures),
                     Number(row.sent_bytes), Number(row.received_bytes), Milliseconds(row.median_ms),
                     Milliseconds(row.worst_ms)});
  }
  std::array<size_t, kColumns> widths{};
  for (const Cells& line : lines) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const Cells& line : lines) {
    text += line[0] + std::string(widths[0] - line[0].size(), ' ');
    for (size_t i = 1; i < kColumns; ++i)
      text += "  " + std::string(widths[i] - line[i].size(), ' ') + line[i];
    text += '\n';
  }
  return text;
}

nlohmann::ordered_json ToJson(const char* what, const std::vector<TrafficRow>& rows) {
  const auto or_null = [](const auto& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  };
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const TrafficRow& row : rows) {
    nlohmann::ordered_json object;
    object[what] = row.name;
    object["connections"] = row.connections;
    object["failures"] = row.failures;
    object["sent"] = or_null(row.sent_bytes);
    object["received"] = or_null(row.received_bytes);
    object["median_ms"] = or_null(row.median_ms);
    object["worst_ms"] = or_null(row.worst_ms);
    list.push_back(std::move(object));
  }
  return list;
}

}  // namespace

Summary Summarize(std::string_view trace) {
  Aggregation aggregation;
  uint64_t bad_lines = 0;
  while (!trace.empty()) {
    const size_t end = std::min(trace.find('\n'), trace.size());
    const json event = json::parse(trace.substr(0, end), nullptr, false);
    if (event.is_object()) {
      aggregation.Take(event);
    } else {
      ++bad_lines;
    }
    trace.remove_prefix(std::min(end + 1, trace.size()));
  }
  return aggregation.Finish(bad_lines);
}

std::string ToText(const Summary& summary) {
  std::string text = summary.routes.empty() ? "no connections\n" : Table("route", summary.routes);
  if (!summary.servers.empty()) text += "\n" + Table("server", summary.servers);
  if (summary.bad_lines != 0) {
    text +=
        "\n" + std::to_string(summary.bad_lines) +
        (summary.bad_lines == 1 ? " line is no JSON object and was" : " lines are no JSON objects and were") +
        " passed over\n";
  }
  return text;
}

std::string ToJson(const Summary& summary) {
  nlohmann::ordered_json object;
  object["routes"] = ToJson("route", summary.routes);
  object["servers"] = ToJson("server", summary.servers);
  object["bad_lines"] = summary.bad_lines;
  return ToLine(object);
}

}  // namespace socksify
