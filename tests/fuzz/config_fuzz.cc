// SPDX-License-Identifier: BSD-2-Clause
// Any text as a configuration file: it loads or is reported, and what loads can be asked. The word in kSecret
// must never come out, wherever a password is allowed to stand.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "routing/config.h"

namespace socksify {
namespace {

constexpr std::string_view kSecret = "Xs3cretX";

std::string_view current_text;

const char* GetEnv(const char* /*name*/) {
  return nullptr;
}

std::expected<std::string, int> ReadFile(const std::string& path, size_t /*max_size*/) {
  return path == "fuzz.conf" ? std::string(current_text) : std::string(kSecret) + "\n";
}

std::optional<uint16_t> ServicePort(const std::string& name, const char* transport) {
  if (name == "tftp" && *transport == 'u') return uint16_t{69};
  return std::nullopt;
}

std::expected<std::optional<uint32_t>, int> UserId(const std::string& name) {
  return name == "alice" ? std::optional(1000U) : std::nullopt;
}

std::vector<InterfaceAddress> Interfaces() {
  return {{"eth0", IpAddress::V4(0xc0a80101), 24}};
}

void AskTable(const RouteTable& table) {
  for (const char* host : {"10.1.2.3", "2001:db8::1", "www.example.org", "."}) {
    const Endpoint destination = *Endpoint::FromHost(host, 443);
    const Rule* const rule =
        table.Decide({destination, Transport::kTcp, Command::kConnect, nullptr, "curl", 0, 1000});
    if (rule == nullptr) continue;
    std::array<const Target*, RouteTable::kMaxTargets> targets{};
    const size_t count = OrderTargets(*rule, destination, 1234567, targets);
    if (count == 0 || count > targets.size()) std::abort();
    for (size_t i = 0; i < count; ++i) {
      if (targets[i]->kind == Target::Kind::kProxies && targets[i]->hops.empty()) std::abort();
    }
  }
  const NameRule how = table.HowToResolve("www.example.org", "curl", 1000, ResolveProtocol::kFake);
  if (how.rule != nullptr && how.rule->resolve != how.protocol) std::abort();
}

// Only where it stands as a password: `password: Xs3cretX`, and behind a ':' in front of an '@'.
bool IsPassword(std::string_view text) {
  const size_t place = text.find(kSecret);
  if (place == std::string_view::npos || text.find(kSecret, place + 1) != std::string_view::npos)
    return false;
  return text.substr(0, place).ends_with("password: ");
}

void CheckTexts(std::string_view text, const std::vector<Diagnostic>& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics) {
    const std::string shown = diagnostic.ToString();
    if (diagnostic.message.empty() || diagnostic.where.source == nullptr) std::abort();
    if (IsPassword(text) && shown.find(kSecret) != std::string::npos) std::abort();
  }
}

}  // namespace
}  // namespace socksify

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  current_text = {reinterpret_cast<const char*>(data), size};
  const auto config = LoadConfig({"fuzz.conf", {}}, {.get_env = GetEnv,
                                                     .read_file = ReadFile,
                                                     .read_secret = ReadFile,
                                                     .user_id = UserId,
                                                     .handed_password = nullptr,
                                                     .service_port = ServicePort,
                                                     .interfaces = Interfaces});
  if (config) {
    AskTable(config->routes);
    CheckTexts(current_text, config->warnings);
  } else {
    if (config.error().empty()) std::abort();
    CheckTexts(current_text, config.error());
  }
  return 0;
}
