// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/state_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace socksify {
namespace {

// Returns 0 or an errno value.
int MakeUsable(const std::string& path) {
  // A name of the working directory would be another directory for the next process.
  if (!path.starts_with('/')) return EINVAL;
  if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return errno;
  struct stat64 status{};
  if (lstat64(path.c_str(), &status) != 0) return errno;
  if (!S_ISDIR(status.st_mode)) return ENOTDIR;
  if (status.st_uid != geteuid()) return EPERM;
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) return EPERM;
  // The umask may have taken our own rights away.
  if ((status.st_mode & S_IRWXU) != S_IRWXU && chmod(path.c_str(), S_IRWXU) != 0) return errno;
  return 0;
}

std::string Variable(const char* (*get_env)(const char*), const char* name) {
  const char* const value = get_env(name);
  return value != nullptr ? value : "";
}

// lstat(2) follows a link that a slash stands behind.
std::string WithoutTrailingSlashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

std::expected<std::string, int> StateDirectory(const char* (*get_env)(const char*)) {
  std::string chosen = WithoutTrailingSlashes(Variable(get_env, "SOCKSIFY_STATE_DIR"));
  if (!chosen.empty()) {
    const int error = MakeUsable(chosen);
    if (error != 0) return std::unexpected(error);
    return chosen;
  }
  const std::string uid = std::to_string(geteuid());
  const std::string runtime = WithoutTrailingSlashes(Variable(get_env, "XDG_RUNTIME_DIR"));
  int error = 0;
  for (std::string& candidate : std::to_array({runtime.empty() ? std::string() : runtime + "/socksify",
                                               "/run/user/" + uid + "/socksify", "/tmp/socksify-" + uid})) {
    if (candidate.empty()) continue;
    error = MakeUsable(candidate);
    if (error == 0) return std::move(candidate);
  }
  return std::unexpected(error);
}

}  // namespace socksify
