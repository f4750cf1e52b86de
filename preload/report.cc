// SPDX-License-Identifier: BSD-2-Clause
#include "preload/report.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "base/errno_keeper.h"
#include "base/text.h"
#include "dialer/path_text.h"
#include "preload/originals.h"

namespace socksify {
namespace {

struct Facility {
  std::string_view name;
  int value;
};

constexpr Facility kFacilities[] = {
    {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"daemon", LOG_DAEMON}, {"user", LOG_USER},
    {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},     {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
    {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},     {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},
};

// A datagram of our own to the system's log (RFC 3164 section 4.1): libc's syslog(3) would keep a descriptor
// and share its ident with the program.
void WriteSyslog(std::string_view output, std::string_view line) {
  int facility = LOG_DAEMON;
  const size_t slash = output.find('/');
  if (slash != std::string_view::npos) {
    for (const Facility& known : kFacilities) {
      if (output.substr(slash + 1) == known.name) facility = known.value;
    }
  }
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/dev/log");
  std::string message = "<";
  message.append(std::to_string(facility | LOG_INFO)).append(">").append(line);
  libc::sendto(fd, static_cast<const void*>(message.data()), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(sizeof address));
  libc::close(fd);
}

// Programs close their standard streams and get the number for a connection; a line of ours has no place
// there.
bool IsInternetSocket(int fd) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return libc::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, static_cast<void*>(&domain), &size) == 0 &&
         (domain == AF_INET || domain == AF_INET6);
}

// `line` ends with a line feed.
void WriteTo(const std::string& output, const std::string& line) {
  if (output.starts_with("syslog"))
    return WriteSyslog(output, std::string_view(line).substr(0, line.size() - 1));
  int fd = -1;
  if (output == "stderr") fd = STDERR_FILENO;
  if (output == "stdout") fd = STDOUT_FILENO;
  const bool is_file = fd < 0;
  if (!is_file && IsInternetSocket(fd)) return;
  if (is_file) fd = open(output.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
  if (fd < 0) return;
  // Nothing can be done about a report that cannot be written.
  [[maybe_unused]] const ssize_t written = write(fd, line.data(), line.size());
  if (is_file) libc::close(fd);
}

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

// "curl[412] web.test:80 via socks5 10.0.3.1:1080 (socks.conf:12) 3.2 ms"
std::string ConnectionLine(const ConnectionEvent& event) {
  std::string line = "socksify: ";
  AppendProgram(&line);
  line += ' ';
  line += Prefix(event.kind);
  AppendEscaped(&line, event.destination.ToString());
  if (std::string_view(event.protocol) == "udp") line += "/udp";
  if (event.target == nullptr) {
    line += " not sent";
  } else if (event.target->kind == Target::Kind::kBlock) {
    line += " blocked";
  } else if (event.target->kind == Target::Kind::kDirect) {
    line += " direct";
  } else {
    line += " via " + DescribeTarget(*event.target);
  }
  line += event.rule != nullptr ? " (" + event.rule->where.ToShortString() + ")" : " (no rule)";
  if (event.failure != nullptr) {
    line += ": ";
    line += ErrnoName(event.failure->error);
    line += ", ";
    line += event.failure->reason;
  }
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

// RFC 3339 in UTC: 2026-01-02T03:04:05.678Z. gmtime_r(3) takes libc's time zone lock, which a signal handler
// or a child of fork() may find held.
void AppendTime(std::string* out) {
  using std::chrono::days;
  using std::chrono::milliseconds;
  const auto now = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  const auto today = std::chrono::floor<days>(now);
  const std::chrono::year_month_day date(today);
  const std::chrono::hh_mm_ss time(now - today);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  *out += text;
}

// {"time":"2026-01-02T03:04:05.678Z","pid":412,"program":"curl","event":"..."  without the closing brace.
std::string BeginTrace(const char* event) {
  std::string json = "{\"time\":\"";
  AppendTime(&json);
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
  if (event.target != nullptr) AppendMember(&json, "path", DescribeTarget(*event.target));
  json += ",\"ms\":";
  AppendMilliseconds(&json, event.elapsed_us);
  AppendMember(&json, "outcome", Outcome(event));
  if (event.failure != nullptr) AppendMember(&json, "reason", event.failure->reason);
  json += "}\n";
  return json;
}

}  // namespace

void Reporter::Configure(const Settings& settings, const char* (*get_env)(const char* name)) {
  const auto value = [get_env](const char* name) {
    const char* const text = get_env(name);
    return std::string_view(text != nullptr ? text : "");
  };
  trace_file_ = value("SOCKSIFY_TRACE");
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

void Reporter::Connection(const ConnectionEvent& event) const {
  const bool wants_line = !line_outputs_.empty() || (event.failure != nullptr && !error_outputs_.empty());
  if (!wants_line && trace_file_.empty()) return;
  const ErrnoKeeper keeper;
  if (wants_line) {
    const std::string line = ConnectionLine(event);
    for (const std::string& output : line_outputs_) WriteTo(output, line);
    if (event.failure != nullptr) {
      for (const std::string& output : error_outputs_) WriteTo(output, line);
    }
  }
  if (!trace_file_.empty()) WriteTo(trace_file_, ConnectionTrace(event));
}

void Reporter::Lookup(const LookupEvent& event) const {
  if (trace_file_.empty()) return;
  const ErrnoKeeper keeper;
  std::string json = BeginTrace("resolve");
  AppendMember(&json, "name", event.name);
  if (event.address != nullptr) AppendMember(&json, "address", event.address->ToString());
  AppendMember(&json, "outcome", event.outcome);
  json += "}\n";
  WriteTo(trace_file_, json);
}

void Reporter::ConfigurationError(const std::vector<Diagnostic>& errors) const {
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

long long MonotonicUs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace socksify
