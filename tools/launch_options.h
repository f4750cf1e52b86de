// SPDX-License-Identifier: BSD-2-Clause
// LaunchOptions: the command line of `socksify` or `runsocks`, parsed. Options end where the program's name
// begins.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "tools/command_line.h"
#include "tools/passwords.h"

namespace socksify {

// The launcher's own errors, as env(1) and nohup(1) have it.
inline constexpr int kExitOwnError = 125;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;

// What becomes of io_uring, whose traffic a preload does not see (tools/io_uring_filter.h).
enum class IoUring {
  kDenyIfFree,  // nothing was said: denied unless the program would have to be given no_new_privs for it
  kDeny,        // denied, or the program is not started
  kAllow,
};

// NEC's name for its launcher, whose variables and file hold where the launcher is called so.
inline constexpr char kRunsocks[] = "runsocks";

struct LaunchOptions {
  std::string tool = "socksify";  // or kRunsocks, as the launcher was called
  ConfigSources sources;
  bool verbose = false;
  std::string log;    // as given; empty: none
  std::string trace;  // as given; empty: none
  bool summary = false;
  IoUring io_uring = IoUring::kDenyIfFree;
  AskPassword ask_password = AskPassword::kIfUnknown;
  std::vector<std::string> command;  // the program and its arguments; never empty
};

// argv[0] says which of the two it is.
std::expected<LaunchOptions, CommandLineEnd> ParseLaunchOptions(int argc, const char* const* argv);

}  // namespace socksify
