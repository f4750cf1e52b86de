// SPDX-License-Identifier: BSD-2-Clause
// probe and summary: what servers do, and what they have done.
#include "tools/control_commands.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "base/failure.h"
#include "dialer/system.h"
#include "routing/config_host.h"
#include "tools/configuration.h"
#include "tools/destination.h"
#include "tools/probe.h"
#include "tools/probe_selection.h"
#include "tools/summary.h"

namespace socksify {

int RunProbe(const ControlOptions& options) {
  ProbeOptions probe;
  if (!options.to.empty()) {
    const auto destination = ParseDestination(options.to, LocalConfigHost().service_port);
    if (!destination) return FailUsage(destination.error());
    if (destination->transport != Transport::kTcp)
      return FailUsage("--to takes HOST:PORT: probe sends no datagrams");
    probe.destination = destination->endpoint;
  }
  const auto selection = SelectServers(options.sources, options.servers, LoadLocalConfig);
  if (!selection && !selection.error().mistake.empty()) return FailUsage(selection.error().mistake);
  if (!selection) return ReportConfig(options, std::unexpected(selection.error().errors));
  probe.limits = LimitsOf(selection->settings);
  const std::vector<ProbeReport> reports = ProbeServers(LibcSystem(), selection->servers, probe);
  if (options.json) {
    std::fputs(ToJson(reports).c_str(), stdout);
  } else {
    for (const ProbeReport& report : reports) std::fputs(ToText(report).c_str(), stdout);
  }
  return std::ranges::all_of(reports, &std::string::empty, &ProbeReport::problem) ? 0 : kExitNotUsable;
}

int RunSummary(const ControlOptions& options) {
  constexpr size_t kMaxTraceSize = size_t{1} << 30;
  const auto trace = LocalConfigHost().read_file(options.trace, kMaxTraceSize);
  if (!trace) return FailCommand("cannot read '" + options.trace + "': " + ErrnoName(trace.error()));
  const Summary summary = Summarize(*trace);
  std::fputs((options.json ? ToJson(summary) : ToText(summary)).c_str(), stdout);
  return 0;
}

}  // namespace socksify
