// SPDX-License-Identifier: BSD-2-Clause
// What the command lines of both tools have in common: how parsing may end, and which options say where the
// configuration comes from.
#pragma once

#include <string>

#include "routing/config.h"
#include "tools/option_reader.h"

namespace socksify {

// A command line that asks for nothing further to be done: a request for help, or a mistake.
struct CommandLineEnd {
  int exit_code = 0;
  std::string text;  // for stdout when exit_code is 0, else for stderr; whole lines
};

// Prints the text where it belongs and returns the exit code.
int Finish(const CommandLineEnd& end);

// A mistake: "TOOL: MESSAGE", and where help is to be had.
CommandLineEnd UsageError(const std::string& tool, int exit_code, const std::string& message);

// Adds -f and -p, to be stored in `sources`, and --format, to be stored as it is in `format`.
void AddConfigOptions(OptionReader* reader, ConfigSources* sources, std::string* format);

// Reads `format` into `sources` after the command line has been read. What is wrong with it, or with a pair
// of -f and -p, or an empty string.
std::string FinishConfigOptions(const OptionReader& reader, const std::string& format,
                                ConfigSources* sources);

}  // namespace socksify
