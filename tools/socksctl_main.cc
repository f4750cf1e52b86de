// SPDX-License-Identifier: BSD-2-Clause
// socksctl: looks into a configuration without running anything.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "resolver/local_names.h"
#include "routing/config_host.h"
#include "tools/check_report.h"
#include "tools/configuration.h"
#include "tools/control_options.h"
#include "tools/destination.h"
#include "tools/explanation.h"
#include "tools/local_addresses.h"

namespace socksify {
namespace {

int Check(const ControlOptions& options) {
  const CheckReport report = MakeCheckReport(LoadLocalConfig(options.sources));
  const bool has_errors = !report.errors.empty();
  if (options.json) {
    std::fputs(ToJson(report).c_str(), stdout);
  } else {
    std::fputs((ToText(report.errors) + ToText(report.warnings)).c_str(), stderr);
    std::fputs(ToText(report).c_str(), has_errors ? stderr : stdout);
  }
  return has_errors ? kExitConfigError : 0;
}

int Explain(const ControlOptions& options) {
  auto destination = ParseDestination(options.destination, LocalConfigHost().service_port);
  if (!destination) return Finish(UsageError("socksctl", kExitUsage, destination.error()));
  const auto config = LoadLocalConfig(options.sources);
  // The same report as `check` gives, so that a reader of JSON always gets an object.
  if (!config) {
    return Check({.command = ControlOptions::Command::kCheck,
                  .sources = options.sources,
                  .json = options.json,
                  .process = {},
                  .destination = {}});
  }
  if (!options.json) std::fputs(ToText(config->warnings).c_str(), stderr);
  std::vector<IpAddress> local_addresses;
  if (destination->endpoint.is_name()) local_addresses = FindLocalAddresses(destination->endpoint.name());
  // 127.1 is an address to every program, though not to inet_pton(3).
  if (!local_addresses.empty() && IsNumericHost(destination->endpoint.name())) {
    destination->endpoint = Endpoint::FromIp(local_addresses[0], destination->endpoint.port());
    local_addresses.clear();
  }
  const Explanation explanation = Explain(*config, *destination, options.process, local_addresses);
  std::fputs((options.json ? ToJson(explanation) : ToText(explanation)).c_str(), stdout);
  return 0;
}

int Run(int argc, char** argv) {
  const auto options = ParseControlOptions(argc, argv);
  if (!options) return Finish(options.error());
  return options->command == ControlOptions::Command::kCheck ? Check(*options) : Explain(*options);
}

}  // namespace
}  // namespace socksify

int main(int argc, char** argv) {
  try {
    return socksify::Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "socksctl: %s\n", error.what());
    return socksify::kExitUsage;
  }
}
