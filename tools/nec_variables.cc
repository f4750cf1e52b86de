// SPDX-License-Identifier: BSD-2-Clause
#include "tools/nec_variables.h"

#include <cerrno>
#include <expected>
#include <optional>
#include <string>

#include "routing/environment.h"
#include "routing/foreign_config.h"

namespace socksify {
namespace {

constexpr char kDefaultFile[] = "/etc/libsocks5.conf";
// As for the loader, which refuses a larger one.
constexpr size_t kMaxFileSize = size_t{64} << 20;

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
  if (GetVariable(host, "SOCKS_CONF") || GetVariable(host, "SOCKSIFY_PROXY")) return {};
  return Exists(host, kDefaultFile) ? kDefaultFile : "";
}

// Nothing where the content is to decide. What cannot be read is the loader's to report.
std::optional<ConfigFormat> FormatOf(const ConfigHost& host, const std::string& path) {
  const std::expected<std::string, int> content = host.read_file(path, kMaxFileSize);
  if (content && IsPlainlyOwn(*content)) return std::nullopt;
  return ConfigFormat::kNec;
}

}  // namespace

void ApplyNecVariables(const ConfigHost& host, LaunchOptions* options) {
  ConfigSources& sources = options->sources;
  if (sources.file.empty() && sources.proxies.empty()) {
    sources.file = FileOf(host);
    if (!sources.file.empty() && !sources.format) sources.format = FormatOf(host, sources.file);
  }
  if (IsOn(host, "SOCKS5_DEBUG") || IsOn(host, "SOCKS5_LOG_STDERR")) options->verbose = true;
}

}  // namespace socksify
