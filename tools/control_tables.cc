// SPDX-License-Identifier: BSD-2-Clause
// names and health: what programs share.
#include "tools/control_commands.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <expected>
#include <string>
#include <utility>

#include "base/failure.h"
#include "base/monotonic_clock.h"
#include "resolver/state_directory.h"
#include "tools/configuration.h"
#include "tools/health_listing.h"
#include "tools/json_text.h"
#include "tools/names_listing.h"

namespace socksify {
namespace {

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
  if (!removed) return FailCommand(removed.error());
  if (options.json) {
    std::fputs(ToLine({{"table", path}, {"removed", *removed}}).c_str(), stdout);
  } else {
    std::printf("%u %s%s removed from %s\n", *removed, noun, *removed == 1 ? "" : "s", path.c_str());
  }
  return 0;
}

}  // namespace

int RunNames(const ControlOptions& options) {
  const auto config = LoadLocalConfig(options.sources);
  if (!config) return RunCheck(options);
  const Settings& settings = config->settings;
  const FakeRange range = {.v4 = settings.fake_v4,
                           .v4_bits = settings.fake_v4_bits,
                           .v6 = settings.fake_v6,
                           .v6_bits = settings.fake_v6_bits};
  const auto directory = FindStateDirectory();
  if (!directory) return FailCommand(directory.error());
  if (options.clear) {
    return ReportRemoved(options, FakeTable::PathIn(*directory, range), "name",
                         ClearNames(*directory, range));
  }
  const auto listing = ListNames(*directory, range);
  if (!listing) return FailCommand(listing.error());
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

int RunHealth(const ControlOptions& options) {
  const auto config = LoadLocalConfig(options.sources);
  if (!config && !FoundNoConfig(config.error())) return RunCheck(options);
  const auto directory = FindStateDirectory();
  if (!directory) return FailCommand(directory.error());
  if (options.clear)
    return ReportRemoved(options, HealthTable::PathIn(*directory), "server", ClearHealth(*directory));
  const auto listing = ListHealth(*directory, config ? ViewOf(*config) : HealthView(), MonotonicMs());
  if (!listing) return FailCommand(listing.error());
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

}  // namespace socksify
