// SPDX-License-Identifier: BSD-2-Clause
#include "tools/nec_variables.h"

#include <cerrno>
#include <optional>

#include "routing/environment.h"

namespace socksify {
namespace {

constexpr char kDefaultFile[] = "/etc/libsocks5.conf";

bool IsOn(const ConfigHost& host, const char* name) {
  const std::optional<std::string> value = GetVariable(host, name);
  return value && *value != "0";
}

// A file that is there and cannot be read is an error of the configuration, not a reason to pass it by.
bool Exists(const ConfigHost& host, const std::string& path) {
  const auto content = host.read_file(path, 0);
  return content || (content.error() != ENOENT && content.error() != ENOTDIR);
}

std::string FileOf(const ConfigHost& host) {
  if (const auto file = GetVariable(host, "SOCKS5_LIBCONF")) return *file;
  if (GetVariable(host, "SOCKS_CONF") || GetVariable(host, "SOCKSIFY_PROXY") ||
      !ReadRouteVariables(host).empty()) {
    return {};
  }
  return Exists(host, kDefaultFile) ? kDefaultFile : "";
}

}  // namespace

void ApplyNecVariables(const ConfigHost& host, LaunchOptions* options) {
  if (options->sources.file.empty() && options->sources.proxies.empty()) {
    options->sources.file = FileOf(host);
  }
  if (IsOn(host, "SOCKS5_DEBUG") || IsOn(host, "SOCKS5_LOG_STDERR")) options->verbose = true;
}

}  // namespace socksify
