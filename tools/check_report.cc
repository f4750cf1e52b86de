// SPDX-License-Identifier: BSD-2-Clause
#include "tools/check_report.h"

#include <algorithm>
#include <string_view>

#include "tools/json_text.h"
#include "tools/rule_text.h"

namespace socksify {
namespace {

std::string Count(size_t number, std::string_view noun) {
  std::string text = number == 0 ? "no" : std::to_string(number);
  text += ' ';
  text += noun;
  if (number != 1) text += 's';
  return text;
}

}  // namespace

nlohmann::ordered_json ToJson(const std::vector<Diagnostic>& diagnostics) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Diagnostic& diagnostic : diagnostics) {
    nlohmann::ordered_json object = LocationToJson(diagnostic.where);
    object["column"] =
        diagnostic.where.column != 0 ? nlohmann::ordered_json(diagnostic.where.column) : nullptr;
    object["message"] = HidePasswords(diagnostic.message);
    object["source_line"] = TextOrNull(HidePasswords(diagnostic.source_line));
    object["remedy"] = TextOrNull(diagnostic.remedy);
    list.push_back(std::move(object));
  }
  return list;
}

CheckReport MakeCheckReport(const std::expected<Config, std::vector<Diagnostic>>& config) {
  CheckReport report;
  // What fails may have found warnings on the way.
  const std::vector<Diagnostic>& diagnostics = config ? config->warnings : config.error();
  for (const Diagnostic& diagnostic : diagnostics) {
    const bool is_error = diagnostic.severity == Diagnostic::Severity::kError;
    (is_error ? report.errors : report.warnings).push_back(diagnostic);
  }
  if (!config) return report;
  report.origin = config->origin;
  report.servers = config->routes.servers().size();
  report.routes = static_cast<size_t>(std::ranges::count_if(config->routes.rules(), [](const Rule& rule) {
    return rule.where.source == nullptr || *rule.where.source != "autoroute";
  }));
  return report;
}

std::string ToText(const CheckReport& report) {
  std::string outcome =
      Count(report.errors.size(), "error") + ", " + Count(report.warnings.size(), "warning") + "\n";
  if (!report.errors.empty()) return outcome;
  return report.origin + ": " + Count(report.routes, "route") + ", " + Count(report.servers, "server") +
         ", " + outcome;
}

std::string ToJson(const CheckReport& report) {
  nlohmann::ordered_json object;
  object["ok"] = report.is_good();
  object["origin"] = TextOrNull(report.origin);
  object["routes"] = report.routes;
  object["servers"] = report.servers;
  object["errors"] = ToJson(report.errors);
  object["warnings"] = ToJson(report.warnings);
  return ToLine(object);
}

}  // namespace socksify
