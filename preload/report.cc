// SPDX-License-Identifier: BSD-2-Clause
#include "preload/report.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "base/errno_keeper.h"
#include "base/text.h"
#include "dialer/path_text.h"
#include "preload/report_output.h"

namespace socksify {
namespace {

void AppendProgram(std::string* line) {
  *line += program_invocation_short_name;
  *line += '[';
  *line += std::to_string(getpid());
  *line += ']';
}

// 3.2 for 3200 us.
void AppendMilliseconds(std::string* line, long long elapsed_us) {
  const long long tenths = (elapsed_us + 50) / 100;
  *line += std::to_string(tenths / 10);
  *line += '.';
  *line += std::to_string(tenths % 10);
}

const char* Outcome(const ConnectionEvent& event) {
  if (event.failure != nullptr) return ErrnoName(event.failure->error);
  return event.is_in_progress ? "in progress" : "ok";
}

const char* Prefix(ConnectionEvent::Kind kind) {
  switch (kind) {
    case ConnectionEvent::Kind::kConnect: break;
    case ConnectionEvent::Kind::kListen: return "listens at ";
    case ConnectionEvent::Kind::kAccept: return "accepts ";
  }
  return "";
}

const char* EventName(ConnectionEvent::Kind kind) {
  switch (kind) {
    case ConnectionEvent::Kind::kConnect: break;
    case ConnectionEvent::Kind::kListen: return "listen";
    case ConnectionEvent::Kind::kAccept: return "accept";
  }
  return "connect";
}

void AppendDestination(std::string* line, const Endpoint& destination, const char* protocol) {
  AppendEscaped(line, destination.ToString());
  if (std::string_view(protocol) == "udp") *line += "/udp";
}

void AppendFailure(std::string* line, const Failure& failure) {
  *line += ": ";
  *line += ErrnoName(failure.error);
  *line += ", ";
  *line += failure.reason;
}

// "curl[412] web.test:80 via socks5 10.0.3.1:1080 (socks.conf:12) 3.2 ms"
std::string ConnectionLine(const ConnectionEvent& event) {
  std::string line = "socksify: ";
  AppendProgram(&line);
  line += ' ';
  line += Prefix(event.kind);
  AppendDestination(&line, event.destination, event.protocol);
  if (event.target == nullptr) {
    line += " not sent";
  } else if (event.target->kind == Target::Kind::kBlock) {
    line += " blocked";
  } else if (event.target->kind == Target::Kind::kDirect) {
    line += " direct";
  } else {
    line += " via " + DescribeHops(*event.target, event.hops);
  }
  line += event.rule != nullptr ? " (" + event.rule->where.ToShortString() + ")" : " (no rule)";
  if (event.failure != nullptr) AppendFailure(&line, *event.failure);
  line += ' ';
  AppendMilliseconds(&line, event.elapsed_us);
  line += " ms\n";
  return line;
}

void AppendMember(std::string* json, const char* key, std::string_view value) {
  *json += ",\"";
  *json += key;
  *json += "\":";
  AppendJsonString(json, value);
}

void AppendNumber(std::string* json, const char* key, uint64_t value) {
  *json += ",\"";
  *json += key;
  *json += "\":";
  *json += std::to_string(value);
}

// RFC 3339 in UTC: 2026-01-02T03:04:05.678Z. gmtime_r(3) takes libc's time zone lock, which a signal handler
// or a child of fork() may find held.
std::array<char, 64> TimeText() {
  using std::chrono::days;
  using std::chrono::milliseconds;
  const auto now = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  const auto today = std::chrono::floor<days>(now);
  const std::chrono::year_month_day date(today);
  const std::chrono::hh_mm_ss time(now - today);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text;
}

// {"time":"2026-01-02T03:04:05.678Z","pid":412,"program":"curl","event":"..."  without the closing brace.
std::string BeginTrace(const char* event) {
  std::string json = "{\"time\":\"";
  json += TimeText().data();
  json += "\",\"pid\":" + std::to_string(getpid());
  AppendMember(&json, "program", program_invocation_short_name);
  AppendMember(&json, "event", event);
  return json;
}

std::string ConnectionTrace(const ConnectionEvent& event) {
  std::string json = BeginTrace(EventName(event.kind));
  AppendMember(&json, "destination", event.destination.ToString());
  AppendMember(&json, "protocol", event.protocol);
  if (event.rule != nullptr) AppendMember(&json, "rule", event.rule->where.ToString());
  if (event.target != nullptr) AppendMember(&json, "path", DescribeHops(*event.target, event.hops));
  if (event.socket != 0) AppendNumber(&json, "socket", event.socket);
  json += ",\"ms\":";
  AppendMilliseconds(&json, event.elapsed_us);
  AppendMember(&json, "outcome", Outcome(event));
  if (event.failure != nullptr) AppendMember(&json, "reason", event.failure->reason);
  json += "}\n";
  return json;
}

const char* ProtocolOf(const Attempt& attempt) {
  return attempt.command() == Socks5Command::kUdpAssociate ? "udp" : "tcp";
}

// "curl[412] web.test:80 not by socks5 10.0.3.1:1080 (socks.conf:12): ECONNREFUSED, ... 0.3 ms"
std::string TrialLine(const Attempt& attempt, const FailedTrial& trial) {
  std::string line = "socksify: ";
  AppendProgram(&line);
  line += ' ';
  AppendDestination(&line, attempt.destination(), ProtocolOf(attempt));
  line += " not by " + (trial.server != nullptr ? DescribeServer(*trial.server) : std::string("direct"));
  line += " (" + attempt.rule().where.ToShortString() + ")";
  AppendFailure(&line, trial.failure);
  line += ' ';
  AppendMilliseconds(&line, trial.elapsed_ms * 1000);
  line += " ms; trying the next\n";
  return line;
}

std::string TrialTrace(const Attempt& attempt, const FailedTrial& trial) {
  std::string json = BeginTrace("trial");
  AppendMember(&json, "destination", attempt.destination().ToString());
  AppendMember(&json, "protocol", ProtocolOf(attempt));
  AppendMember(&json, "rule", attempt.rule().where.ToString());
  AppendMember(&json, "path", DescribeHops(*trial.target, attempt.hops()));
  if (trial.server != nullptr) AppendMember(&json, "server", DescribeServer(*trial.server));
  json += ",\"ms\":" + std::to_string(trial.elapsed_ms);
  AppendMember(&json, "outcome", ErrnoName(trial.failure.error));
  AppendMember(&json, "reason", trial.failure.reason);
  json += trial.goes_on ? ",\"goes_on\":true}\n" : ",\"goes_on\":false}\n";
  return json;
}

}  // namespace

void ConnectionReporter::Configure(const Settings& settings, const char* (*get_env)(const char* name)) {
  const auto value = [get_env](const char* name) {
    const char* const text = get_env(name);
    return std::string_view(text != nullptr ? text : "");
  };
  trace_files_.clear();
  for (const char* const name : {"SOCKSIFY_TRACE", "SOCKSIFY_SUMMARY"}) {
    if (const std::string_view file = value(name); !file.empty()) trace_files_.emplace_back(file);
  }
  line_outputs_.clear();
  const std::string_view verbose = value("SOCKSIFY_VERBOSE");
  if (!verbose.empty() && verbose != "0") line_outputs_.emplace_back("stderr");
  const std::string_view log_file = value("SOCKSIFY_LOG");
  if (!log_file.empty()) line_outputs_.emplace_back(log_file);
  if (settings.debug > 0) {
    line_outputs_.insert(line_outputs_.end(), settings.log_outputs.begin(), settings.log_outputs.end());
  }
  // A place that gets every line gets the failures with them.
  error_outputs_.clear();
  for (const auto* outputs : {&settings.log_outputs, &settings.error_outputs}) {
    for (const std::string& output : *outputs) {
      if (std::ranges::find(line_outputs_, output) == line_outputs_.end() &&
          std::ranges::find(error_outputs_, output) == error_outputs_.end()) {
        error_outputs_.push_back(output);
      }
    }
  }
}

void ConnectionReporter::Connection(const ConnectionEvent& event) const {
  const bool wants_line = !line_outputs_.empty() || (event.failure != nullptr && !error_outputs_.empty());
  if (!wants_line && trace_files_.empty()) return;
  const ErrnoKeeper keeper;
  if (wants_line) {
    const std::string line = ConnectionLine(event);
    for (const std::string& output : line_outputs_) WriteTo(output, line);
    if (event.failure != nullptr) {
      for (const std::string& output : error_outputs_) WriteTo(output, line);
    }
  }
  if (!trace_files_.empty()) Trace(ConnectionTrace(event));
}

void ConnectionReporter::Trial(const Attempt& attempt, const FailedTrial& trial) const {
  const ErrnoKeeper keeper;
  // The last one is what the connection's own line tells.
  if (trial.goes_on && !line_outputs_.empty()) {
    const std::string line = TrialLine(attempt, trial);
    for (const std::string& output : line_outputs_) WriteTo(output, line);
  }
  if (!trace_files_.empty()) Trace(TrialTrace(attempt, trial));
}

// close(2) may be called by a signal handler: no allocation.
void ConnectionReporter::Close(const CloseEvent& event) const {
  if (trace_files_.empty()) return;
  const ErrnoKeeper keeper;
  std::array<char, 256> program{};
  size_t size = 0;
  for (const char* c = program_invocation_short_name; *c != '\0' && size + 8 < program.size(); ++c) {
    const auto byte = static_cast<unsigned char>(*c);
    const bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
    if (is_plain) {
      program[size++] = *c;
    } else {
      size += static_cast<size_t>(std::snprintf(&program[size], 8, "\\u%04x", byte));
    }
  }
  std::array<char, 512> line{};
  const int length = std::snprintf(
      line.data(), line.size(),
      R"({"time":"%s","pid":%d,"program":"%s","event":"close","socket":%llu,"sent":%llu,"received":%llu})"
      "\n",
      TimeText().data(), static_cast<int>(getpid()), program.data(),
      static_cast<unsigned long long>(event.socket), static_cast<unsigned long long>(event.sent),
      static_cast<unsigned long long>(event.received));
  for (const std::string& file : trace_files_) WriteTo(file, {line.data(), static_cast<size_t>(length)});
}

void ConnectionReporter::Trace(const std::string& object) const {
  for (const std::string& file : trace_files_) WriteTo(file, object);
}

void ConnectionReporter::Lookup(const LookupEvent& event) const {
  if (trace_files_.empty()) return;
  const ErrnoKeeper keeper;
  std::string json = BeginTrace("resolve");
  AppendMember(&json, "name", event.name);
  if (event.address != nullptr) AppendMember(&json, "address", event.address->ToString());
  AppendMember(&json, "outcome", event.outcome);
  Trace(json + "}\n");
}

void ConnectionReporter::ConfigurationError(const std::vector<Diagnostic>& errors) const {
  const ErrnoKeeper keeper;
  std::string line = "socksify: ";
  AppendProgram(&line);
  line += ": connections are refused: ";
  if (!errors.empty()) {
    line += errors.front().where.ToString();
    line += ": ";
    line += errors.front().message;
    if (errors.size() > 1) line += " (and " + std::to_string(errors.size() - 1) + " more)";
  }
  line += "; `socksctl check` explains\n";
  std::vector<std::string> outputs = line_outputs_;
  if (outputs.empty()) outputs.emplace_back("stderr");
  for (const std::string& output : outputs) WriteTo(output, line);
}

}  // namespace socksify
