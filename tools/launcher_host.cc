// SPDX-License-Identifier: BSD-2-Clause
#include "tools/launcher_host.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <expected>
#include <string>
#include <system_error>
#include <vector>

#include "routing/config_host.h"
#include "routing/service_names.h"
#include "tools/first_line.h"

namespace socksify {
namespace {

constexpr size_t kMaxFileSize = size_t{64} << 20;
constexpr size_t kMaxLineSize = size_t{1} << 20;

// Takes from the front of `text` what stands before one of `separators`, and that one with it.
std::string_view TakeUntil(std::string_view separators, std::string_view* text) {
  const size_t end = std::min(text->find_first_of(separators), text->size());
  const std::string_view part = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return part;
}

// The next word of a line of services(5); empty at its end.
std::string_view TakeWord(std::string_view* line) {
  std::string_view word;
  while (word.empty() && !line->empty()) word = TakeUntil(" \t\r", line);
  return word;
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// One line of passwd(5): name:password:uid:...
struct UserLine {
  explicit UserLine(std::string_view line) : name(TakeUntil(":", &line)) {
    TakeUntil(":", &line);
    id = ParseNumber<uint32_t>(TakeUntil(":", &line));
  }

  std::string_view name;
  std::optional<uint32_t> id;
};

std::string ContentOf(const char* path) {
  return ConfigHostWithoutNss().read_file(path, kMaxFileSize).value_or("");
}

// A line of the database for `key`; nothing where it has none; an errno value where it cannot be told. The
// exit status of getent(1) is 2 for a key that is not found.
std::expected<std::optional<std::string>, int> AskGetent(const char* database, const std::string& key) {
  auto output = RunForFirstLine({"getent", database, "--", key}, kMaxLineSize);
  if (!output) return std::unexpected(output.error());
  if (!WIFEXITED(output->status)) return std::unexpected(EIO);
  switch (WEXITSTATUS(output->status)) {
    case 0: return std::move(output->first_line);
    case 2: return std::nullopt;
    default: return std::unexpected(EIO);
  }
}

// Where not even this program's own user is known (chroot, a container), that a name is not says nothing.
std::expected<std::optional<uint32_t>, int> UserId(const std::string& name) {
  const std::string passwd = ContentOf("/etc/passwd");
  if (const auto id = FindUserId(passwd, name)) return id;
  const auto answer = AskGetent("passwd", name);
  if (!answer) return std::unexpected(answer.error());
  if (const std::optional<std::string>& line = *answer) return UserLine(*line).id;
  if (HasUserId(passwd, getuid())) return std::nullopt;
  const auto own = AskGetent("passwd", std::to_string(getuid()));
  if (own && own->has_value()) return std::nullopt;
  return std::unexpected(own ? ENOENT : own.error());
}

std::optional<uint16_t> ServicePort(const std::string& name, const char* transport) {
  if (const auto port = FindServicePort(ContentOf("/etc/services"), name, transport)) return port;
  // What the loader knows itself need not be asked for.
  if (BuiltInServicePort(name)) return std::nullopt;
  const auto answer = AskGetent("services", name + "/" + transport);
  const std::optional<std::string> line = answer.value_or(std::nullopt);
  return line ? FindServicePort(*line, name, transport) : std::nullopt;
}

}  // namespace

ConfigHost LauncherConfigHost() {
  ConfigHost host = ConfigHostWithoutNss();
  host.user_id = UserId;
  host.service_port = ServicePort;
  return host;
}

std::optional<uint32_t> FindUserId(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const UserLine line(TakeUntil("\n", &text));
    if (line.id && line.name == name) return line.id;
  }
  return std::nullopt;
}

bool HasUserId(std::string_view text, uint32_t id) {
  while (!text.empty()) {
    if (UserLine(TakeUntil("\n", &text)).id == id) return true;
  }
  return false;
}

std::optional<uint16_t> FindServicePort(std::string_view text, std::string_view name,
                                        std::string_view transport) {
  while (!text.empty()) {
    std::string_view line = TakeUntil("\n", &text);
    line = line.substr(0, line.find('#'));
    const std::string_view own_name = TakeWord(&line);
    std::string_view protocol = TakeWord(&line);
    const auto port = ParseNumber<uint16_t>(TakeUntil("/", &protocol));
    if (!port || protocol != transport) continue;
    std::string_view word = own_name;
    while (!word.empty() && word != name) word = TakeWord(&line);
    if (!word.empty()) return port;
  }
  return std::nullopt;
}

}  // namespace socksify
