// SPDX-License-Identifier: BSD-2-Clause
#include "tools/launch_environment.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>

#include "base/unique_fd.h"
#include "routing/foreign_config.h"
#include "tools/library_location.h"

namespace socksify {
namespace {

std::string AbsolutePath(std::string_view path, std::string_view directory) {
  if (path.starts_with('/')) return std::string(path);
  std::string absolute(directory);
  if (!absolute.ends_with('/')) absolute += '/';
  return absolute += path;
}

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

}  // namespace

std::vector<EnvironmentChange> MakeEnvironment(const LaunchOptions& options, std::string_view directory) {
  std::vector<EnvironmentChange> changes;
  const auto add_path = [&](const char* name, const std::string& path) {
    if (!path.empty()) changes.push_back({name, AbsolutePath(path, directory)});
  };
  if (!options.sources.file.empty()) changes.push_back({"SOCKSIFY_PROXY", std::nullopt});
  add_path("SOCKS_CONF", options.sources.file);
  if (!options.sources.proxies.empty()) {
    changes.push_back({"SOCKS_CONF", std::nullopt});
    changes.push_back({"SOCKSIFY_PROXY", Join(options.sources.proxies)});
  }
  const bool is_named = !options.sources.file.empty() || !options.sources.proxies.empty();
  if (options.sources.format) {
    changes.push_back({"SOCKSIFY_FORMAT", std::string(FormatName(*options.sources.format))});
  } else if (is_named) {
    changes.push_back({"SOCKSIFY_FORMAT", std::nullopt});
  }
  if (options.verbose) changes.push_back({"SOCKSIFY_VERBOSE", "1"});
  add_path("SOCKSIFY_LOG", options.log);
  add_path("SOCKSIFY_TRACE", options.trace);
  return changes;
}

std::vector<EnvironmentChange> UnmakeEnvironment(std::string_view preload) {
  EnvironmentChange loading = {"LD_PRELOAD", ReducePreload(preload)};
  if (loading.value->empty()) loading.value.reset();
  return {loading,
          {"SOCKS_CONF", std::nullopt},
          {"SOCKSIFY_FORMAT", std::nullopt},
          {"SOCKSIFY_PROXY", std::nullopt}};
}

void ApplyEnvironment(const std::vector<EnvironmentChange>& changes) {
  for (const EnvironmentChange& change : changes) {
    if (change.value) {
      setenv(change.name.c_str(), change.value->c_str(), 1);
    } else {
      unsetenv(change.name.c_str());
    }
  }
}

std::optional<int> CheckAppendable(const std::string& path) {
  // O_NONBLOCK: a FIFO that nobody reads yet will do.
  const UniqueFd fd(
      open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600));
  if (!fd.valid() && errno != ENXIO) return errno;
  return std::nullopt;
}

}  // namespace socksify
