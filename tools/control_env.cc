// SPDX-License-Identifier: BSD-2-Clause
// env: the launcher's work for a shell.
#include "tools/control_commands.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "tools/configuration.h"
#include "tools/json_text.h"
#include "tools/launch_environment.h"
#include "tools/library_location.h"
#include "tools/passwords.h"
#include "tools/preload_entry.h"
#include "tools/shell_text.h"

namespace socksify {
namespace {

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

}  // namespace

int RunEnv(const ControlOptions& options) {
  const auto get_env = [](const char* name) -> const char* { return getenv(name); };
  const char* const preload = getenv("LD_PRELOAD");
  const std::string inherited = preload != nullptr ? preload : "";
  if (options.unset) return PrintEnvironment(options, UnmakeEnvironment(inherited));

  const auto config = LoadLocalConfig(options.sources);
  std::fputs(ToText(config ? config->warnings : config.error()).c_str(), stderr);
  if (!config) return kExitConfigError;
  const auto entry = OwnPreloadEntry();
  if (!entry) return FailCommand(entry.error().message + "\n  " + entry.error().remedy);
  if (const auto trouble = ProvidePasswords(config->routes.servers(), options.ask_password, get_env))
    return FailCommand(trouble->message + "\n  " + trouble->remedy);

  LaunchOptions launch;
  launch.sources = options.sources;
  std::error_code error;
  const std::string directory = std::filesystem::current_path(error).string();
  if (error) return FailCommand("cannot tell the working directory: " + error.message());
  std::vector<EnvironmentChange> changes = MakeEnvironment(launch, directory);
  changes.insert(changes.begin(), {"LD_PRELOAD", ExtendPreload(inherited, *entry)});
  return PrintEnvironment(options, changes);
}

}  // namespace socksify
