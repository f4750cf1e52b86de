// SPDX-License-Identifier: BSD-2-Clause
// Reporter: what the preload tells people. Silent unless asked: -v or --log (one line per connection),
// --trace (one JSON object per event), the configuration's logoutput, and one line when the configuration is
// in error.
//
// Each line is one write(2). Files are opened for each line and closed again, so that no descriptor is left
// in the program. errno is preserved. No secret is ever written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "base/failure.h"
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
  const Rule* rule = nullptr;        // null: no rule
  const Target* target = nullptr;    // the path that was used or last tried; null: none
  const Failure* failure = nullptr;  // null: success
  bool is_in_progress = false;       // a direct non-blocking connection whose outcome the kernel still awaits
  long long elapsed_us = 0;
  Kind kind = Kind::kConnect;
};

struct LookupEvent {
  std::string_view name;
  const char* outcome;  // "fake", "local", "failed"
  const IpAddress* address = nullptr;
};

class Reporter {
 public:
  // `get_env` reads SOCKSIFY_VERBOSE, SOCKSIFY_LOG and SOCKSIFY_TRACE.
  void Configure(const Settings& settings, const char* (*get_env)(const char* name));

  // Whether anybody wants to know of a success; the caller skips its clock readings if not.
  bool wants_connections() const { return !line_outputs_.empty() || !trace_file_.empty(); }

  void Connection(const ConnectionEvent& event) const;
  void Lookup(const LookupEvent& event) const;
  // One line, whatever was asked for: the program's calls fail from now on, and its user must learn why.
  void ConfigurationError(const std::vector<Diagnostic>& errors) const;

 private:
  std::vector<std::string> line_outputs_;   // every connection
  std::vector<std::string> error_outputs_;  // failures only
  std::string trace_file_;
};

// CLOCK_MONOTONIC in microseconds.
long long MonotonicUs();

}  // namespace socksify
