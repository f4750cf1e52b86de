// SPDX-License-Identifier: BSD-2-Clause
// probe and summary: what servers do, and what they have done.
#include "tools/control_commands.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/failure.h"
#include "dialer/server_health.h"
#include "dialer/system.h"
#include "resolver/health_table.h"
#include "resolver/state_directory.h"
#include "routing/config_host.h"
#include "tools/configuration.h"
#include "tools/destination.h"
#include "tools/probe.h"
#include "tools/probe_selection.h"
#include "tools/summary.h"

namespace socksify {
namespace {

// So that programs with `handshake: auto` know what to do.
void ShareFindings(const std::vector<const Server*>& servers, const std::vector<ProbeReport>& reports) {
  const auto directory = StateDirectory([](const char* name) -> const char* { return secure_getenv(name); });
  if (!directory) return;
  const auto table = HealthTable::Open(*directory);
  if (!table) return;
  for (size_t i = 0; i < servers.size(); ++i) {
    const ProbeAnswer& answer = reports[i].pipelining;
    if (answer.state == ProbeAnswer::State::kNotAsked) continue;
    HealthEntry* const entry = (*table)->Find(ServerHealth::Key(*servers[i]).text());
    if (entry != nullptr) entry->NotePipelining(answer.is_yes() ? Pipelining::kTaken : Pipelining::kNotTaken);
  }
}

}  // namespace

int RunProbe(const ControlOptions& options) {
  ProbeOptions probe;
  if (!options.to.empty()) {
    const auto destination = ParseDestination(options.to, LocalConfigHost().service_port);
    if (!destination) return FailUsage(destination.error());
    if (destination->transport != Transport::kTcp)
      return FailUsage("--to takes HOST:PORT: probe sends no datagrams");
    probe.destination = destination->endpoint;
  }
  const auto load = [](const ConfigSources& sources) { return LoadLocalConfig(sources); };
  const auto selection = SelectServers(options.sources, options.servers, load);
  if (!selection && !selection.error().mistake.empty()) return FailUsage(selection.error().mistake);
  if (!selection) return ReportConfig(options, std::unexpected(selection.error().errors));
  probe.limits = LimitsOf(selection->settings);
  const std::vector<ProbeReport> reports = ProbeServers(LibcSystem(), selection->servers, probe);
  ShareFindings(selection->servers, reports);
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
