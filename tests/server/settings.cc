// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/settings.h"

#include <utility>

#include "base/ip_address.h"
#include "base/text.h"

namespace socksify::testserver {

Settings::Pattern Settings::ParsePattern(std::string_view text) {
  Pattern pattern;
  std::string host(text);
  if (const std::optional<BoundAddress> with_port = ParseHostPort(text)) {
    host = with_port->host;
    pattern.port = with_port->port;
  }
  if (host == "*" || host.starts_with("*.")) {
    pattern.is_suffix = true;
    host.erase(0, 1);
  }
  pattern.host = ToLowerAscii(host);
  return pattern;
}

size_t Settings::Score(const Pattern& pattern, std::string_view host, uint16_t port) {
  constexpr size_t kExact = 1000;  // more than any suffix: names have at most 255 bytes
  if (pattern.port != 0 && pattern.port != port) return 0;
  const std::string name = ToLowerAscii(host);
  const size_t port_bonus = pattern.port != 0 ? 1 : 0;
  if (!pattern.is_suffix) return name == pattern.host ? kExact + port_bonus : 0;
  return name.ends_with(pattern.host) ? 2 + 2 * pattern.host.size() + port_bonus : 0;
}

template <typename T>
const T* Settings::Find(const std::vector<Entry<T>>& entries, std::string_view host, uint16_t port) {
  const T* best = nullptr;
  size_t best_score = 1;
  for (const Entry<T>& entry : entries) {
    const size_t score = Score(entry.pattern, host, port);
    if (score < best_score) continue;
    best = &entry.value;
    best_score = score;
  }
  return best;
}

void Settings::AddOrigin(std::string_view pattern, Origin origin) {
  const std::lock_guard lock(mutex_);
  origins_.push_back({ParsePattern(pattern), std::move(origin)});
}

void Settings::AddScript(std::string_view pattern, Script script) {
  const std::lock_guard lock(mutex_);
  scripts_.push_back({ParsePattern(pattern), std::move(script)});
}

void Settings::SetScript(Script script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

void Settings::SetCredentials(std::optional<Credentials> credentials) {
  const std::lock_guard lock(mutex_);
  credentials_ = std::move(credentials);
}

Origin Settings::FindOrigin(std::string_view host, uint16_t port) const {
  const std::lock_guard lock(mutex_);
  if (const Origin* origin = Find(origins_, host, port)) return *origin;
  Origin origin;
  if (IpAddress::Parse(host)) {
    origin.kind = OriginKind::kAddress;
    origin.text = host;
  }
  return origin;
}

Script Settings::FindScript(std::string_view host, uint16_t port) const {
  const std::lock_guard lock(mutex_);
  const Script* found = Find(scripts_, host, port);
  return found != nullptr ? *found : script_;
}

Script Settings::script() const {
  const std::lock_guard lock(mutex_);
  return script_;
}

std::optional<Credentials> Settings::credentials() const {
  const std::lock_guard lock(mutex_);
  return credentials_;
}

void Settings::SetUdp(bool offered) {
  const std::lock_guard lock(mutex_);
  udp_ = offered;
}

bool Settings::udp() const {
  const std::lock_guard lock(mutex_);
  return udp_;
}

void Settings::SetBind(bool offered) {
  const std::lock_guard lock(mutex_);
  bind_ = offered;
}

bool Settings::bind() const {
  const std::lock_guard lock(mutex_);
  return bind_;
}

void Settings::SetHttp(bool offered) {
  const std::lock_guard lock(mutex_);
  http_ = offered;
}

bool Settings::http() const {
  const std::lock_guard lock(mutex_);
  return http_;
}

}  // namespace socksify::testserver
