// SPDX-License-Identifier: BSD-2-Clause
// ConnectionReporter: what the preload tells people. Silent unless asked: -v or --log (one line per
// connection), --trace and --summary (one JSON object per event), the configuration's logoutput, and one line
// when the configuration is in error.
//
// Each line is one write(2). Files are opened for each line and closed again, so that no descriptor is left
// in the program. errno is preserved. No secret is ever written.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "base/failure.h"
#include "base/monotonic_clock.h"
#include "dialer/attempt.h"
#include "routing/config.h"

namespace socksify {

// The outcome of one call of the program.
struct ConnectionEvent {
  enum class Kind : uint8_t {
    kConnect,
    kListen,  // a proxy listens; `destination` is where peers connect
    kAccept,  // `destination` is the peer
  };
  const Endpoint& destination;
  const char* protocol = "tcp";
  const Rule* rule = nullptr;      // null: no rule
  const Target* target = nullptr;  // the path that was used or last tried; null: none
  // Its servers that were passed, where the path has a choice of them; empty: all of them.
  // Without the initializer GCC's -Wextra wants it in every use.
  // NOLINTNEXTLINE(readability-redundant-member-init)
  std::span<const Server* const> hops = {};
  const Failure* failure = nullptr;  // null: success
  bool is_in_progress = false;       // a direct non-blocking connection whose outcome the kernel still awaits
  long long elapsed_us = 0;
  Kind kind = Kind::kConnect;
  uint64_t socket = 0;  // SO_COOKIE, by which a CloseEvent is told to belong to it; 0: not known
};

// A proxied connection is closed by the process.
struct CloseEvent {
  uint64_t socket = 0;
  // Of the program's own data.
  uint64_t sent = 0;
  uint64_t received = 0;
};

struct LookupEvent {
  std::string_view name;
  const char* outcome;  // "fake", "local", "failed"
  const IpAddress* address = nullptr;
};

class ConnectionReporter {
 public:
  // `get_env` reads SOCKSIFY_VERBOSE, SOCKSIFY_LOG, SOCKSIFY_TRACE and SOCKSIFY_SUMMARY, which is a second
  // file for the objects of the trace.
  void Configure(const Settings& settings, const char* (*get_env)(const char* name));

  // Whether anybody wants to know of a success; the caller skips its clock readings if not.
  bool wants_connections() const { return !line_outputs_.empty() || !trace_files_.empty(); }

  // Whether anybody wants to know how much a connection has carried.
  bool wants_closes() const { return !trace_files_.empty(); }

  void Connection(const ConnectionEvent& event) const;
  // Has the type of AttemptOptions::on_failed_trial, but for the first parameter.
  void Trial(const Attempt& attempt, const FailedTrial& trial) const;
  void Close(const CloseEvent& event) const;
  void Lookup(const LookupEvent& event) const;
  // One line, whatever was asked for: the program's calls fail from now on, and its user must learn why.
  void ConfigurationError(const std::vector<Diagnostic>& errors) const;

 private:
  void Trace(const std::string& object) const;

  std::vector<std::string> line_outputs_;   // every connection
  std::vector<std::string> error_outputs_;  // failures only
  std::vector<std::string> trace_files_;
};

}  // namespace socksify
