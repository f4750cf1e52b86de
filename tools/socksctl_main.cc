// SPDX-License-Identifier: BSD-2-Clause
// socksctl: looks into a configuration, and what programs share under it, without running anything.
#include <cstdio>
#include <exception>

#include "tools/control_commands.h"
#include "tools/control_options.h"

namespace socksify {
namespace {

int Run(int argc, char** argv) {
  const auto options = ParseControlOptions(argc, argv);
  if (!options) return Finish(options.error());
  switch (options->command) {
    case ControlOptions::Command::kCheck: return RunCheck(*options);
    case ControlOptions::Command::kExplain: return RunExplain(*options);
    case ControlOptions::Command::kNames: return RunNames(*options);
    case ControlOptions::Command::kConvert: return RunConvert(*options);
    case ControlOptions::Command::kHealth: return RunHealth(*options);
    case ControlOptions::Command::kProbe: return RunProbe(*options);
    case ControlOptions::Command::kEnv: return RunEnv(*options);
    case ControlOptions::Command::kSummary: break;
  }
  return RunSummary(*options);
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
