// SPDX-License-Identifier: BSD-2-Clause
// check, explain and convert: what a configuration says.
#include "tools/control_commands.h"

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <expected>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/failure.h"
#include "resolver/local_names.h"
#include "routing/config_host.h"
#include "tools/check_report.h"
#include "tools/configuration.h"
#include "tools/conversion.h"
#include "tools/destination.h"
#include "tools/explanation.h"
#include "tools/local_addresses.h"

namespace socksify {
namespace {

// The user that `explain` speaks for; a message where there is none of that name.
std::expected<Asker, std::string> FindAsker(const ControlOptions& options) {
  Asker asker{.process = options.process, .user = getuid(), .user_name = options.user};
  if (options.user.empty()) return asker;
  const char* const end = options.user.data() + options.user.size();
  const auto [stop, error] = std::from_chars(options.user.data(), end, asker.user);
  if (error == std::errc() && stop == end && asker.user != kNobody) return asker;
  const auto id = LocalConfigHost().user_id(options.user);
  if (!id) {
    return std::unexpected("--user: the user id of '" + options.user +
                           "' cannot be looked up: " + ErrnoName(id.error()));
  }
  const std::optional<uint32_t>& known = *id;
  if (!known) return std::unexpected("--user: no user is called '" + options.user + "' here");
  asker.user = *known;
  return asker;
}

}  // namespace

int FailCommand(const std::string& message) {
  std::fprintf(stderr, "socksctl: %s\n", message.c_str());
  return kExitTableError;
}

int FailUsage(const std::string& message) {
  return Finish(UsageError("socksctl", kExitUsage, message));
}

int ReportConfig(const ControlOptions& options,
                 const std::expected<Config, std::vector<Diagnostic>>& config) {
  CheckReport report = MakeCheckReport(config);
  report.is_strict = options.strict;
  if (options.json) {
    std::fputs(ToJson(report).c_str(), stdout);
  } else {
    std::fputs((ToText(report.errors) + ToText(report.warnings)).c_str(), stderr);
    std::fputs(ToText(report).c_str(), report.is_good() ? stdout : stderr);
  }
  return report.is_good() ? 0 : kExitConfigError;
}

int RunCheck(const ControlOptions& options) {
  return ReportConfig(options, LoadLocalConfig(options.sources));
}

int RunExplain(const ControlOptions& options) {
  auto destination = ParseDestination(options.destination, LocalConfigHost().service_port);
  if (!destination) return FailUsage(destination.error());
  const auto asker = FindAsker(options);
  if (!asker) return FailUsage(asker.error());
  const auto config = LoadLocalConfig(options.sources);
  // The same report as `check` gives, so that a reader of JSON always gets an object.
  if (!config) return RunCheck(options);
  if (!options.json) std::fputs(ToText(config->warnings).c_str(), stderr);
  std::vector<IpAddress> local_addresses;
  if (destination->endpoint.is_name()) local_addresses = FindLocalAddresses(destination->endpoint.name());
  // 127.1 is an address to every program, though not to inet_pton(3).
  if (!local_addresses.empty() && IsNumericHost(destination->endpoint.name())) {
    destination->endpoint = Endpoint::FromIp(local_addresses[0], destination->endpoint.port());
    local_addresses.clear();
  }
  const Explanation explanation = Explain(*config, *destination, *asker, local_addresses);
  std::fputs((options.json ? ToJson(explanation) : ToText(explanation)).c_str(), stdout);
  return 0;
}

int RunConvert(const ControlOptions& options) {
  const Conversion conversion = Convert(options.sources.file, options.sources.format, LocalConfigHost());
  if (options.json) {
    std::fputs(ToJson(conversion).c_str(), stdout);
  } else {
    std::fputs((ToText(conversion.errors) + ToText(conversion.warnings)).c_str(), stderr);
    std::fputs(conversion.text.c_str(), stdout);
  }
  return conversion.errors.empty() ? 0 : kExitConfigError;
}

}  // namespace socksify
