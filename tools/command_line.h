// SPDX-License-Identifier: BSD-2-Clause
// What the command lines of both tools have in common: how parsing may end, and which options say where the
// configuration comes from.
#pragma once

#include <string>

#include "routing/config.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

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

// The same for what CLI11 found.
CommandLineEnd UsageError(const std::string& tool, int exit_code, const CLI::ParseError& error);

// Declares -f and -p, to be stored in `sources`, which must outlive the parsing.
void AddConfigOptions(CLI::App* app, ConfigSources* sources);

// What is wrong with a pair of -f and -p, or an empty string.
std::string CheckConfigOptions(const ConfigSources& sources);

}  // namespace socksify
