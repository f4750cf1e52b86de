// SPDX-License-Identifier: BSD-2-Clause
// socksctl: looks into a configuration, and what programs share under it, without running anything.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "base/failure.h"
#include "base/monotonic_clock.h"
#include "dialer/system.h"
#include "resolver/local_names.h"
#include "resolver/state_directory.h"
#include "routing/config_host.h"
#include "tools/check_report.h"
#include "tools/configuration.h"
#include "tools/control_options.h"
#include "tools/conversion.h"
#include "tools/destination.h"
#include "tools/explanation.h"
#include "tools/health_listing.h"
#include "tools/json_text.h"
#include "tools/launch_environment.h"
#include "tools/library_location.h"
#include "tools/local_addresses.h"
#include "tools/names_listing.h"
#include "tools/passwords.h"
#include "tools/preload_entry.h"
#include "tools/probe.h"
#include "tools/probe_selection.h"
#include "tools/shell_text.h"
#include "tools/summary.h"

namespace socksify {
namespace {

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

// The user that `explain` speaks for; a message where there is none of that name.
std::expected<Asker, std::string> FindAsker(const ControlOptions& options) {
  Asker asker{.process = options.process, .user = getuid(), .user_name = options.user};
  if (options.user.empty()) return asker;
  const char* const end = options.user.data() + options.user.size();
  const auto [stop, error] = std::from_chars(options.user.data(), end, asker.user);
  if (error == std::errc() && stop == end && asker.user != kNobody) return asker;
  const auto id = LocalConfigHost().user_id(options.user);
  if (!id) return std::unexpected("--user: no user is called '" + options.user + "' here");
  asker.user = *id;
  return asker;
}

int Check(const ControlOptions& options) {
  return ReportConfig(options, LoadLocalConfig(options.sources));
}

int Explain(const ControlOptions& options) {
  auto destination = ParseDestination(options.destination, LocalConfigHost().service_port);
  if (!destination) return Finish(UsageError("socksctl", kExitUsage, destination.error()));
  const auto asker = FindAsker(options);
  if (!asker) return Finish(UsageError("socksctl", kExitUsage, asker.error()));
  const auto config = LoadLocalConfig(options.sources);
  // The same report as `check` gives, so that a reader of JSON always gets an object.
  if (!config) return Check(options);
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

// The tables cannot be read or changed, in words.
int Fail(const std::string& message) {
  std::fprintf(stderr, "socksctl: %s\n", message.c_str());
  return kExitTableError;
}

// Where programs have their tables. The error is a sentence.
std::expected<std::string, std::string> FindStateDirectory() {
  auto directory = StateDirectory([](const char* name) -> const char* { return secure_getenv(name); });
  if (directory) return std::move(*directory);
  return std::unexpected(std::string("no state directory can be used (") + ErrnoName(directory.error()) +
                         "): programs have tables of their own, which cannot be seen from outside");
}

// What --clear has come to; `noun` is what the table at `path` holds.
int ReportRemoved(const ControlOptions& options, const std::string& path, const char* noun,
                  const std::expected<uint32_t, std::string>& removed) {
  if (!removed) return Fail(removed.error());
  if (options.json) {
    std::fputs(ToLine({{"table", path}, {"removed", *removed}}).c_str(), stdout);
  } else {
    std::printf("%u %s%s removed from %s\n", *removed, noun, *removed == 1 ? "" : "s", path.c_str());
  }
  return 0;
}

int Names(const ControlOptions& options) {
  const auto config = LoadLocalConfig(options.sources);
  if (!config) return Check(options);
  const Settings& settings = config->settings;
  const FakeRange range = {.v4 = settings.fake_v4,
                           .v4_bits = settings.fake_v4_bits,
                           .v6 = settings.fake_v6,
                           .v6_bits = settings.fake_v6_bits};
  const auto directory = FindStateDirectory();
  if (!directory) return Fail(directory.error());
  if (options.clear) {
    return ReportRemoved(options, FakeTable::PathIn(*directory, range), "name",
                         ClearNames(*directory, range));
  }
  const auto listing = ListNames(*directory, range);
  if (!listing) return Fail(listing.error());
  if (options.json) {
    std::fputs(ToJson(*listing).c_str(), stdout);
  } else if (listing->names.empty()) {
    // Not to standard output: a list of no names has no lines.
    std::fprintf(stderr,
                 listing->exists ? "there are no names in %s\n" : "there is no table of names yet: %s\n",
                 listing->path.c_str());
  } else {
    std::fputs(ToText(*listing).c_str(), stdout);
  }
  return 0;
}

int Health(const ControlOptions& options) {
  const auto config = LoadLocalConfig(options.sources);
  if (!config && !FoundNoConfig(config.error())) return Check(options);
  const auto directory = FindStateDirectory();
  if (!directory) return Fail(directory.error());
  if (options.clear)
    return ReportRemoved(options, HealthTable::PathIn(*directory), "server", ClearHealth(*directory));
  const auto listing = ListHealth(*directory, config ? ViewOf(*config) : HealthView(), MonotonicMs());
  if (!listing) return Fail(listing.error());
  if (options.json) {
    std::fputs(ToJson(*listing).c_str(), stdout);
  } else if (listing->servers.empty()) {
    // As with names.
    std::fprintf(stderr,
                 listing->exists ? "there are no servers in %s\n" : "there is no table of servers yet: %s\n",
                 listing->path.c_str());
  } else {
    std::fputs(ToText(*listing).c_str(), stdout);
  }
  return 0;
}

int Probe(const ControlOptions& options) {
  ProbeOptions probe;
  if (!options.to.empty()) {
    const auto destination = ParseDestination(options.to, LocalConfigHost().service_port);
    if (!destination) return Finish(UsageError("socksctl", kExitUsage, destination.error()));
    if (destination->transport != Transport::kTcp)
      return Finish(UsageError("socksctl", kExitUsage, "--to takes HOST:PORT: probe sends no datagrams"));
    probe.destination = destination->endpoint;
  }
  const auto selection = SelectServers(options.sources, options.servers, LoadLocalConfig);
  if (!selection && !selection.error().mistake.empty())
    return Finish(UsageError("socksctl", kExitUsage, selection.error().mistake));
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

int Convert(const ControlOptions& options) {
  const Conversion conversion = Convert(options.sources.file, options.sources.format, LocalConfigHost());
  if (options.json) {
    std::fputs(ToJson(conversion).c_str(), stdout);
  } else {
    std::fputs((ToText(conversion.errors) + ToText(conversion.warnings)).c_str(), stderr);
    std::fputs(conversion.text.c_str(), stdout);
  }
  return conversion.errors.empty() ? 0 : kExitConfigError;
}

int PrintEnvironment(const ControlOptions& options, const std::vector<EnvironmentChange>& changes) {
  if (!options.json) {
    std::fputs(ToShell(changes, options.shell).c_str(), stdout);
    return 0;
  }
  nlohmann::ordered_json object;
  for (const EnvironmentChange& change : changes)
    object[change.name] = change.value ? nlohmann::ordered_json(*change.value) : nullptr;
  std::fputs(ToLine(object).c_str(), stdout);
  return 0;
}

// Nothing is printed to standard output that is not meant for eval, and nothing at all on an error.
int Env(const ControlOptions& options) {
  const auto get_env = [](const char* name) -> const char* { return getenv(name); };
  const char* const preload = getenv("LD_PRELOAD");
  const std::string inherited = preload != nullptr ? preload : "";
  if (options.unset) return PrintEnvironment(options, UnmakeEnvironment(inherited));

  const auto config = LoadLocalConfig(options.sources);
  std::fputs(ToText(config ? config->warnings : config.error()).c_str(), stderr);
  if (!config) return kExitConfigError;
  const auto entry = OwnPreloadEntry();
  if (!entry) return Fail(entry.error().message + "\n  " + entry.error().remedy);
  if (const auto trouble = ProvidePasswords(config->routes.servers(), options.ask_password, get_env))
    return Fail(trouble->message + "\n  " + trouble->remedy);

  LaunchOptions launch;
  launch.sources = options.sources;
  std::error_code error;
  const std::string directory = std::filesystem::current_path(error).string();
  if (error) return Fail("cannot tell the working directory: " + error.message());
  std::vector<EnvironmentChange> changes = MakeEnvironment(launch, directory);
  changes.insert(changes.begin(), {"LD_PRELOAD", ExtendPreload(inherited, *entry)});
  return PrintEnvironment(options, changes);
}

int PrintSummary(const ControlOptions& options) {
  constexpr size_t kMaxTraceSize = size_t{1} << 30;
  const auto trace = LocalConfigHost().read_file(options.trace, kMaxTraceSize);
  if (!trace) return Fail("cannot read '" + options.trace + "': " + ErrnoName(trace.error()));
  const Summary summary = Summarize(*trace);
  std::fputs((options.json ? ToJson(summary) : ToText(summary)).c_str(), stdout);
  return 0;
}

int Run(int argc, char** argv) {
  const auto options = ParseControlOptions(argc, argv);
  if (!options) return Finish(options.error());
  switch (options->command) {
    case ControlOptions::Command::kCheck: return Check(*options);
    case ControlOptions::Command::kExplain: return Explain(*options);
    case ControlOptions::Command::kNames: return Names(*options);
    case ControlOptions::Command::kConvert: return Convert(*options);
    case ControlOptions::Command::kHealth: return Health(*options);
    case ControlOptions::Command::kProbe: return Probe(*options);
    case ControlOptions::Command::kEnv: return Env(*options);
    case ControlOptions::Command::kSummary: break;
  }
  return PrintSummary(*options);
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
