// SPDX-License-Identifier: BSD-2-Clause
// CheckReport: what loading a configuration has come to, as text or JSON.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "routing/config.h"

namespace socksify {

struct CheckReport {
  std::string origin;  // empty when there are errors
  size_t routes = 0;   // as written: implied ones do not count
  size_t servers = 0;
  std::vector<Diagnostic> errors;
  std::vector<Diagnostic> warnings;
  bool is_strict = false;  // warnings count as errors

  bool is_good() const { return errors.empty() && (!is_strict || warnings.empty()); }
};

CheckReport MakeCheckReport(const std::expected<Config, std::vector<Diagnostic>>& config);

// "/etc/socks.conf: 3 routes, 2 servers, no errors, 1 warning" and a line end; for errors the count alone.
std::string ToText(const CheckReport& report);
// The JSON object that socksctl(1) documents, on one line.
std::string ToJson(const CheckReport& report);

// A list of such objects as in the report.
nlohmann::ordered_json ToJson(const std::vector<Diagnostic>& diagnostics);

}  // namespace socksify
