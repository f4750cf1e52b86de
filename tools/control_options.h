// SPDX-License-Identifier: BSD-2-Clause
// ControlOptions: the command line of `socksctl`, parsed.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "tools/command_line.h"
#include "tools/passwords.h"
#include "tools/shell_text.h"

namespace socksify {

inline constexpr int kExitConfigError = 1;
inline constexpr int kExitTableError = 1;
inline constexpr int kExitNotUsable = 1;
inline constexpr int kExitUsage = 2;

struct ControlOptions {
  enum class Command : uint8_t { kCheck, kExplain, kNames, kConvert, kHealth, kProbe, kEnv, kSummary };

  Command command = Command::kCheck;
  ConfigSources sources;  // convert: the file
  bool json = false;
  std::string process;                                 // explain: the program's base name; may be empty
  std::string user;                                    // explain: a login name or id; empty: the caller's own
  std::string destination;                             // explain: HOST:PORT[/udp], not yet looked at
  std::vector<std::string> servers;                    // probe: names and URLs, not yet looked at
  std::string to;                                      // probe: HOST:PORT, likewise; may be empty
  std::string trace;                                   // summary: the file
  bool clear = false;                                  // names, health
  bool strict = false;                                 // check
  bool unset = false;                                  // env
  Shell shell = Shell::kSh;                            // env
  AskPassword ask_password = AskPassword::kIfUnknown;  // env
};

std::expected<ControlOptions, CommandLineEnd> ParseControlOptions(int argc, const char* const* argv);

}  // namespace socksify
