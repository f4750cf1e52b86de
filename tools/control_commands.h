// SPDX-License-Identifier: BSD-2-Clause
// The commands of socksctl. Each prints what was asked for and returns the exit code; what stands on standard
// output is the answer, and nothing else.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "routing/config.h"
#include "tools/control_options.h"

namespace socksify {

int RunCheck(const ControlOptions& options);
int RunExplain(const ControlOptions& options);
int RunNames(const ControlOptions& options);
int RunConvert(const ControlOptions& options);
int RunHealth(const ControlOptions& options);
int RunProbe(const ControlOptions& options);
// Nothing is printed to standard output that is not meant for eval, and nothing at all on an error.
int RunEnv(const ControlOptions& options);
int RunSummary(const ControlOptions& options);

// The report of `check`. The other commands give it, too, where there is no configuration to work with, so
// that a reader of JSON always gets an object.
int ReportConfig(const ControlOptions& options, const std::expected<Config, std::vector<Diagnostic>>& config);

// "socksctl: MESSAGE" to standard error, for what cannot be read, changed or had.
int FailCommand(const std::string& message);

// The same for a mistake in the command line.
int FailUsage(const std::string& message);

}  // namespace socksify
