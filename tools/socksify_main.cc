// SPDX-License-Identifier: BSD-2-Clause
// socksify, and runsocks by another name: starts a program with libsocksify.so loaded into it.
//
// Everything that can be known to go wrong is found out before the program runs: a mistake in the
// configuration, a log file that cannot be written, a program that a preload does not reach. After exec there
// is nobody left to report to but the program's own standard error.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "tools/attended_run.h"
#include "tools/configuration.h"
#include "tools/elf_image.h"
#include "tools/io_uring_filter.h"
#include "tools/launch_environment.h"
#include "tools/launch_options.h"
#include "tools/launcher_host.h"
#include "tools/library_location.h"
#include "tools/local_program_files.h"
#include "tools/nec_variables.h"
#include "tools/passwords.h"
#include "tools/preload_entry.h"

namespace socksify {
namespace {

// By which another launcher knows this one, which it would refuse otherwise where it is statically linked
// (elf(5), "Notes").
struct Note {
  uint32_t name_size = sizeof(kLauncherNoteOwner);
  uint32_t description_size = 0;
  uint32_t type = 1;
  alignas(4) std::array<char, sizeof(kLauncherNoteOwner)> name = std::to_array(kLauncherNoteOwner);
};
[[gnu::section(".note.socksify"), gnu::used]] alignas(4) constexpr Note kNote;

const char* GetEnv(const char* name) {
  return getenv(name);
}

// As the launcher was called: "socksify" or "runsocks".
constinit const char* g_tool = "socksify";

// "socksify: MESSAGE", and the remedy indented below; returns `exit_code`.
int Fail(int exit_code, const std::string& message, const std::string& remedy = "") {
  std::string text = std::string(g_tool) + ": " + message + "\n";
  if (!remedy.empty()) text += "  " + remedy + "\n";
  std::fputs(text.c_str(), stderr);
  return exit_code;
}

int Fail(const Trouble& trouble) {
  return Fail(kExitOwnError, trouble.message, trouble.remedy);
}

// "no such file or directory": as strerror(3) has it, in the case of our messages.
std::string ErrorText(int error) {
  std::string text = strerrordesc_np(error) != nullptr ? strerrordesc_np(error) : ErrnoName(error);
  if (text.size() > 1 && text[1] >= 'a') text[0] = static_cast<char>(text[0] | 0x20);
  return text;
}

// 0, or the exit code after a message.
int PrepareEnvironment(const LaunchOptions& options) {
  // Only who names a file relative to it needs one that is still there.
  const auto is_relative = [](const std::string* path) { return !path->empty() && !path->starts_with('/'); };
  std::string directory;
  if (std::ranges::any_of(std::array{&options.sources.file, &options.log, &options.trace}, is_relative)) {
    const std::unique_ptr<char, decltype(&free)> text(get_current_dir_name(), &free);
    if (!text) return Fail(kExitOwnError, "cannot tell the working directory: " + ErrorText(errno));
    directory = text.get();
  }
  for (const std::string* path : {&options.log, &options.trace}) {
    if (path->empty()) continue;
    if (const std::optional<int> error = CheckAppendable(*path)) {
      return Fail(kExitOwnError, "cannot write to '" + *path + "': " + ErrorText(*error));
    }
  }
  ApplyEnvironment(MakeEnvironment(options, directory));
  return 0;
}

// The configuration, or nothing after a message.
std::optional<Config> LoadConfiguration(const LaunchOptions& options) {
  auto config = LoadLocalConfig(options.sources, LauncherConfigHost());
  std::fputs(ToText(config ? config->warnings : config.error()).c_str(), stderr);
  if (config) return *std::move(config);
  if (FoundNoConfig(config.error())) {
    Fail(kExitOwnError, options.command[0] + ": not started");
  } else {
    Fail(kExitOwnError, options.command[0] + ": not started, because the configuration has errors",
         "mend them; `socksctl check` reads the configuration again");
  }
  return std::nullopt;
}

int PreparePreload(const std::string& name, const std::string& path) {
  const auto entry = PreloadEntryFor(name, path);
  if (!entry) return Fail(entry.error());
  const char* const inherited = getenv("LD_PRELOAD");
  ApplyEnvironment({{"LD_PRELOAD", ExtendPreload(inherited != nullptr ? inherited : "", *entry)}});
  return 0;
}

int DenyIoUring(const LaunchOptions& options) {
  if (options.io_uring == IoUring::kAllow) return 0;
  const bool is_asked_for = options.io_uring == IoUring::kDeny;
  const int error =
      InstallIoUringFilter(is_asked_for ? NoNewPrivileges::kMayBeSet : NoNewPrivileges::kLeftAlone);
  if (error == 0 || !is_asked_for) return 0;
  return Fail(kExitOwnError,
              options.command[0] +
                  ": not started, because io_uring cannot be denied to it: seccomp(2) says " +
                  ErrnoName(error) + ", " + ErrorText(error),
              "it takes a kernel with CONFIG_SECCOMP_FILTER, and a container that permits seccomp(2); with "
              "`--io-uring=allow` the program is started, and what it sends by io_uring goes direct");
}

int FailToStart(const std::string& name, const std::string& path, int error) {
  const int exit_code = error == ENOENT ? kExitNotFound : kExitNotExecutable;
  if (error != ENOENT) return Fail(exit_code, name + ": " + ErrorText(error));
  if (access(path.c_str(), F_OK) == 0) {
    return Fail(exit_code, name + ": cannot be started",
                "it is there, but the interpreter that it names is not");
  }
  const bool searched = name.find('/') == std::string::npos;
  return Fail(exit_code, name + (searched ? ": not found in PATH" : ": no such file or directory"));
}

// Returns only if the program cannot be executed, with the exit code.
int Execute(const LaunchOptions& options, const std::string& path) {
  // Last: the filter, and no_new_privs, stay with this process whatever comes.
  if (const int code = DenyIoUring(options)) return code;

  std::vector<char*> arguments;
  arguments.reserve(options.command.size() + 1);
  for (const std::string& argument : options.command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::fflush(nullptr);
  // With a path, so that what was inspected is what is run; for a file without a magic number, by sh.
  execvp(path.c_str(), arguments.data());
  return FailToStart(options.command[0], path, errno);
}

int Run(int argc, char** argv) {
  auto options = ParseLaunchOptions(argc, argv);
  if (!options) return Finish(options.error());
  if (options->tool == kRunsocks) {
    g_tool = kRunsocks;
    ApplyNecVariables(LauncherConfigHost(), &*options);
  }
  if (const int code = PrepareEnvironment(*options)) return code;
  const auto config = LoadConfiguration(*options);
  if (!config) return kExitOwnError;

  const std::string& name = options->command[0];
  const auto path = FindProgram(name);
  if (!path) return FailToStart(name, name, path.error());
  if (const int code = PreparePreload(name, *path)) return code;

  // Nobody is asked for the sake of a program that cannot be started.
  if (const auto trouble = ProvidePasswords(config->routes.servers(), options->ask_password, GetEnv)) {
    return Fail({name + ": not started: " + trouble->message, trouble->remedy});
  }

  if (!options->summary) return Execute(*options, *path);
  const auto file = MakeSummaryFile(GetEnv);
  if (!file) return Fail(file.error());
  ApplyEnvironment({{"SOCKSIFY_SUMMARY", *file}});
  return RunAttended([&] { return Execute(*options, *path); }, *file);
}

}  // namespace
}  // namespace socksify

int main(int argc, char** argv) {
  try {
    return socksify::Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", socksify::g_tool, error.what());
    return socksify::kExitOwnError;
  }
}
